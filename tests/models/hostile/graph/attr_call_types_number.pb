
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
+
cPartitionedCallx*
Tout
€€€€€€€€@

yIdentityc*
T0