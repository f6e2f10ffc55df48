
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
3
cRelux*
T0*
_output_shapes
€€€€€€€€@

yIdentityc*
T0