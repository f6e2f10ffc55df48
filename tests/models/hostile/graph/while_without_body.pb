
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
	
yfx„
e

f
a
r>
n0Whilea*

T
2*
bodyR
gone*
condR
gone"
rn0:output:0


g
a
r"
ra