
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
<
cRelux*
T0*%
_class:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0