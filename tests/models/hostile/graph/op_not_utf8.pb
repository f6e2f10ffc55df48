

xPlaceholder

nÿþ