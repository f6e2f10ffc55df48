

xPlaceholder


ÿþNoOp