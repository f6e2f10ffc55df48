
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cPartitionedCallx

yIdentityc*
T0