
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
9
cPartitionedCallx* 
f:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0