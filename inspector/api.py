"""The functions that scripts, notebooks and the command line call.

`import inspector` offers those of the contract; the rest is for the command line. No model runs in
the caller's process; all else is computed here, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

from inspector import formats
from inspector.analysis.describe import describe as _describe
from inspector.errors import InspectorError
from inspector.files import paths
from inspector.freezing.freeze import freeze as _freeze
from inspector.model.model import Model, Runtime

# A call imports what it needs, so that `import inspector` stays quick; except modules with the name
# of a function here, which a later import would replace.
if TYPE_CHECKING:
    from inspector.analysis.class_names import read_class_names
    from inspector.analysis.describe import Facts
    from inspector.analysis.diff import Diff, diff
    from inspector.analysis.operations import operations
    from inspector.formats.tflite.quantisation_report import QuantisationReport
    from inspector.graph.op_safety import BLOCK
    from inspector.jobs.client.ask import Terms
    from inspector.jobs.client.blaming import Blame, blame
    from inspector.jobs.client.comparing import Comparison, compare
    from inspector.jobs.client.feed_reading import feed_template, read_feeds, top_classes
    from inspector.jobs.client.predict import Prediction
    from inspector.jobs.client.timing import benchmark
    from inspector.measurement.run_times import Benchmark
    from inspector.model.operation import Operation
    from inspector.optimisation.feeding.array_files import csv_text, write_npz
    from inspector.optimisation.label_files import read_labels
    from inspector.optimisation.optimise import Optimised
    from inspector.optimisation.tflite.recipes import RECIPE_NAMES, RECIPES
    from inspector.passes.catalogue import transforms
    from inspector.passes.pipeline import OnViolation, Progress, Transforms
    from inspector.passes.records import Step
    from inspector.reporting.commands import Origin
    from inspector.reporting.write import report
    from inspector.safety.scan import Scan
    from inspector.searching.model_search import search
    from inspector.searching.outcome import SearchResult
    from inspector.transform_graph import TransformGraph, transform_graph_file
    from inspector.view.export.render import render
    from inspector.writing import FORMATS, convert, save, sensitivity

__all__ = [
    "BLOCK",
    "FORMATS",
    "RECIPES",
    "RECIPE_NAMES",
    "Benchmark",
    "Blame",
    "Comparison",
    "Diff",
    "Facts",
    "InspectorError",
    "Model",
    "OnViolation",
    "Operation",
    "Optimised",
    "Origin",
    "Prediction",
    "Scan",
    "SearchResult",
    "Step",
    "TransformGraph",
    "benchmark",
    "blame",
    "compare",
    "convert",
    "csv_text",
    "describe",
    "diff",
    "doctor",
    "feed_template",
    "freeze",
    "open_model",
    "operations",
    "optimise",
    "predict",
    "quantisation",
    "read_class_names",
    "read_feeds",
    "read_labels",
    "render",
    "report",
    "sarif",
    "save",
    "scan",
    "search",
    "sensitivity",
    "top_classes",
    "transform_graph_file",
    "transforms",
    "write_npz",
]

_ELSEWHERE = {
    "BLOCK": "graph.op_safety",
    "Benchmark": "measurement.run_times",
    "Blame": "jobs.client.blaming",
    "Comparison": "jobs.client.comparing",
    "FORMATS": "writing",
    "RECIPES": "optimisation.tflite.recipes",
    "RECIPE_NAMES": "optimisation.tflite.recipes",
    "Diff": "analysis.diff",
    "Facts": "analysis.describe",
    "OnViolation": "passes.pipeline",
    "Operation": "model.operation",
    "Origin": "reporting.commands",
    "Optimised": "optimisation.optimise",
    "Prediction": "jobs.client.predict",
    "Scan": "safety.scan",
    "SearchResult": "searching.outcome",
    "Step": "passes.records",
    "TransformGraph": "transform_graph",
    "benchmark": "jobs.client.timing",
    "blame": "jobs.client.blaming",
    "compare": "jobs.client.comparing",
    "convert": "writing",
    "diff": "analysis.diff",
    "operations": "analysis.operations",
    "read_class_names": "analysis.class_names",
    "read_labels": "optimisation.label_files",
    "csv_text": "optimisation.feeding.array_files",
    "feed_template": "jobs.client.feed_reading",
    "read_feeds": "jobs.client.feed_reading",
    "render": "view.export.render",
    "report": "reporting.write",
    "save": "writing",
    "search": "searching.model_search",
    "sensitivity": "writing",
    "top_classes": "jobs.client.feed_reading",
    "transforms": "passes.catalogue",
    "transform_graph_file": "transform_graph",
    "write_npz": "optimisation.feeding.array_files",
}
"""Public name to the module that has it."""


if not TYPE_CHECKING:  # else a misspelt name would pass as Any

    def __getattr__(name: str) -> Any:
        """Import a name of `_ELSEWHERE` at its first use."""
        if name not in _ELSEWHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"inspector.{_ELSEWHERE[name]}"), name)


def _html(model: Model) -> str:
    """How a notebook shows a Model."""
    from inspector import notebook

    return notebook.html(model)


# `Model` cannot define it: the table needs `describe`, which imports `Model`.
Model._repr_html_ = _html  # type: ignore[attr-defined]


def open_model(
    path: str | PathLike[str],
    tag_set: Sequence[str] | str | None = None,
    *,
    progress: Progress | None = None,
) -> Model:
    """Open a model; nothing of it is run, and no variable is read.

    Args:
        path: A folder with a SavedModel or a checkpoint, a checkpoint's prefix, a file of any
            name, or an archive of any of these; or a URL of one: ``https://`` as it is, ``s3://``,
            ``gs://`` and others where fsspec (the extra ``urls``) and the package of that protocol
            are installed. The fetched files are removed with the Model.
        tag_set: Which MetaGraphDef of a SavedModel, e.g. ``["serve", "gpu"]`` or ``"serve,gpu"``;
            by default ``serve``.
        progress: Called during a fetch, as in `optimise`.
    Raises: ModelError, LimitExceeded.
    """
    tags = [tag for tag in tag_set.split(",") if tag] if isinstance(tag_set, str) else tag_set
    if not (isinstance(path, str) and paths.is_url(path)):
        return formats.open_model(path, tags)
    from inspector.formats import archives
    from inspector.jobs.tasks import fetch

    home = archives.Scratch()
    try:
        model = formats.open_model(fetch.fetch(path, home.path, progress=progress), tags)
    except BaseException:
        home.remove()
        raise
    model.unpacked = (home, model.unpacked)
    return model


def describe(model: Model) -> Facts:
    """The facts of a model; ``.to_dict()`` is the JSON of ``inspector describe``."""
    return _describe(model)


def scan(model: Model) -> Scan:
    """The ops and Keras code in a model that reach beyond it, and the signatures that run them.

    ``.blocked``: a signature reaches something that would be refused; `sarif` gives SARIF.
    """
    from inspector.safety.scan import scan as scan_model

    return scan_model(model)


def sarif(report: Scan, uri: str | None = None) -> dict[str, Any]:
    """A scan as SARIF 2.1.0; `uri` says where the model lies, relative to the repository."""
    from inspector.safety import sarif as sarif_format

    return sarif_format.of(report, uri)


def freeze(
    model: Model,
    outputs: Sequence[str] | None = None,
    *,
    signature: str | Sequence[str] | None = None,
    all_signatures: bool = False,
    init_op: str | None = None,
    set: Mapping[str, Any] | None = None,
    keep_devices: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Model:
    """Turn variables into constants, inline calls, and keep only what the outputs need.

    Keras builds the graph of a Keras file, in a worker; its outputs are layers or nodes, by
    default ``output_node0`` and so on.

    Args:
        outputs: Names of nodes or tensors; by default the outputs of the signature.
        signature: Its key, or those of several; by default ``serving_default``, or the best.
        all_signatures: Keep all signatures that the outputs allow.
        init_op: The node that fills tables and assigns variables, in place of the one that the
            file declares or the graph holds.
        set: Inputs that become constants: ``{"phase_train": False}``. What this decides goes.
        progress: As in `optimise`.
        timeout: Seconds for the worker that builds the graph of a Keras file.
    Raises: ModelError, GraphError, FreezeError, BadFetch, BadFeed; BlockedOp and JobError for a
        Keras file.
    """
    if model.runs_with is Runtime.KERAS:
        from inspector.jobs.client import build

        terms = _terms(progress, timeout)
        model = build.of_ops(model, outputs, keep_devices=keep_devices, terms=terms)
        if not set:
            return model
        outputs = None
    from inspector.model import callables, signature_choice
    from inspector.optimisation.fixed_inputs import fix_inputs

    model = callables.with_callables(model, signature)
    choice = signature_choice.choose(model, signature, outputs, every=all_signatures)
    model = fix_inputs(model, set or {}, choice.keys[0] if choice.keys else None)
    frozen = _freeze(
        model,
        outputs,
        signature,
        keep_devices,
        init_op,
        all_signatures,
        decide_branches=bool(set),
    )
    frozen.notes += choice.sentences()
    return frozen


def optimise(
    model: Model,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    transforms: Transforms | None = None,
    preset: str | None = None,
    progress: Progress | None = None,
    *,
    signature: str | Sequence[str] | None = None,
    all_signatures: bool = False,
    init_op: str | None = None,
    set: Mapping[str, Any] | None = None,
    cancelled: Callable[[], bool] | None = None,
    check: bool = False,
    feeds: Mapping[str, Any] | None = None,
    on_violation: OnViolation = "keep",
    require_check: bool = False,
    timeout: float | None = None,
) -> Optimised:
    """Freeze the model if it is not, and run transforms on it.

    Args:
        inputs: Feeds, node or tensor names; by default those the outputs need, also in the end.
        outputs: Fetches; by default the signature's, else the likeliest.
        transforms: The tool's text, ``"fold_constants round_weights(num_steps=256)"``, or a list.
        preset: In place of `transforms`, the name of a list.
        progress: Called in this thread with a fraction from 0 to 1, or None, and the current step.
        signature, all_signatures: As in `freeze`; ``warnings`` says which are left out.
        init_op, set: As in `freeze`.
        cancelled: Called often, in this thread; True ends the call with JobCancelled.
        check: Run the graph before and after each transform, in a worker: ``steps[0].check``.
        feeds: Feeds for the check: key to array, as in `predict`; by default random rows.
        on_violation: For a transform that changed the outputs by more than it declares: ``keep``,
            ``rollback``, or ``stop`` with an error, also at one that could not be checked.
        require_check: Check; an error at the end where one is in violation or was not checked.
        timeout: Seconds from now for all jobs in workers; by default each has its own limit.
    Returns: The new ``model``, and ``steps``: per transform what it changed and left alone.
    Raises: TransformError before work starts; ModelError, GraphError, FreezeError, JobError;
        BadFeed, BadFetch; TransformFailed; CheckViolated and CheckNotMade where a check is
        required. JobTimeout and WorkerUnavailable also for transforms with ``ignore_errors=true``.
    """
    from inspector.jobs.client import build, transform
    from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions

    options = OptimiseOptions(
        _names(inputs),
        _names(outputs),
        transforms,
        preset,
        signature if isinstance(signature, str) else _names(signature),
        CheckOptions.of(check, feeds, on_violation, require_check),
        set,
        allow_files=True,
        init_op=init_op,
        all_signatures=all_signatures,
    )
    terms = _terms(progress, timeout, cancelled)
    return transform.optimise(build.of_ops(model, outputs, terms=terms), options, terms)


def predict(
    model: Model,
    feeds: Mapping[str, Any] | None = None,
    fetches: Sequence[str] | None = None,
    signature: str | None = None,
    *,
    init_op: str | None = None,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Prediction:
    """Run a model once, in a worker.

    Args:
        feeds: Key to array or nested list; a key is an input, a tensor name or a node name.
        fetches: Keys in the same sense; by default all outputs of the signature.
        signature: Its key; by default the one whose inputs are fed.
        init_op: The node to run first, as in `freeze`.
        progress: As in `optimise`.
        timeout: Seconds from now, at most 1,000,000; by default the run may take 120 s.
    Returns: ``outputs``: key to array; ``run_ms``: the run alone, without loading.
    Raises: BadFeed, BadFetch, UnknownSignature, BlockedOp, RunFailed, MissingVariables, JobError
        (JobTimeout after the timeout, WorkerUnavailable where TensorFlow cannot be started).
    """
    from inspector.jobs.client import predict as prediction

    terms = _terms(progress, timeout)
    return prediction.predict(model, feeds or {}, fetches, signature, init_op, terms)


def quantisation(model: Model) -> QuantisationReport | None:
    """How a model of `convert` was quantised; None for any other."""
    return getattr(model, "quantisation", None)


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


def _terms(
    progress: Progress | None,
    timeout: float | None,
    cancelled: Callable[[], bool] | None = None,
) -> Terms:
    """How a call waits for its workers. Raises: BadParameter for a timeout out of its range."""
    from inspector.jobs.client.ask import Deadline, Terms

    return Terms(Deadline.after(timeout), progress, cancelled)


def doctor() -> dict[str, Any]:
    """What this machine provides: sandbox, programs, packages, room; as JSON, see docs/sandbox.md.

    Starts TensorFlow in a worker. ``problems`` are sentences about parts that the defaults need.
    """
    from inspector.jobs.doctor import examine

    return examine()
