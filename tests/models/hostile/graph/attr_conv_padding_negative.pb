
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
G
cConv2Dxx*
T0*
padding€€€€€€€€€*
strides


yIdentityc*
T0