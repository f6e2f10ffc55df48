
.
xPlaceholder*
dtype0*
shape:
>
ConstConst*!
valueB"mqª?†7?­ÏÅ¿*
dtype0
0
outer_BrIUzXOuAI8outer_BrIUzXOuAI8xConst
=
totalAddouter_BrIUzXOuAI8outer_BrIUzXOuAI8:1*
T0ø
“
3
inner_wTVav51zRSg
a
b
mul
add
mul_0Mulab*
T0
add_0Addab*
T0"
mul	mul_0:z:0"
add	add_0:z:0
ß
Q
outer_BrIUzXOuAI8
a
b
inner_wtvav51zrsg
inner_wtvav51zrsg_0,
inner_wTVav51zRSginner_wTVav51zRSgab",
inner_wtvav51zrsginner_wTVav51zRSg:add:0".
inner_wtvav51zrsg_0inner_wTVav51zRSg:mul:0"