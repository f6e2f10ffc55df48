
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aRelugone*
T0

yIdentitya*
T0