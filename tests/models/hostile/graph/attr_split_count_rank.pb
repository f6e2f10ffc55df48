
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
C
cSplitxx*
T0*(
	num_split:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0