
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
7
cConst*
dtype0*
valueB	€€€€€ "abc

zMulxc*
T0

yIdentityz*
T0