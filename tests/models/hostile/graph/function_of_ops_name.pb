
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

yRelux4
2

Relu
a
r
n0Relua"
rn0:r:0