"""The tasks that quantise a TFLite model: a whole one, or its weights one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from inspector import formats
from inspector.backend.litert import lite, lite_differences
from inspector.backend.tflite_quantisation import LiteQuantiser, translated
from inspector.errors import QuantisationFailed, RunError
from inspector.formats.tflite import file_edits, packed_files
from inspector.formats.tflite.lite_model import LiteModel, lite_model
from inspector.formats.tflite.quantisation_report import (
    LayerJson,
    QuantiseAnswer,
    QuantisedOutput,
    QuantisedOutputJson,
    SensitivityAnswer,
)
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.request_types import QuantiseArgs
from inspector.jobs.tasks.read import read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.optimisation.tflite import lite_operators, samples
from inspector.optimisation.tflite.quantise_options import QuantiseOptions

RANDOM_ROWS = 16
"""Rows of the comparison where no samples are source."""
MOST_ROWS = 1_000
"""Most samples that are compared; all of them are measured."""
SENSITIVITY_ROWS = 200
"""Most samples on which the weights are tried one by one."""

_BODIES = {"CALL", "IF", "WHILE"}
"""Operators with subgraphs."""
_SIGNATURE = "serving_default"
_OLD_CODES = "The operator codes of the file were those of TensorFlow 1 and are written as today's."


@dataclass(frozen=True)
class _Rows:
    """Rows for the model, in batches that it takes."""

    batches: list[dict[str, Array]]
    source: str

    def first(self, most: int) -> _Rows:
        """The batches with the first rows, up to this number or one batch."""
        batches: list[dict[str, Array]] = []
        rows = 0
        for batch in self.batches:
            rows += _count([batch])
            if batches and rows > most:
                break
            batches.append(batch)
        return replace(self, batches=batches)

    @property
    def count(self) -> int:
        return _count(self.batches)


def quantise(args: QuantiseArgs, job: JobContext) -> TaskResult:
    """Quantise a TFLite model, and compare its outputs before and after.

    Blob: ``samples``, arrays by key, where there are some. Blob of the answer: ``file``.
    """
    job.progress(None, "read")
    options = QuantiseOptions.from_json(args["options"])
    source = _opened(args)
    rows = _rows(source, job.blobs)
    model, notes = _ready(source, options, job.folder)
    job.progress(None, f"quantise ({options.recipe})")
    if options.check().needs_samples:
        with _explained(model, rows):
            data = LiteQuantiser(model, options, rows.batches).whole()
    else:
        data = LiteQuantiser(model, options).whole()
    if args.get("short_names"):
        data = file_edits.with_short_names(data)
    assert source.path is not None
    data, is_whole = packed_files.with_packed_files(data, source.path)
    if not is_whole:
        notes.append("The files packed behind the model are damaged and were left out.")
    after = _written(data, job.folder / "quantised.tflite", model)
    types = lite_operators.newly_quantised(model.lite.file, after.lite.file)
    if not types:
        raise QuantisationFailed(source.name, f"recipe {options.recipe}", _why_nothing(options))
    value: QuantiseAnswer = {
        "types": types,
        "rows": 0,
        "rows_from": rows.source,
        "outputs": {},
        "unchecked": "",
        "notes": notes,
    }
    job.progress(None, "compare")
    value.update(_compared(model, after, rows.first(MOST_ROWS), options))
    for file in job.folder.glob("*.tflite"):
        file.unlink()
    return TaskResult(value, {"file": data})


def sensitivity(args: QuantiseArgs, job: JobContext) -> TaskResult:
    """Quantise each large weight alone, and compare the outputs with those of the float model.

    Blob: ``samples``, as for `quantise`.
    """
    job.progress(0.0, "read")
    options = QuantiseOptions.from_json(args["options"])
    source = _opened(args)
    rows = _rows(source, job.blobs)
    model, _notes = _ready(source, options, job.folder)
    quantiser = LiteQuantiser(model, options, rows.batches)
    operators = lite_operators.candidates(model, options)
    if not operators:
        raise QuantisationFailed(source.name, f"recipe {options.recipe}", _why_nothing(options))
    rows = rows.first(SENSITIVITY_ROWS)
    expected = list(lite_differences.outputs(model, rows.batches))
    layers: list[LayerJson] = []
    for at, operator in enumerate(operators):
        job.progress(at / len(operators), operator.node)
        layer: LayerJson = {
            "node": operator.node,
            "op": operator.op,
            "weight": operator.weight.label,
            "elements": operator.weight.elements or 0,
            "outputs": {},
            "error": "",
        }
        try:
            after = _written(quantiser.one(operator), job.folder / "one.tflite", model)
            actual = lite_differences.outputs(after, rows.batches)
            layer["outputs"] = _json(lite_differences.differences(expected, actual))
        except (QuantisationFailed, RunError) as err:
            layer["error"] = err.why
        layers.append(layer)
    for file in job.folder.glob("*.tflite"):
        file.unlink()
    value: SensitivityAnswer = {"rows": rows.count, "rows_from": rows.source, "layers": layers}
    return TaskResult(value)


def _opened(args: QuantiseArgs) -> LiteModel:
    model = lite_model(read_model(args))
    model.name = args["name"]
    lite.refuse_shapes(model)
    if model.lite.file.external:
        why = "a part of its weights lies in other files, which are not read"
        raise QuantisationFailed(model.name, "buffers", why)
    return model


def _rows(model: LiteModel, blobs: Mapping[str, bytes]) -> _Rows:
    slots = lite_differences.slots(model)
    if "samples" in blobs:
        arrays = samples.checked(packing.unpack(blobs["samples"]), slots)
        return _Rows(samples.batches(arrays, slots), "samples")
    return _Rows(samples.batches(samples.random_rows(slots, RANDOM_ROWS), slots), "random")


def _ready(model: LiteModel, options: QuantiseOptions, folder: Path) -> tuple[LiteModel, list[str]]:
    """The model as the quantiser reads it, and what was done for that."""
    assert model.path is not None
    lite_operators.refuse_quantised(model)
    recipe = options.check()
    notes = [f"{recipe.warning[0].upper()}{recipe.warning[1:]}."] if recipe.warning else []
    data, file = model.path.read_bytes(), model.lite.file
    key = _SIGNATURE if recipe.needs_samples and not file.signatures else None
    if not (recipe.needs_samples or lite_operators.candidates(model, options)):
        raise QuantisationFailed(model.name, f"recipe {recipe.name}", _why_nothing(options))
    with translated(model.name, recipe.name):
        modern = file_edits.modernised(data, file, key)
    if modern is data:
        return model, notes
    if file_edits.has_old_codes(data, file):
        notes.append(_OLD_CODES)
    if key is not None:
        notes.append(
            f"The file had no signature; it has '{key}' now, which ranges are measured by."
        )
    return _written(modern, folder / "modern.tflite", model), notes


@contextmanager
def _explained(model: LiteModel, rows: _Rows) -> Iterator[None]:
    """Where the quantiser cannot measure ranges, the reason as LiteRT has it.

    Raises: RunFailed where the model does not run on the samples; QuantisationFailed.
    """
    try:
        yield
    except QuantisationFailed as err:
        if rows.source == "samples":
            for _outputs in lite_differences.outputs(model, rows.batches):
                pass
        graphs = model.lite.file.subgraphs
        loops = {operator.code.op for graph in graphs for operator in graph.operators} & _BODIES
        if not loops:
            raise
        why = f"ranges cannot be measured inside of {' and '.join(sorted(loops))}"
        why += "; a recipe without samples, such as dynamic, quantises the weights"
        raise QuantisationFailed(err.what, err.where, why) from err


def _written(data: bytes, path: Path, like: LiteModel) -> LiteModel:
    """A file as a model with the name and the chosen signature of another."""
    path.write_bytes(data)
    model = lite_model(formats.open_model(path))
    model.name = like.name
    model.signature = like.signature
    return model


def _compared(
    before: LiteModel, after: LiteModel, rows: _Rows, options: QuantiseOptions
) -> QuantiseAnswer:
    """The fields of the answer that a comparison fills."""
    try:
        lite.refuse(before)
        expected = lite_differences.outputs(before, rows.batches)
        actual = _runs(after, rows.batches, options)
        outputs = _json(lite_differences.differences(expected, actual))
    except RunError as err:
        hint = "; give samples" if rows.source == "random" and err.where == "LiteRT" else ""
        return cast("QuantiseAnswer", {"unchecked": f"{err.where}: {err.why}{hint}"})
    return cast("QuantiseAnswer", {"rows": rows.count, "outputs": outputs})


def _runs(
    model: LiteModel, batches: Sequence[Mapping[str, Array]], options: QuantiseOptions
) -> Iterator[Mapping[str, Array]]:
    """The outputs of the quantised model. Raises: QuantisationFailed where it cannot be run."""
    try:
        yield from lite_differences.outputs(model, batches)
    except RunError as err:
        why = f"LiteRT does not run the result: {err.why.rstrip('.')}; keep such operators in float"
        raise QuantisationFailed(model.name, f"recipe {options.recipe}", why) from err


def _json(outputs: Mapping[str, QuantisedOutput]) -> dict[str, QuantisedOutputJson]:
    return {name: cast("QuantisedOutputJson", asdict(item)) for name, item in outputs.items()}


def _why_nothing(options: QuantiseOptions) -> str:
    ops = ", ".join(sorted(options.check().weight_ops))
    size = f" of at least {options.smallest:,} elements" if options.smallest else ""
    is_kept = any((options.keep, options.keep_ops, options.keep_nodes))
    return (
        "nothing was quantised: the recipe takes constant float32 weights"
        f"{size} of {ops}, and the model has none{' beside those kept in float' if is_kept else ''}"
    )


def _count(batches: Sequence[Mapping[str, Array]]) -> int:
    """Rows of the batches; a model without a first dimension has one a run."""
    return sum(
        max((len(array) for array in batch.values() if array.ndim), default=1) for batch in batches
    )
