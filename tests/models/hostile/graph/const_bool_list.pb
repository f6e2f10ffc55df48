
0
cConst*
dtype0
*
valueB
:

yIdentityc*
T0
