
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
!
cPartitionedCallx*
f0ç

yIdentityc*
T0