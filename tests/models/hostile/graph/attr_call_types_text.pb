
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
(
cPartitionedCallx*
Toutfloat

yIdentityc*
T0