
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
/
cSplitxx*
T0*
	num_splitfloat

yIdentityc*
T0