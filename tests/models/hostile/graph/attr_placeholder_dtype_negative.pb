
D
xPlaceholder*
dtype€€€€€€€€€*
shape:ÿÿÿÿÿÿÿÿÿ

yIdentityx*
T0