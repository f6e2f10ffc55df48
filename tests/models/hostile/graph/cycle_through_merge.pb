
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
"
mMergexr*
N*
T0

rRelum*
T0

yIdentityr*
T0