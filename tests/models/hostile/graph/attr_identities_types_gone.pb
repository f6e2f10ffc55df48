
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

c	IdentityNxx

yIdentityc*
T0