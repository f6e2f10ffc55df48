
T
xPlaceholder*$
dtype:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0