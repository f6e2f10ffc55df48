
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
U
cConv2Dxx*
T0*
paddingSAME*&
strides:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0