
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
4
cParseExamplexxxx*
Tdense€€€€€€€€€

yIdentityc*
T0