"""Inspector: see what is inside a TensorFlow model, make it smaller, and check what that did.

Example:
    >>> import inspector
    >>> model = inspector.open_model("export/my_model")
    >>> result = inspector.optimise(model, transforms="fold_constants quantize_weights")
    >>> inspector.save(result.model, "smaller")
"""

from typing import TYPE_CHECKING, Any

from inspector import api
from inspector.api import Model, describe, diff, freeze, open_model, optimise, predict, save

if TYPE_CHECKING:
    from inspector.api import TransformGraph, render

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


def __getattr__(name: str) -> Any:
    """What `api` loads when somebody asks for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(api, name)
