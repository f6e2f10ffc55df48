
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
&
cPartitionedCallx*
fR
gone

yIdentityc*
T0