
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

ax

yIdentitya*
T0