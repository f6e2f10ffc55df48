
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
D
cRelux*
T0*-
_output_shapes:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0