"""The task behind the Predict page: one model, and what was made of it, on the same feeds."""

from __future__ import annotations

import contextlib
import io
import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inspector import agreement, examples, feeds, formats, signatures, tensors
from inspector.errors import BadFeed, BadFetch
from inspector.feeds import Slot
from inspector.freeze import freeze
from inspector.graph import node_name, tensor_name
from inspector.jobs.files import FROZEN, FROZEN_SAVED_MODEL, OPTIMISED, SAVED_MODEL
from inspector.jobs.tasks import Args, of_ops, read_model
from inspector.jobs.worker import JobContext, TaskResult
from inspector.model import Model
from inspector.outputs import suggest
from inspector.tensors import Array

BASE = "as opened"
SHOWN = 200
"""Rows of an answer that go back to the page."""

_COLUMNS = 64
_WARM_UP = 2
_TIME_S = 40.0
_LEAST_RUNS = 3
_WITH_TABLES = {FROZEN: FROZEN_SAVED_MODEL, OPTIMISED: SAVED_MODEL}


def predict(args: Args, job: JobContext) -> TaskResult:
    """Run a model and others on the same feeds, in turn; compare answers and latency.

    Args: path; tag_set; signature; ``outputs``: what to fetch, by default what the signature
        gives; ``runs``; ``against``: side name to the path of a GraphDef; ``feeds``: kind (random,
        range, typed, file) and what it takes.
    Blob: ``feeds``, the bytes of a file.
    Value: ``sides`` (name, load_ms, first_ms, p50_ms, p90_ms, rows_per_s); ``agreement`` by side
        and output; ``outputs``: dtype, shape and first rows by side; ``rows``; ``runs``.
    """
    job.progress(0.0, "read")
    model = of_ops(read_model(args), args["outputs"] or None)
    outputs = list(args["outputs"]) or fetched(model)
    base = model if _has(model, outputs) else freeze(model, outputs)
    given = given_to(base, outputs, args["feeds"], job)
    sides = {BASE: base}
    sides |= {name: _opened(Path(path)) for name, path in args.get("against", {}).items()}
    return _compare(sides, given, outputs, int(args.get("runs", 15)), job)


def given_to(
    model: Model, outputs: Iterable[str], spec: Mapping[str, Any], job: JobContext
) -> dict[str, Any]:
    """Tensor name to array of what a request asks to feed, for what these outputs need.

    Args:
        model: A graph that has the outputs.
        spec: kind (random, range, typed, file) and what it takes.
    """
    needed = slots(model, outputs)
    wanted = {name: _slot(key, name, model) for key, name in needed.items()}
    return {
        needed.get(key, tensor_name(key)): value
        for key, value in feeds_of(spec, job, wanted).items()
    }


def slots(model: Model, outputs: Iterable[str]) -> dict[str, str]:
    """The placeholders that outputs need: key in a signature, or node name, to tensor name."""
    outputs = [tensor_name(name) for name in outputs]
    needed = model.graph.ancestors(map(node_name, outputs))
    fed = [
        f"{node.name}:0"
        for node in model.graph
        if node.name in needed and node.op in signatures.PLACEHOLDERS
    ]
    keys: dict[str, str] = {}
    for signature in sorted(
        model.signatures,
        key=lambda name: (
            name != model.signature,
            -len({*outputs} & {*signatures.output_tensors(model.signatures[name])}),
        ),
    ):
        for key, name in signatures.tensors_by_key(model.signatures[signature].inputs).items():
            if name in fed:
                keys.setdefault(name, key)
    return {keys.get(name, node_name(name)): name for name in fed}


def fetched(model: Model) -> list[str]:
    """The outputs of the signature that is meant, else the likeliest one."""
    key = model.key()
    found = [] if key is None else signatures.output_tensors(model.signatures[key])
    found = found or [item.name for item in suggest(model)[:1]]
    if not found:
        raise BadFetch(model.name, "outputs", "the model tells of none: choose at least one")
    return found


def _has(model: Model, outputs: Iterable[str]) -> bool:
    return all(node_name(name) in model.outline for name in outputs)


def _opened(path: Path) -> Model:
    """A GraphDef of a result, or the SavedModel beside it where tables have to be filled."""
    with_tables = path.with_name(_WITH_TABLES.get(path.name, path.name))
    beside = path.with_name(FROZEN_SAVED_MODEL).is_dir() and with_tables.is_dir()
    return formats.open_model(with_tables if beside else path)


