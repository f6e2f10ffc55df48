
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
W
cConv2Dxx*
T0*&
padding:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@*
strides


yIdentityc*
T0