
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
"
c	IdentityNxx*
Tfloat

yIdentityc*
T0