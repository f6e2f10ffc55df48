
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aRelux:y:z*
T0

yIdentitya*
T0