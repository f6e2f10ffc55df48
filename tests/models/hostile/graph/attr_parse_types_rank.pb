
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
D
cParseExamplexxxx*%
Tdense:ùÿÿÿÿÿÿÿÿ
€€€€€€€€@

yIdentityc*
T0