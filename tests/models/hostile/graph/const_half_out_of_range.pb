
;
cConst*
dtype0*"
valueBjð¢ÿÿÿÿÿÿÿÿÿ

yIdentityc*
T0