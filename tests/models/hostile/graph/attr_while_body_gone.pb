
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cWhilex

yIdentityc*
T0