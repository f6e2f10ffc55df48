
0
xPlaceholder*
dtype0*
shapeR
gone

yIdentityx*
T0