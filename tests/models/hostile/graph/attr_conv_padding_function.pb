
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
D
cConv2Dxx*
T0*
paddingR
gone*
strides


yIdentityc*
T0