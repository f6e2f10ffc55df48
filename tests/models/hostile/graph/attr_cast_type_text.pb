
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
)
cCastx*
DstTfloat*

SrcT0

yIdentityc*
T0