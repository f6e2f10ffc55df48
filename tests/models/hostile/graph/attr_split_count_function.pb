
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
0
cSplitxx*
T0*
	num_splitR
gone

yIdentityc*
T0