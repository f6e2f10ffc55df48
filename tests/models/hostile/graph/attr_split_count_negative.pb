
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
3
cSplitxx*
T0*
	num_split€€€€€€€€€

yIdentityc*
T0