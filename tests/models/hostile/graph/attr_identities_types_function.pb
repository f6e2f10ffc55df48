
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
#
c	IdentityNxx*
TR
gone

yIdentityc*
T0