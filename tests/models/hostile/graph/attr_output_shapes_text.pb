
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
0
cRelux*
T0*
_output_shapesfloat

yIdentityc*
T0