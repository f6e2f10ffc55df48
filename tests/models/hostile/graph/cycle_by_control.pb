
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aNoOp^b

bNoOp^a

cRelux^a*
T0

yIdentityc*
T0