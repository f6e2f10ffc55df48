
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
1
cParseExamplexxxx*
TdenseR
gone

yIdentityc*
T0