
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
C
cConv2Dxx*
T0*
paddingfloat*
strides


yIdentityc*
T0