
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
2
cWhilex*#
body:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0