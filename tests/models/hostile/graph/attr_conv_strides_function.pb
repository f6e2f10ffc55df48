
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
B
cConv2Dxx*
T0*
paddingSAME*
stridesR
gone

yIdentityc*
T0