"""The names of the classes that a model tells apart, where the model has them.

TFLite metadata, lookup tables, their files, and label tensors are looked at, in this order. A list
counts if it has as many names as the output has classes and is the only one of its kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from inspector.errors import InspectorError
from inspector.formats.tflite import metadata
from inspector.formats.tflite.lite_model import LiteModel
from inspector.graph import tensors
from inspector.graph.graph import data_inputs, node_name
from inspector.graph.op_sets import TABLE_FILES, TABLE_IMPORTS
from inspector.graph.protos import NodeDef
from inspector.model.model import Model

_MOST_CLASSES = 100_000
_MOST_BYTES = 16 << 20
_LABELS = "labels along an axis"
_FILLS = TABLE_IMPORTS | {"InitializeTable", "InitializeTableV2"}


def class_names(model: Model, classes: int) -> tuple[list[str], str] | None:
    """The names of an output with this many classes, and where they are from; None without any."""
    if not 1 < classes <= _MOST_CLASSES:
        return None
    ways = (
        ("TFLite metadata", _of_metadata(model)),
        ("lookup table", _of_tables(model)),
        ("asset", _of_assets(model)),
        ("label tensor", _of_tensors(model)),
    )
    for source, lists in ways:
        fitting = {tuple(names) for names in lists if len(names) == classes}
        if len(fitting) == 1:
            return list(fitting.pop()), source
    return None


def read_class_names(path: Path) -> list[str]:
    """The names in a text file, one in each line. Raises: InspectorError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        why = "is no text in UTF-8 that can be read"
        raise InspectorError(path.name, "class names", why) from err
    return _lines(text)


def _of_metadata(model: Model) -> Iterator[list[str]]:
    if not isinstance(model, LiteModel) or model.path is None:
        return
    for row in metadata.facts(model.lite.file, model.associated_files)["associated_files"]:
        if row["type"] == _LABELS:
            yield [line for line in metadata.lines_of(model.path, row["name"]) if line]


def _of_tables(model: Model) -> Iterator[list[str]]:
    """The values of tables from numbers to names."""
    if not model.holds_ops:
        return
    for node in model.outline:
        if node.op in _FILLS and len(data_inputs(node)) == 3:
            values = model.outline.get(node_name(data_inputs(node)[2]))
            if values is not None:
                yield from _names(model, values)


def _of_assets(model: Model) -> Iterator[list[str]]:
    """The lines of files that fill tables."""
    if not any(node.op in TABLE_FILES for node in model.outline):
        return
    for path in {asset.path for asset in model.assets if asset.path is not None}:
        try:
            if path.stat().st_size <= _MOST_BYTES:
                yield _lines(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue


def _of_tensors(model: Model) -> Iterator[list[str]]:
    """Constants of text."""
    for node in model.outline if model.holds_ops else ():
        yield from _names(model, node)


def _names(model: Model, node: NodeDef) -> Iterator[list[str]]:
    if node.op != "Const" or tensors.dtype_name(node.attr["dtype"].type) != "string":
        return
    try:
        values = tensors.to_numpy(model.value(node), max_bytes=_MOST_BYTES)
    except InspectorError:
        return
    if values.ndim == 1:
        yield [item.decode("utf-8", "backslashreplace") for item in values.tolist()]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
