"""What a script or notebook calls. `inspector` offers these names; the command line uses them too.

No model runs in the caller's process: kernels, for folding and for predictions, run in a worker.
Everything else is computed right here, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector import formats, paths
from inspector.describe import describe as _describe
from inspector.diff import diff as _diff
from inspector.errors import UnsupportedModel
from inspector.freeze import freeze as _freeze
from inspector.model import Model

# What one call needs, the others do not wait for: most is imported where it is used. The modules
# that are named as a function here is are not: importing them later would put them in its place.
if TYPE_CHECKING:
    from inspector.describe import Facts
    from inspector.diff import Diff
    from inspector.jobs.prediction import Prediction
    from inspector.optimising import Optimised, Progress
    from inspector.passes.pipeline import OnViolation, Transforms
    from inspector.rendering import render
    from inspector.transform_graph import TransformGraph

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

_CHECK_S = 300.0
"""Seconds for all runs of a check; nobody waits in front of a page."""

SAVED_MODEL, GRAPH_DEF = "saved_model", "graphdef"

_ELSEWHERE = {"TransformGraph": "transform_graph", "render": "rendering"}


def __getattr__(name: str) -> Any:
    """Names that other modules have, loaded when somebody asks for them."""
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"inspector.{_ELSEWHERE[name]}"), name)


def _html(model: Model) -> str:
    """A Model in a notebook."""
    from inspector import notebook

    return notebook.html(model)


# Set from here: the table needs `describe`, which lies above `Model`.
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
            are installed. What is fetched is kept for as long as the Model is.
        tag_set: Which MetaGraphDef of a SavedModel, e.g. ``["serve", "gpu"]`` or ``"serve,gpu"``;
            by default ``serve``.
        progress: Told how far a fetch is.
    Raises: ModelError, LimitExceeded.
    """
    tags = [tag for tag in tag_set.split(",") if tag] if isinstance(tag_set, str) else tag_set
    if not (isinstance(path, str) and paths.is_url(path)):
        return formats.open_model(path, tags)
    from inspector.formats import archives
    from inspector.jobs import fetching

    home = archives.Scratch()
    try:
        model = formats.open_model(fetching.fetch(path, home.path, progress=progress), tags)
    except BaseException:
        home.remove()
        raise
    model.unpacked = (home, model.unpacked)
    return model


def describe(model: Model) -> Facts:
    """The facts of a model; ``.to_dict()`` is the JSON of ``inspector describe``."""
    return _describe(model)


def freeze(
    model: Model,
    outputs: Sequence[str] | None = None,
    *,
    signature: str | None = None,
    keep_devices: bool = False,
) -> Model:
    """Variables to constants, calls inlined, and only what the outputs need.

    Args:
        outputs: Names of nodes or tensors; by default the outputs of the signature.
        signature: Its key; by default ``serving_default``, or the best there is.
    Of a Keras file the graph is built by Keras, in a worker; its outputs are layers or nodes, by
    default ``output_node0`` and so on.

    Raises: ModelError, GraphError, FreezeError; BlockedOp and JobError for a Keras file.
    """
    if model.layers is not None:
        from inspector.jobs import building

        return building.of_ops(model, outputs, keep_devices=keep_devices)
    return _freeze(model, outputs, signature, keep_devices)


def optimise(
    model: Model,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    transforms: Transforms | None = None,
    preset: str | None = None,
    progress: Progress | None = None,
    *,
    signature: str | None = None,
    cancelled: Callable[[], bool] | None = None,
    check: bool = False,
    feeds: Mapping[str, Any] | None = None,
    on_violation: OnViolation = "keep",
) -> Optimised:
    """Freeze the model if it is not, and run transforms on it.

    Args:
        inputs: Feeds, node or tensor names; by default those the outputs need.
        outputs: Fetches; by default the signature's, else the likeliest.
        transforms: The tool's text, ``"fold_constants round_weights(num_steps=256)"``, or a list.
        preset: In its place, a list by name.
        progress: Called with a fraction from 0 to 1, or None, and what is being done.
        check: Run the graph before and after each transform, in a worker, and record the largest
            difference of the outputs: ``steps[0].check``. A model that cannot be run is
            transformed all the same, and every step says that it was not checked.
        feeds: What to run it on: key to array, as in `predict`; by default random rows.
        on_violation: For a transform that did more to the outputs than it declares: ``keep`` it
            and mark it, ``rollback``, or ``stop`` with an error.
    Returns: The new ``model``, and ``steps``: per transform what it changed and left alone.
    Raises: TransformError before work starts; ModelError, GraphError, FreezeError, JobError;
        BadFeed; TransformFailed.
    """
    from inspector import optimising
    from inspector.jobs import building, transforming
    from inspector.transforming import Checking

    asked = Checking(feeds, on_violation, budget_s=_CHECK_S) if check else None
    return optimising.optimise(
        building.of_ops(model, outputs),
        inputs,
        outputs,
        transforms,
        preset,
        signature=signature,
        progress=progress,
        cancelled=cancelled,
        files=True,
        checking=asked,
        work_with=transforming.hand_over,
    )


def predict(
    model: Model,
    feeds: Mapping[str, Any] | None = None,
    fetches: Sequence[str] | None = None,
    signature: str | None = None,
    *,
    progress: Progress | None = None,
) -> Prediction:
    """Run a model once, in a worker.

    Args:
        feeds: Key to array or nested list. A key is an input of the signature, a tensor name or a
            node name.
        fetches: Keys in the same sense; by default all outputs of the signature.
        signature: Its key; by default the one whose inputs are fed.
    Returns: ``outputs``: key to array; ``run_ms``: the run alone, without loading.
    Raises: BadFeed, BadFetch, UnknownSignature, BlockedOp, RunFailed, MissingVariables, JobError.
    """
    from inspector.jobs import prediction

    return prediction.predict(model, feeds or {}, fetches, signature, progress)


def diff(before: Model, after: Model) -> Diff:
    """What changed between two models; ``.to_dict()`` is the JSON of ``inspector diff``."""
    return _diff(before, after)


def save(
    model: Model,
    path: str | PathLike[str],
    format: str = SAVED_MODEL,
    *,
    force: bool = False,
) -> list[str]:
    """Write a model: as a SavedModel that TensorFlow Serving loads, or as a GraphDef.

    It appears under its name when it is complete.

    Args:
        format: ``saved_model`` (a folder) or ``graphdef`` (a file).
        force: Overwrite what is there.
    Returns: One sentence each on what whoever runs it must know; most often none.
    Raises: OutputExists, UnsupportedModel (variables that are not frozen, another format, TFLite).
    """
    from inspector import optimising, storing
    from inspector.formats import graphdef, saved_model_writer
    from inspector.jobs import building

    path = Path(path).expanduser().absolute()
    model.check_tensorflow()
    model = building.of_ops(model)
    if format == SAVED_MODEL:
        with storing.new_folder(path, force=force) as folder:
            saved_model_writer.write(model, folder)
        return []
    if format == GRAPH_DEF:
        optimising.check_frozen(model)
        with storing.new_file(path, force=force) as file:
            return graphdef.write(model, file)
    why = f"no format that is written; there are {SAVED_MODEL} and {GRAPH_DEF}"
    raise UnsupportedModel("save", format, why)
