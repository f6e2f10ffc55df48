
<
a"b'c`d\e$(f)|gPlaceholder*
dtype0*
shape:
'
yIdentitya"b'c`d\e$(f)|g*
T0