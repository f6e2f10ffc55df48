
C
../../../../etc/passwdPlaceholder*
dtype0*
shape:
.
yIdentity../../../../etc/passwd*
T0