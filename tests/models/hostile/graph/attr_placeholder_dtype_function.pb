
A
xPlaceholder*
dtypeR
gone*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0