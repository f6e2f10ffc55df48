
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cCastx*

SrcT0

yIdentityc*
T0