
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aRelux:-1*
T0

yIdentitya*
T0