
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aAdd^xxx*
T0

yIdentitya*
T0