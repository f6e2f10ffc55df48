
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
*
cConst*
dtype0*
valueR
gone

yIdentityc*
T0