
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ
	
yfx


f
a
r"
rb