
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cWhilex*
bodyR
gone

yIdentityc*
T0