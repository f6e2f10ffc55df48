"""Inspector: shows what is in a TensorFlow model, makes it smaller, and checks the effect.

Open a model with `open_model`; `describe`, `operations`, `scan` and `render` say what is in it;
`freeze`, `optimise` and `convert` make another model of it, which `save` writes; `predict`,
`compare`, `benchmark`, `diff`, `blame`, `search` and `report` tell what that did to it; `sweep`
does it to many models.

Example:
    >>> import inspector
    >>> model = inspector.open_model("export/my_model")
    >>> result = inspector.optimise(model, transforms="fold_constants quantize_weights")
    >>> inspector.save(result.model, "smaller")

Errors are those of `inspector.errors`, settings those of `inspector.settings`. Milestones go to the
logger ``inspector``. docs/api.md has a section for every name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inspector.version import __version__

if TYPE_CHECKING:
    from inspector import errors, settings
    from inspector.api import (
        BatchSweep,
        BatchTimes,
        Benchmark,
        Blame,
        Change,
        Comparison,
        Diff,
        Difference,
        Facts,
        Finding,
        GraphFacts,
        InspectorError,
        Limit,
        Measured,
        Model,
        NodeError,
        NodeTime,
        Operation,
        OpTime,
        Optimised,
        Origin,
        Parameter,
        Prediction,
        Preset,
        Profile,
        QuantisationReport,
        ReportContents,
        RunTimes,
        Scan,
        SearchResult,
        Sensitivity,
        Setting,
        Skip,
        SteadyTimes,
        Step,
        Suggestion,
        SweepResult,
        Swept,
        Transform,
        TransformGraph,
        Variable,
        Verdict,
        benchmark,
        benchmark_batches,
        blame,
        compare,
        convert,
        describe,
        diff,
        doctor,
        feed_template,
        freeze,
        from_graph_def,
        open_model,
        operations,
        optimise,
        optimize,
        predict,
        presets,
        profile,
        quantisation,
        read_class_names,
        read_feeds,
        read_labels,
        render,
        report,
        sarif,
        save,
        scan,
        schema,
        schema_names,
        search,
        sensitivity,
        sweep,
        to_tensorflow,
        top_classes,
        transform_graph_file,
        transforms,
    )

__all__ = [
    "BatchSweep",
    "BatchTimes",
    "Benchmark",
    "Blame",
    "Change",
    "Comparison",
    "Diff",
    "Difference",
    "Facts",
    "Finding",
    "GraphFacts",
    "InspectorError",
    "Limit",
    "Measured",
    "Model",
    "NodeError",
    "NodeTime",
    "OpTime",
    "Operation",
    "Optimised",
    "Origin",
    "Parameter",
    "Prediction",
    "Preset",
    "Profile",
    "QuantisationReport",
    "ReportContents",
    "RunTimes",
    "Scan",
    "SearchResult",
    "Sensitivity",
    "Setting",
    "Skip",
    "SteadyTimes",
    "Step",
    "Suggestion",
    "SweepResult",
    "Swept",
    "Transform",
    "TransformGraph",
    "Variable",
    "Verdict",
    "__version__",
    "benchmark",
    "benchmark_batches",
    "blame",
    "compare",
    "convert",
    "describe",
    "diff",
    "doctor",
    "errors",
    "feed_template",
    "freeze",
    "from_graph_def",
    "open_model",
    "operations",
    "optimise",
    "optimize",
    "predict",
    "presets",
    "profile",
    "quantisation",
    "read_class_names",
    "read_feeds",
    "read_labels",
    "render",
    "report",
    "sarif",
    "save",
    "scan",
    "schema",
    "schema_names",
    "search",
    "sensitivity",
    "settings",
    "sweep",
    "to_tensorflow",
    "top_classes",
    "transform_graph_file",
    "transforms",
]


if not TYPE_CHECKING:  # else a misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        """Names that are imported at their first use."""
        if name in ("errors", "settings"):
            return import_module(f"inspector.{name}")
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from inspector import api

        return getattr(api, name)

    def __dir__() -> list[str]:
        """The public names, also those that are not imported yet."""
        return sorted({*globals(), *__all__})
