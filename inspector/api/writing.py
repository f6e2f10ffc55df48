"""The functions that make models for other formats, quantise and write them.

What needs the jobs is imported by the call, so that `import inspector` stays quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from inspector import extras
from inspector.api.arguments import LOG, names, terms_of
from inspector.errors import BadParameter, UnsupportedModel
from inspector.model.model import Model, Runtime, check_model
from inspector.text import plain

if TYPE_CHECKING:
    from inspector.formats.tflite.quantisation_report import Sensitivity
    from inspector.jobs.client.ask import Terms
    from inspector.optimisation.optimise_options import OptimiseOptions
    from inspector.optimisation.tflite.quantise_options import QuantiseOptions
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
    quantise: str | None = None,
    samples: Mapping[str, Any] | None = None,
    min_elements: int | None = None,
    keep: Sequence[str] = (),
    keep_ops: Sequence[str] = (),
    keep_nodes: Sequence[str] = (),
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Model:
    """Make a model for another format, or quantise a TFLite model; `save` writes it.

    Args:
        to: ``tflite``: TensorFlow's converter runs in a worker, on the graph that `freeze` gives.
            ``graphdef``, ``saved_model``: the frozen model.
        inputs, outputs: Feeds and fetches, node or tensor names; by default as in `optimise`.
        signature, all_signatures, init_op, set: As in `freeze`. A TFLite model has the names and
            the key of each signature. A result keeps its own where none of these is given.
        batch: Fix the first dimension of the inputs; by default it stays unknown.
        flex: To TFLite: keep ops of TensorFlow that have no operator. LiteRT here cannot run it.
        short_names: To TFLite: short names for tensors, except the inputs and outputs.
        quantise: To TFLite: a recipe, e.g. ``dynamic``, see docs/tflite.md; with the extra
            ``quantise``. The model may be a TFLite model of float32, too.
        samples: Rows to measure ranges on and to compare answers on, as feeds; else random rows.
        min_elements, keep, keep_ops, keep_nodes: What stays float: operators with a smaller
            weight, with an output of a name that matches, of a type, and nodes.
        progress, timeout: As in `optimise`.
    Raises: ConversionFailed, which names the nodes that have no operator and what would help;
        UnsupportedModel, QuantisationFailed, BadParameter, BadFeed; what `optimise` raises.
    """
    check_model(model, "convert")
    plan = _plan(quantise, samples, min_elements, keep, keep_ops, keep_nodes)
    target = _Target(to, batch, flex, short_names, plan, samples)
    target.check()
    from inspector.optimisation.optimise_options import OptimiseOptions

    options = OptimiseOptions(
        names(inputs),
        names(outputs),
        "" if batch is None else f"strip_unused_nodes fix_batch(batch={batch})",
        signature=signature if isinstance(signature, str) else names(signature),
        set=set,
        init_op=init_op,
        all_signatures=all_signatures,
    )
    return _converted(model, target, options, terms_of(progress, timeout))


def sensitivity(
    model: Model,
    quantise: str,
    samples: Mapping[str, Any] | None = None,
    *,
    signature: str | None = None,
    min_elements: int | None = None,
    progress: Progress | None = None,
    timeout: float | None = None,
) -> Sensitivity:
    """How much each large weight of a TFLite model changes the outputs, quantised alone.

    Args:
        model: A TFLite model of float32, such as `convert` makes.
        quantise, samples, min_elements: As in `convert`.
        signature: The key of the signature that is run; by default the likeliest.
        progress, timeout: As in `optimise`.
    Returns: ``layers``, the largest difference first; ``worst(3)`` are the nodes of three of them,
        for `convert` to keep in float; ``to_dict()`` is JSON.
    Raises: As `convert` with `quantise`.
    """
    from inspector.jobs.client import quantisation
    from inspector.optimisation.tflite.quantise_options import QuantiseOptions

    options, terms = QuantiseOptions(quantise, min_elements), terms_of(progress, timeout)
    return quantisation.sensitivity(model, options, samples, terms, signature=signature)


def save(
    model: Model,
    path: str | PathLike[str],
    format: str = SAVED_MODEL,
    *,
    force: bool = False,
) -> list[str]:
    """Write a model: as a SavedModel that TensorFlow Serving loads, a GraphDef or a TFLite model.

    A SavedModel keeps variables that are not frozen. The output appears under its name when it is
    complete.

    Args:
        format: ``saved_model`` (a folder), ``graphdef`` or ``tflite`` (a file). A model that is
            no TFLite model yet is converted as by `convert`.
        force: Overwrite an existing file or folder.
    Returns: Notes for whoever runs the model, one sentence each; most often none.
    Raises: OutputExists; UnsupportedModel (to ``graphdef`` for variables that are not frozen,
        another format, a TFLite model in another format); what `convert` raises.
    """
    check_model(model, "save")
    if format not in FORMATS:
        raise _not_written("save", format)
    path = Path(path).expanduser().absolute()
    notes = _save(model, path, format, force)
    LOG.info("wrote %s as %s", plain(path.name), format)
    return notes


def _save(model: Model, path: Path, format: str, force: bool) -> list[str]:
    from inspector.files import storing
    from inspector.formats import graphdef, saved_model_writer
    from inspector.jobs.client import build, conversion
    from inspector.optimisation import optimise as optimising

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


def _plan(
    quantise: str | None,
    samples: Mapping[str, Any] | None,
    min_elements: int | None,
    *floats: Sequence[str],
) -> QuantiseOptions | None:
    """How to quantise. Raises: BadParameter for options of it where that is not asked for."""
    from inspector.optimisation.tflite.quantise_options import QuantiseOptions
    from inspector.optimisation.tflite.recipes import NONE

    if quantise is None or quantise == NONE:
        options = {"samples": samples is not None, "min_elements": min_elements is not None}
        options |= dict(zip(("keep", "keep_ops", "keep_nodes"), map(bool, floats), strict=True))
        for name, is_set in options.items():
            if is_set:
                raise BadParameter("convert", name, "is for a model that is quantised")
        return None
    return QuantiseOptions(quantise, min_elements, *map(tuple, floats))


class _Target(NamedTuple):
    """What `convert` is to make; `plan` and `samples` to quantise it."""

    to: str
    batch: int | None
    flex: bool
    short_names: bool
    plan: QuantiseOptions | None
    samples: Mapping[str, Any] | None

    def check(self) -> None:
        """Raises: UnsupportedModel; BadParameter for an option that the format does not have."""
        if self.to not in FORMATS:
            raise _not_written("convert", self.to)
        for name, is_set in (
            ("flex", self.flex),
            ("short_names", self.short_names),
            ("quantise", self.plan is not None),
        ):
            if is_set and self.to != TFLITE:
                raise BadParameter("convert", name, f"is for {TFLITE}, not for {self.to}")
        if self.batch is not None and self.batch < 1:
            why = f"is {self.batch}: a batch has at least one row"
            raise BadParameter("convert", "batch", why)


def _converted(model: Model, target: _Target, options: OptimiseOptions, terms: Terms) -> Model:
    from inspector.jobs.client import build, transform

    to, batch, flex, short_names, plan, samples = target
    if to == TFLITE:
        with extras.needed("run"):  # before the work: what opens the result
            import_module("inspector.formats.tflite.lite_model")
        from inspector.jobs.client import conversion, quantisation
        from inspector.optimisation.tflite import samples as samples_of
    own = None
    if plan is not None:
        own = samples_of.own_samples(model, options) if samples is None else None
        samples = own if samples is None else samples
        quantisation.check(model.name, plan, samples)
        if model.runs_with is Runtime.LITERT:
            quantisation.check_alone(options, batch=batch, flex=flex)
            return quantisation.quantise(
                model, plan, samples, terms, signature=options.signature, short_names=short_names
            )
    is_result = model.format == "GraphDef" and model.path is None and bool(model.signatures)
    if to != TFLITE or not is_result or options != type(options)(transforms=""):
        model = build.of_ops(model, options.outputs, terms=terms)
        model = transform.optimise(model, options, terms).model
    if to != TFLITE:
        return model
    if plan is None:
        return conversion.to_tflite(model, terms, flex=flex, short_names=short_names)
    samples_of.check_samples(model, samples)
    lite = conversion.to_tflite(model, terms, flex=flex)  # names are what `keep` looks for
    if own is not None:
        lite.notes.append("The samples are the model's own requests for TensorFlow Serving.")
    return quantisation.quantise(lite, plan, samples, terms, short_names=short_names)


def _not_written(call: str, form: str) -> UnsupportedModel:
    why = f"no format that is written; there are {', '.join(FORMATS)}"
    return UnsupportedModel(call, form, why)
