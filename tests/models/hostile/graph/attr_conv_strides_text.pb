
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
A
cConv2Dxx*
T0*
paddingSAME*
stridesfloat

yIdentityc*
T0