
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
%
cConst*
dtype0*
value0ç

yIdentityc*
T0