
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cWhilex*
body0ç

yIdentityc*
T0