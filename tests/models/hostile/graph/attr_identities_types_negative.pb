
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
&
c	IdentityNxx*
T€€€€€€€€€

yIdentityc*
T0