
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
,
cConst*
dtype0*
value
B

zMulxc*
T0

yIdentityz*
T0