
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
	
yfx.
,

f
a
r

n0fa"
rn0:r:0