
M
 größe/日本語/🙂/‮gnirtsPlaceholder*
dtype0*
shape:
8
yIdentity größe/日本語/🙂/‮gnirts*
T0