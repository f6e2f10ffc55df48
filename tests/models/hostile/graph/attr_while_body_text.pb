
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cWhilex*
bodyfloat

yIdentityc*
T0