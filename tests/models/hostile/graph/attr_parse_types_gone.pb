
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

cParseExamplexxxx

yIdentityc*
T0