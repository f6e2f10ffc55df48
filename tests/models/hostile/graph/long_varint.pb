

xPlaceholder
ÿÿÿÿÿÿÿÿÿÿÿ