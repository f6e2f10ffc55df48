
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aAddxb*
T0

bRelua*
T0

yIdentityb*
T0