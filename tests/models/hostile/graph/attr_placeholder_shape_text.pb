
/
xPlaceholder*
dtype0*
shapefloat

yIdentityx*
T0