
<
xPlaceholder*
dtype0ç*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0