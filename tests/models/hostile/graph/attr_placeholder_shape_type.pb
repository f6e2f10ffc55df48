
+
xPlaceholder*
dtype0*
shape0ç

yIdentityx*
T0