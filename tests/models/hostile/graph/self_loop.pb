
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aRelua*
T0

yIdentitya*
T0