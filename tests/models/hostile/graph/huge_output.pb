
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
*
aRelux:99999999999999999999*
T0

yIdentitya*
T0