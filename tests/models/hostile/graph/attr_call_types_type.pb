
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
$
cPartitionedCallx*
Tout0ç

yIdentityc*
T0