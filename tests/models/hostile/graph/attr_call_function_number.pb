
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
(
cPartitionedCallx*
f
€€€€€€€€@

yIdentityc*
T0