"""What the commands need beside `inspector.api`: rows for tables, arrays in and out of files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from inspector import api, settings, storing
from inspector.errors import (
    BadFeed,
    CorruptModel,
    LimitExceeded,
    MissingFile,
    UnsupportedModel,
)
from inspector.graph import Graph
from inspector.model import Model
from inspector.protos import GraphDef
from inspector.terminal import plain, shape

_SHOWN = 6
"""First values of an answer that are printed."""


def transforms() -> dict[str, Any]:
    """The JSON of ``inspector transforms``."""
    from inspector.passes import PASSES
    from inspector.passes.presets import PRESETS

    return {
        "transforms": [PASSES[name].to_dict() for name in sorted(PASSES)],
        "presets": [{"name": name, **PRESETS[name]._asdict()} for name in PRESETS],
    }


def check_format(name: str) -> None:
    """Raises: UnsupportedModel for the format that is not written yet."""
    if name == "tflite":
        why = "writing TensorFlow Lite comes with a later version; saved_model and graphdef work"
        raise UnsupportedModel("--to", "tflite", why)


def transform_graph(
    source: Path, target: Path, inputs: str, outputs: str, transforms: str, *, as_text: bool
) -> None:
    """The work of TensorFlow 1's binary: read, transform, write."""
    from google.protobuf import text_format

    from inspector.jobs import kernels
    from inspector.passes import pipeline

    pipeline.plan(transforms)
    graph = Graph.of(read_graph_def(source))
    fed, fetched = ([name for name in text.split(",") if name] for text in (inputs, outputs))
    done = pipeline.run(
        graph,
        fed,
        fetched,
        transforms,
        evaluate=kernels.evaluate,
        grappler=kernels.grappler,
        files=True,
    )
    changed = done.graph
    with storing.new_file(target, force=True) as path:
        if as_text:
            path.write_text(text_format.MessageToString(changed.to_proto()), encoding="utf-8")
        else:
            path.write_bytes(changed.to_bytes())


def read_graph_def(path: Path) -> GraphDef:
    """A GraphDef, binary or text: binary is tried first, as the tool does.

    Raises: MissingFile, CorruptModel, LimitExceeded.
    """
    from google.protobuf import text_format

    if path.exists() and not path.is_file():
        raise MissingFile(path.name, "in_graph", "is no file")  # a pipe would never end
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as err:
        why = err.strerror if isinstance(err, OSError) else None
        raise MissingFile(path.name, "in_graph", why or str(err)) from err
    graph_def = GraphDef()
    try:
        graph_def.ParseFromString(data)
        return graph_def
    except Exception as binary:  # protobuf's own error, of a class that depends on its engine
        if b"\0" in data[:4096]:
            raise CorruptModel(path.name, "GraphDef", str(binary)) from binary
    if len(data) > (most := settings.TEXT_SIZE()):
        why = f"text graphs are read up to {most >> 20} MiB"
        raise LimitExceeded(path.name, "GraphDef", why)
    try:
        return text_format.Parse(data, GraphDef())
    except (text_format.ParseError, UnicodeDecodeError) as err:
        raise CorruptModel(path.name, "GraphDef", f"neither binary nor text: {err}") from err


def read_feeds(path: Path, model: Model) -> dict[str, Any]:
    """The arrays of a ``.npz`` file, or the columns of a ``.csv``; nothing is ever unpickled.

    Raises: MissingFile, BadFeed, LimitExceeded.
    """
    from inspector import feeds

    if path.suffix.lower() != ".csv":
        return feeds.from_npz(path, path.name)
    facts = api.describe(model).to_dict()
    shown = facts.get("serving") or facts
    wanted = feeds.slots(shown["placeholders"])
    for signature in facts["signatures"].values():
        wanted += feeds.signature_slots(signature["inputs"])
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingFile(path.name, "feeds", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as err:
        raise BadFeed(path.name, "feeds", "is no text in UTF-8 that can be read") from err
    by_key = {slot.key: slot for slot in reversed(wanted)}
    return feeds.from_csv(text, list(reversed(by_key.values())), path.name)


def convert(
    model: Model, inputs: list[str] | None, outputs: list[str] | None, signature: str | None
) -> Model:
    """The model with constants for variables, and a signature for what it is fed and fetched."""
    from inspector import optimising
    from inspector.jobs import building

    built = building.of_ops(model, outputs)
    return optimising.optimise(built, inputs, outputs, "", signature=signature).model


def write_arrays(outputs: Mapping[str, Any], path: Path, *, force: bool) -> None:
    """Answers as ``.npz``; texts as arrays of bytes of fixed width, so that no pickle is needed."""
    arrays = {
        key: value.astype("S") if value.dtype == object else value for key, value in outputs.items()
    }
    with storing.new_file(path, force=force) as made, made.open("wb") as file:
        np.savez_compressed(file, **arrays)


def answers(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as JSON: dtype, shape, values; numbers that JSON has not as text."""
    return {
        key: {
            "dtype": "string" if value.dtype == object else str(value.dtype),
            "shape": list(value.shape),
            "values": _json(value.tolist()),
        }
        for key, value in outputs.items()
    }


def answers_text(outputs: Mapping[str, Any]) -> str:
    """Answers for people: dtype, shape and first rows of each."""
    lines = []
    for key, value in outputs.items():
        dtype = "string" if value.dtype == object else value.dtype
        lines.append(f"{plain(key)}  {dtype} {shape(value.shape)}")
        lines += [f"  {plain(line)}" for line in _first_rows(value)]
    return "\n".join(lines)


def _first_rows(value: Any) -> list[str]:
    if value.ndim == 0:
        return [str(_json(value.item()))]
    rows = value[:_SHOWN]
    lines = [np.array2string(row, threshold=20, edgeitems=4, max_line_width=200) for row in rows]
    lines = [" ".join(line.split()) for line in lines]
    return lines + (["..."] if len(value) > len(rows) else [])


def _json(value: Any) -> Any:
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, complex):
        return [_json(value.real), _json(value.imag)]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
