
;
xPlaceholder*
shape:ÿÿÿÿÿÿÿÿÿ*
dtype0