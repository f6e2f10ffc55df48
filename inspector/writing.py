"""The functions that make models for other formats and write them; see `api`.

What needs the jobs is imported by the call, so that `import inspector` stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inspector.errors import BadParameter, UnsupportedModel
from inspector.model.model import Model, Runtime

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress

SAVED_MODEL, GRAPH_DEF, TFLITE = "saved_model", "graphdef", "tflite"
FORMATS = (GRAPH_DEF, SAVED_MODEL, TFLITE)
"""What `save` and `convert` write."""


def convert(
    model: Model,
    to: str = TFLITE,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    *,
    signature: str | Sequence[str] | None = None,
    all_signatures: bool = False,
    init_op: str | None = None,
    set: Mapping[str, Any] | None = None,
    batch: int | None = None,
    flex: bool = False,
    short_names: bool = False,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Model:
    """Make a model for another format; `save` writes it.

    Args:
        to: ``tflite``: TensorFlow's converter runs in a worker, on the graph that `freeze` gives,
            and the result is a TFLite model. ``graphdef``, ``saved_model``: the frozen model.
        inputs, outputs: Feeds and fetches, node or tensor names; by default as in `optimise`.
        signature, all_signatures, init_op, set: As in `freeze`. A TFLite model has the signature's
            names and key, and of several signatures each. A result of `freeze` or `optimise` that
            is to become one keeps its own where none of these is given.
        batch: Fix the first dimension of the inputs; by default it stays unknown.
        flex: To TFLite: keep ops of TensorFlow that have no operator. LiteRT here cannot run it.
        short_names: To TFLite: short names for tensors, except the inputs and outputs. Of a small
            file the names are most of the bytes; they tell which node an operator comes from.
        progress, timeout: As in `optimise`.
    Raises: ConversionFailed, which names the nodes that have no operator and what would help;
        UnsupportedModel; what `optimise` raises.
    """
    if to not in FORMATS:
        raise _not_written("convert", to)
    _check_for_tflite(to, flex=flex, short_names=short_names)
    if batch is not None and batch < 1:
        raise BadParameter("convert", "batch", f"is {batch}: a batch has at least one row")
    from inspector.jobs.client import build, conversion, transform
    from inspector.jobs.client.ask import Deadline, Terms
    from inspector.optimisation.optimise_options import OptimiseOptions

    terms = Terms(Deadline.after(timeout), progress)
    options = OptimiseOptions(
        _names(inputs),
        _names(outputs),
        "" if batch is None else f"strip_unused_nodes fix_batch(batch={batch})",
        signature=signature if isinstance(signature, str) else _names(signature),
        set=set,
        init_op=init_op,
        all_signatures=all_signatures,
    )
    is_result = model.format == "GraphDef" and model.path is None and bool(model.signatures)
    if to != TFLITE or not is_result or options != OptimiseOptions(transforms=""):
        model = build.of_ops(model, outputs, terms=terms)
        model = transform.optimise(model, options, terms).model
    if to != TFLITE:
        return model
    return conversion.to_tflite(model, terms, flex=flex, short_names=short_names)


def save(
    model: Model,
    path: str | PathLike[str],
    format: str = SAVED_MODEL,
    *,
    force: bool = False,
) -> list[str]:
    """Write a model: as a SavedModel that TensorFlow Serving loads, a GraphDef or a TFLite model.

    Writes to a temporary name and renames at the end.

    Args:
        format: ``saved_model`` (a folder), ``graphdef`` or ``tflite`` (a file). A model that is
            no TFLite model yet is converted as by `convert`.
        force: Overwrite an existing file or folder.
    Returns: Notes for whoever runs the model, one sentence each; most often none.
    Raises: OutputExists, UnsupportedModel (variables that are not frozen, another format, a TFLite
        model in another format); what `convert` raises.
    """
    from inspector.files import storing
    from inspector.formats import graphdef, saved_model_writer
    from inspector.jobs.client import build, conversion
    from inspector.optimisation import optimise as optimising

    if format not in FORMATS:
        raise _not_written("save", format)
    path = Path(path).expanduser().absolute()
    if format == TFLITE:
        storing.check_output(path, force=force)
        lite = model if model.runs_with is Runtime.LITERT else convert(model, TFLITE)
        with storing.new_file(path, force=force) as file:
            conversion.write(lite, file)
        return []
    model.check_tensorflow()
    model = build.of_ops(model)
    if format == SAVED_MODEL:
        with storing.new_folder(path, force=force) as folder:
            saved_model_writer.write(model, folder)
        return []
    optimising.check_frozen(model)
    with storing.new_file(path, force=force) as file:
        return graphdef.write(model, file)


def _check_for_tflite(to: str, **options: bool) -> None:
    """Raises: BadParameter for an option that the format does not have."""
    for name, is_set in options.items():
        if is_set and to != TFLITE:
            raise BadParameter("convert", name, f"is for {TFLITE}, not for {to}")


def _not_written(call: str, form: str) -> UnsupportedModel:
    why = f"no format that is written; there are {', '.join(FORMATS)}"
    return UnsupportedModel(call, form, why)


def _names(names: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)
