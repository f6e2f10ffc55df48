"""The task behind the Predict page: runs a model and its optimised graphs on the same feeds."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

from inspector import formats
from inspector.analysis.outputs import suggest
from inspector.backend.litert.lite_beside import LiteBeside
from inspector.errors import BadFetch
from inspector.freezing.freeze import freeze
from inspector.graph import tensors
from inspector.graph.graph import data_inputs, node_name, tensor_name
from inspector.graph.op_sets import PLACEHOLDERS, REQUIRED_PLACEHOLDERS
from inspector.graph.tensors import Array
from inspector.jobs.request_types import OutputJson, PredictAnswer, PredictArgs, SideJson
from inspector.jobs.result_files import FROZEN, FROZEN_SAVED_MODEL, OPTIMISED, SAVED_MODEL
from inspector.jobs.tasks import class_answers
from inspector.jobs.tasks.read import of_ops, read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.measurement import agreement, rounds, run_times
from inspector.model import signatures
from inspector.model.model import Model, Runtime
from inspector.optimisation.feed_roles import Roles
from inspector.optimisation.feed_source import FeedsJson, FeedSource
from inspector.optimisation.feeds import Slot

BASE = "as opened"
SHOWN = 200
"""Rows of an output that the answer holds."""
RUNS = 15
"""Timed runs, where the request names no number."""

_COLUMNS = 64
_TIME_S = 40.0
_WITH_TABLES = {FROZEN: FROZEN_SAVED_MODEL, OPTIMISED: SAVED_MODEL}


def predict(args: PredictArgs, job: JobContext) -> TaskResult:
    """Run a model and others on the same feeds, in turn; compare outputs and latency.

    Another one may be a TFLite model, which LiteRT runs.

    Without outputs in the request, those of the signature. Blobs: ``feeds``, the bytes of a file,
    and pictures; of the answer: ``npz`` and ``csv``, the outputs as opened, where ``files`` asks.
    """
    job.progress(0.0, "read")
    model = of_ops(read_model(args), args["outputs"] or None)
    outputs = list(args["outputs"]) or default_outputs(model)
    is_whole = _has(model, outputs) and not model.has_more_than_file
    base = model if is_whole else freeze(model, outputs)
    feeds = feeds_for(base, outputs, feed_source(args["feeds"], job))
    sides = {BASE: base}
    sides |= {
        name: formats.open_model(runnable(path)) for name, path in args.get("against", {}).items()
    }
    value, answers = _compare(sides, feeds, outputs, args.get("runs", RUNS), job)
    class_answers.complete(value, model, answers)
    files = answers[BASE] if args.get("files") else {}
    return TaskResult(value, class_answers.downloads(value, files))


def feed_source(json: FeedsJson, job: JobContext) -> FeedSource:
    """The source of feeds that a request names, with the blob ``feeds``."""
    return FeedSource(json, job.blobs.get("feeds", b""), job.blobs)


def feeds_for(model: Model, outputs: Iterable[str], source: FeedSource) -> dict[str, Any]:
    """Tensor name to array, for the placeholders that these outputs need.

    Args:
        model: A graph that has the outputs.
    Raises: BadFeed, LimitExceeded.
    """
    tensor_of_key = slots(model, outputs)
    roles = Roles(model.graph)
    by_tensor = {name: _slot(key, name, model, roles) for key, name in tensor_of_key.items()}
    return {
        tensor_of_key.get(key, tensor_name(key)): value
        for key, value in source.values(by_tensor).items()
    }


def slots(model: Model, outputs: Iterable[str]) -> dict[str, str]:
    """The inputs that outputs need: key in a signature, or node name, to tensor name.

    They are those of the signature that has all the outputs, which may be tensors inside the graph,
    and the placeholders that a run still needs beside them.
    """
    outputs = [tensor_name(name) for name in outputs]
    ranked = sorted(model.signatures, key=lambda name: _rank(model, name, outputs))
    cut: set[str] = set()
    for name in ranked[:1]:
        if {*outputs} <= {*signatures.output_tensors(model.signatures[name])}:
            cut = {*signatures.tensors_by_key(model.signatures[name].inputs).values()} - {*outputs}
    needed = _needed(model, outputs, cut)
    fed = {
        f"{node.name}:0": None
        for node in model.graph
        if node.name in needed and node.op in REQUIRED_PLACEHOLDERS
    }
    for name in sorted(cut):
        node = model.graph.get(node_name(name))
        if node is not None and node.name in needed and node.op not in PLACEHOLDERS:
            fed[name] = None
    keys: dict[str, str] = {}
    for signature in ranked:
        for key, name in signatures.tensors_by_key(model.signatures[signature].inputs).items():
            if name in fed:
                keys.setdefault(name, key)
    return {keys.get(name, node_name(name)): name for name in fed}


def _needed(model: Model, outputs: Iterable[str], cut: Set[str]) -> set[str]:
    """The nodes that a run computes or is fed: one whose other outputs are read is computed."""
    stop = {node_name(name) for name in cut}
    while True:
        needed = model.graph.ancestors(map(node_name, outputs), stop)
        inner = {name for name in stop & needed if model.graph.node(name).op not in PLACEHOLDERS}
        if not inner:
            return needed
        read = {*map(tensor_name, outputs)}
        for node in needed:
            read.update(map(tensor_name, data_inputs(model.graph.node(node))))
        computed = {node_name(name) for name in read - cut} & inner
        if not computed:
            return needed
        stop -= computed


def _rank(model: Model, signature: str, outputs: Iterable[str]) -> tuple[bool, int]:
    """Sorts the chosen signature first, then those with the most of the outputs."""
    own = signatures.output_tensors(model.signatures[signature])
    return signature != model.key(), -len({*outputs} & {*own})


def default_outputs(model: Model) -> list[str]:
    """The outputs of the chosen signature, else the likeliest one. Raises: BadFetch for none."""
    key = model.key()
    names = [] if key is None else signatures.output_tensors(model.signatures[key])
    names = names or [item.name for item in suggest(model)[:1]]
    if not names:
        raise BadFetch(model.name, "outputs", "the model names none: choose at least one")
    return names


def _has(model: Model, outputs: Iterable[str]) -> bool:
    return all(node_name(name) in model.outline for name in outputs)


def runnable(file: str) -> Path:
    """A GraphDef of a result, or the SavedModel beside it where tables have to be filled."""
    path = Path(file)
    with_tables = path.with_name(_WITH_TABLES.get(path.name, path.name))
    beside = path.with_name(FROZEN_SAVED_MODEL).is_dir() and with_tables.is_dir()
    return with_tables if beside else path


def _slot(key: str, name: str, model: Model, roles: Roles) -> Slot:
    info = signatures.tensor_info(model.graph, name)
    assert info is not None
    shape = tensors.shape_of(info.tensor_shape)
    dtype = tensors.dtype_name(info.dtype)
    return Slot(key, dtype, shape, roles.of(name, dtype, shape))


def _compare(
    sides: Mapping[str, Model],
    feeds: Mapping[str, Any],
    outputs: list[str],
    runs: int,
    job: JobContext,
) -> tuple[PredictAnswer, dict[str, dict[str, Array]]]:
    from inspector.backend.loading import LoadedModel
    from inspector.backend.predict import Run

    keys = slots(sides[BASE], outputs)
    with contextlib.ExitStack() as stack:
        ready: dict[str, Any] = {}
        load_and_first_ms: dict[str, tuple[float, float]] = {}
        answers: dict[str, dict[str, Array]] = {}
        for name, model in sides.items():
            job.progress(0.1 + 0.3 * len(ready) / len(sides), f"load: {name}")
            loaded: Any
            if model.runs_with is Runtime.LITERT:
                loaded = ready[name] = LiteBeside(model, keys, feeds, answers[BASE])
            else:
                loaded = stack.enter_context(LoadedModel(model))
                ready[name] = Run(loaded, feeds, outputs, lenient=name != BASE)
            answers[name], first_ms = ready[name].once()
            load_and_first_ms[name] = (loaded.load_ms, first_ms)
        times = steady_runs(ready, runs, job)
        rows = ready[BASE].rows
    value: PredictAnswer = {
        "sides": [
            side_json(name, *load_and_first_ms[name], times[name], rows)
            for name in load_and_first_ms
        ],
        "agreement": agreement_json(answers),
        "outputs": outputs_json(answers),
        "rows": rows,
        "runs": len(times[BASE]),
    }
    if any(model.runs_with is Runtime.LITERT for model in sides.values()):
        value["runtime"] = "the TFLite model by LiteRT, the others by TensorFlow"
    return value, answers


def side_json(
    name: str, load_ms: float, first_ms: float, seconds: list[float], rows: int
) -> SideJson:
    """The times of one model: its loading, its first run, and its steady runs."""
    figures = run_times.percentiles(seconds, rows)
    return {
        "name": name,
        "load_ms": load_ms,
        "first_ms": first_ms,
        "p50_ms": figures["p50_ms"],
        "p90_ms": figures["p90_ms"],
        "rows_per_s": figures["rows_per_s"],
    }


def outputs_json(answers: Mapping[str, Mapping[str, Array]]) -> dict[str, OutputJson]:
    """Dtype, shape and first rows of each output, by model."""
    return {
        key: {
            "dtype": "string" if value.dtype == object else str(value.dtype),
            "shape": list(value.shape),
            "heads": {name: head(values[key]) for name, values in answers.items() if key in values},
        }
        for key, value in answers[BASE].items()
    }


def steady_runs(ready: Mapping[str, Any], runs: int, job: JobContext) -> dict[str, list[float]]:
    """Seconds of each run, by model, measured as `benchmark` measures.

    Args:
        runs: Of each model; one alone runs twice a round.
    """
    measured = rounds.measure(
        [side.once for side in ready.values()],
        runs=runs if len(ready) > 1 else -(-runs // 2),
        most_s=_TIME_S,
        use_cpu=False,
        report=lambda share, _text: job.progress(0.4 + 0.6 * share, "run"),
    )
    return {name: series.runs for name, series in zip(ready, measured.series, strict=True)}


def agreement_json(answers: Mapping[str, Mapping[str, Array]]) -> dict[str, dict[str, Any]]:
    """How the outputs of each other model agree with those of the first, by model and output."""
    return {
        name: {
            key: {
                **compared.to_dict(),
                "rows_changed": None if compared.argmax_equal is None else compared.changed,
            }
            for key, compared in agreement.compare(answers[BASE], answers[name]).items()
        }
        for name in answers
        if name != BASE
    }


def head(value: Array) -> list[Any]:
    """The first rows as JSON: a list of columns each, or of single values."""
    if value.ndim == 0:
        value = value[None]
    rows = value[:SHOWN]
    if rows.ndim > 2:
        rows = rows.reshape(len(rows), -1)
    if rows.ndim == 2:
        rows = rows[:, :_COLUMNS]
    return [_plain(row) for row in rows.tolist()]


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, complex):
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
