
=
a
b
	c d[31mPlaceholder*
dtype0*
shape:
(
yIdentitya
b
	c d[31m*
T0