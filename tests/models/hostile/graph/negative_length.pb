

xPlaceholder
ÿÿÿÿÿÿÿÿÿ