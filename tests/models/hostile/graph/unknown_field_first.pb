x

xPlaceholder