
;
xPlaceholder*
dtype0*
shape:ÿÿÿÿÿÿÿÿÿ

aLaunchMissilesx*
T0

yIdentitya*
T0