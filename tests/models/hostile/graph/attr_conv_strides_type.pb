
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
=
cConv2Dxx*
T0*
paddingSAME*
strides0ç

yIdentityc*
T0