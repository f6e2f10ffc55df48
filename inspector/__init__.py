"""Inspector: shows what is in a TensorFlow model, makes it smaller, and checks the effect.

Example:
    >>> import inspector
    >>> model = inspector.open_model("export/my_model")
    >>> result = inspector.optimise(model, transforms="fold_constants quantize_weights")
    >>> inspector.save(result.model, "smaller")
"""

from typing import TYPE_CHECKING, Any

from inspector import api
from inspector.api import Model, describe, diff, freeze, open_model, optimise, predict, scan
from inspector.errors import InspectorError

if TYPE_CHECKING:
    from inspector.api import (
        Benchmark,
        Blame,
        Comparison,
        Diff,
        Facts,
        Optimised,
        Prediction,
        Scan,
        SearchResult,
        Step,
        TransformGraph,
        benchmark,
        blame,
        compare,
        convert,
        render,
        report,
        save,
        search,
        sensitivity,
    )

__all__ = [
    "Benchmark",
    "Blame",
    "Comparison",
    "Diff",
    "Facts",
    "InspectorError",
    "Model",
    "Optimised",
    "Prediction",
    "Scan",
    "SearchResult",
    "Step",
    "TransformGraph",
    "benchmark",
    "blame",
    "compare",
    "convert",
    "describe",
    "diff",
    "freeze",
    "open_model",
    "optimise",
    "predict",
    "render",
    "report",
    "save",
    "scan",
    "search",
    "sensitivity",
]


if not TYPE_CHECKING:  # else a misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        """Names that `api` imports at their first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(api, name)
