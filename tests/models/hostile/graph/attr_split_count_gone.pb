
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cSplitxx*
T0

yIdentityc*
T0