"""Inspector: see what is inside a TensorFlow model, make it smaller, and check what that did.

Example:
    >>> import inspector
    >>> model = inspector.open_model("export/my_model")
    >>> result = inspector.optimise(model, transforms="fold_constants quantize_weights")
    >>> inspector.save(result.model, "smaller")
"""

from inspector.api import (
    Model,
    TransformGraph,
    describe,
    diff,
    freeze,
    open_model,
    optimise,
    predict,
    render,
    save,
)

__all__ = [
    "Model",
    "TransformGraph",
    "describe",
    "diff",
    "freeze",
    "open_model",
    "optimise",
    "predict",
    "render",
    "save",
]
