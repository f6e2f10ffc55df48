
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

c	IdentityNxx*
T0ç

yIdentityc*
T0