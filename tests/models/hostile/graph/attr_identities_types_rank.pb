
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
6
c	IdentityNxx* 
T:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0