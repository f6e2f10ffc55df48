

xPlaceholdera