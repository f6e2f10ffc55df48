
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aMatMul*
T0

yIdentitya*
T0