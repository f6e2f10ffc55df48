
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
(
cRelux*
T0*
_classfloat

yIdentityc*
T0