ç
"serveó
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
1
w
VariableV2*
dtype0*
shape
:

rIdentityw*
T0

yMatMulxr*
T0
5
	save/pathConst*
dtype0*
valueB	Bmodel
8

save/namesConst*
dtype0*
valueBBw
8
save/slic