def feeds_of(
    spec: Mapping[str, Any], job: JobContext, by_tensor: Mapping[str, Slot]
) -> Mapping[str, Any]:
    """The feeds that the page asks for, by key of their slots; `by_tensor` by tensor name."""
    wanted = list(by_tensor.values())
    kind = spec["kind"]
    if kind == "random":
        return feeds.random_feeds(wanted, int(spec["batch"]), int(spec["seed"]))
    if kind == "range":
        return feeds.range_feeds(wanted, int(spec["n"]))
    if kind == "typed":
        by_name = {slot.key: slot for slot in wanted}
        by_name |= {node_name(name): slot for name, slot in by_tensor.items()}
        values = {key: text for key, text in spec["values"].items() if key in by_name}
        return {
            by_name[key].key: feeds.from_text(text, by_name[key]) for key, text in values.items()
        }
    name, data = str(spec["name"]), job.blobs["feeds"]
    if name.lower().endswith(".npz"):
        return feeds.from_npz(io.BytesIO(data), name)
    try:
        return feeds.from_csv(data.decode("utf-8-sig"), wanted, name)
    except UnicodeDecodeError as err:
        raise BadFeed(name, "feeds", "is neither .npz nor text in UTF-8") from err


def _slot(key: str, name: str, model: Model) -> Slot:
    info = signatures.tensor_info(model.graph, name)
    assert info is not None
    shape = tensors.shape_of(info.tensor_shape)
    example = examples.wanted(model.graph, node_name(name))
    return Slot(key, tensors.dtype_name(info.dtype), shape, example)


def _compare(
    sides: Mapping[str, Model],
    given: Mapping[str, Any],
    outputs: list[str],
    runs: int,
    job: JobContext,
) -> TaskResult:
    from inspector.backend.loading import LoadedModel
    from inspector.backend.predict import Run

    with contextlib.ExitStack() as stack:
        ready: dict[str, Run] = {}
        figures: dict[str, dict[str, Any]] = {}
        answers: dict[str, dict[str, Array]] = {}
        for name, model in sides.items():
            job.progress(0.1 + 0.3 * len(ready) / len(sides), f"load: {name}")
            loaded = stack.enter_context(LoadedModel(model))
            ready[name] = Run(loaded, given, outputs, lenient=name != BASE)
            answers[name], first_ms = ready[name].once()
            figures[name] = {"name": name, "load_ms": loaded.load_ms, "first_ms": first_ms}
        times = in_turn(ready, runs, job)
        rows = ready[BASE].rows
        for name, found in times.items():
            figures[name] |= latency(found, rows)
    agreed = {
        name: {key: _figures(found) for key, found in compared.items()}
        for name, compared in (
            (name, agreement.compare(answers[BASE], answers[name]))
            for name in sides
            if name != BASE
        )
    }
    value = {
        "sides": list(figures.values()),
        "agreement": agreed,
        "outputs": shown(answers),
        "rows": rows,
        "runs": len(times[BASE]),
    }
    return TaskResult(value)


def latency(found: list[float], rows: int) -> dict[str, float]:
    """The figures of one side's runs, which took `found` milliseconds each."""
    p50, p90 = (float(np.percentile(found, share)) for share in (50, 90))
    return {"p50_ms": p50, "p90_ms": p90, "rows_per_s": 1000 * rows / p50 if p50 else 0.0}


def shown(answers: Mapping[str, Mapping[str, Array]]) -> dict[str, Any]:
    """Dtype, shape and first rows of each output, by side."""
    return {
        key: {
            "dtype": "string" if value.dtype == object else str(value.dtype),
            "shape": list(value.shape),
            "heads": {name: head(found[key]) for name, found in answers.items()},
        }
        for key, value in answers[BASE].items()
    }


def in_turn(ready: Mapping[str, Any], runs: int, job: JobContext) -> dict[str, list[float]]:
    """Milliseconds per run: A, B, A, B, so that what else the machine does falls on all."""
    times: dict[str, list[float]] = {name: [] for name in ready}
    start = time.monotonic()
    for turn in range(_WARM_UP + runs):
        if turn >= _WARM_UP + _LEAST_RUNS and time.monotonic() - start > _TIME_S:
            break
        job.progress(0.4 + 0.6 * turn / (_WARM_UP + runs), "run")
        for name, side in ready.items():
            milliseconds = side.once()[1]
            if turn >= _WARM_UP:
                times[name].append(milliseconds)
    return times


def _figures(found: agreement.Agreement) -> dict[str, Any]:
    rows = None if found.argmax_equal is None else found.changed
    return {**found.to_dict(), "rows_changed": rows}


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
