
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
%
cPartitionedCallx*
ffloat

yIdentityc*
T0