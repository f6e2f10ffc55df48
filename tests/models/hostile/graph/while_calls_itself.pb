
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
	
yfx~
_

f
a
r8
n0Whilea*

T
2*
bodyR
f*
condR
g"
rn0:output:0


g
a
r"
ra