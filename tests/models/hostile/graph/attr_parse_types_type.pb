
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
,
cParseExamplexxxx*
Tdense0ç

yIdentityc*
T0