
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
,
cRelux*
T0*
_output_shapes0ç

yIdentityc*
T0