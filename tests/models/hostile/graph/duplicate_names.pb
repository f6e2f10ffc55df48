
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aRelux*
T0
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0