
;
cConst*
dtype0*"
valueB:ð¢ÿÿÿÿÿÿÿÿÿ

yIdentityc*
T0