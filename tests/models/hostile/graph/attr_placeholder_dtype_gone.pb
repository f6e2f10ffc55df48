
.
xPlaceholder*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0