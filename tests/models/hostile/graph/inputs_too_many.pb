
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
¨
aReluxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx*
T0

yIdentitya*
T0