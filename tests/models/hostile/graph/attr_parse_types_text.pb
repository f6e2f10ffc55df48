
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
0
cParseExamplexxxx*
Tdensefloat

yIdentityc*
T0