
C
xPlaceholder*
dtype0*$
shape:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityx*
T0