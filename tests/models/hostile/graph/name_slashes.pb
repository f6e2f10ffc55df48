
6
	//a///b//Placeholder*
dtype0*
shape:
!
yIdentity	//a///b//*
T0