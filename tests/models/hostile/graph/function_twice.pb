
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
	
yfxD
B

f
a
r
n0Relua*
T0"
rn0:activations:0


f
a
r"
ra