
@
xPlaceholder*
dtypefloat*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0