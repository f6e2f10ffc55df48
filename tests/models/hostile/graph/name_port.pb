
0
x:0Placeholder*
dtype0*
shape:

yIdentityx:0*
T0