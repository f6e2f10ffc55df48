
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
1
cRelux*
T0*
_output_shapesR
gone

yIdentityc*
T0