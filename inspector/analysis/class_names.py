"""The names of the classes that an output counts, as far as the model carries them.

They are in a lookup table from numbers to texts, in a constant of texts that an output is taken
from, in a text file beside the model (an asset, or packed into a TFLite file), or the user has
them in a file. Names belong to an output if there are as many as it has columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from inspector.errors import BadFeed, InspectorError, MissingFile
from inspector.graph import tensors
from inspector.graph.graph import Graph, data_inputs, node_name
from inspector.graph.inline import inline
from inspector.graph.op_sets import TABLE_FILES, TABLE_FILLS
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Array
from inspector.model import signatures
from inspector.model.model import Model, Runtime

MOST = 100_000
"""Names of one list."""
_MOST_TEXT = 200
"""Characters of a name."""
_MOST_FILE = 4 << 20
_MOST_STEPS = 20
_LABELS = "labels along an axis"
_LINE_NUMBER, _WHOLE_LINE = -1, -2
"""Columns of a table's file, as ``key_index`` and ``value_index`` name them."""
_PASSES = frozenset({"Identity", "Cast", "ExpandDims", "Reshape", "Squeeze", "Tile", "BroadcastTo"})
"""Ops that hand on texts or numbers in their order."""
_PICKS = frozenset({"Gather", "GatherV2", "ResourceGather"})


@dataclass(frozen=True)
class ClassNames:
    """Names in the order of their numbers, and where they come from, for people."""

    names: list[str]
    source: str


def class_names(model: Model, classes: int) -> tuple[list[str], str] | None:
    """The names of an output with this many classes, and where they are from; None without any.

    Two lists of this length are none: neither is sure. Reads constants, tables, assets and packed
    files; runs nothing.
    """
    lists = [item for item in every(model) if len(item.names) == classes > 1]
    if not lists or any(item.names != lists[0].names for item in lists):
        return None
    return lists[0].names, lists[0].source


def of_output(model: Model, array: Array) -> tuple[list[str], str] | None:
    """The names of the columns of an output; None for one that is no table of numbers."""
    is_table = array.ndim == 2 and array.size and array.dtype.kind in "fViu"
    return class_names(model, array.shape[1]) if is_table else None


def every(model: Model) -> list[ClassNames]:
    """All lists of names that the model has: labels of a TFLite file, else tables, else assets."""
    return list(_packed(model)) if not model.holds_ops else _of_graph(model)


def read_class_names(path: str | PathLike[str]) -> list[str]:
    """The names of classes in a text file, one in each line, as `compare` takes them.

    Raises: BadFeed, MissingFile.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_FILE:
            raise BadFeed(path.name, "class names", f"is larger than {_MOST_FILE >> 20} MiB")
        names = _clean(path.read_text(encoding="utf-8-sig").splitlines())
    except FileNotFoundError:
        raise MissingFile(path.name, "class names", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as err:
        why = "is no text in UTF-8 that can be read"
        raise BadFeed(path.name, "class names", why) from err
    if not 1 < len(names) <= MOST:
        raise BadFeed(path.name, "class names", f"give 2 to {MOST:,} lines, with a name each")
    return names


def _packed(model: Model) -> Iterator[ClassNames]:
    """Label files, by the metadata of a TFLite file; where it says nothing of them, all texts."""
    if model.runs_with is not Runtime.LITERT or model.path is None:
        return
    # Here, since reading TFLite is an extra; a model that was read proves that it is installed.
    from inspector.formats.tflite import metadata
    from inspector.formats.tflite.lite_model import LiteModel

    assert isinstance(model, LiteModel)
    rows = metadata.facts(model.lite.file, model.associated_files)["associated_files"]
    labels = [row for row in rows if row["type"] == _LABELS]
    for row in labels or [row for row in rows if not row["type"]]:
        lines = metadata.lines_of(model.path, row["name"])
        yield ClassNames(_clean(lines), f"label file {row['name'][:_MOST_TEXT]}")


def _of_graph(model: Model) -> list[ClassNames]:
    """Lookup tables from numbers to texts, constants that an output of texts is taken from, assets.

    A text file whose lines are the keys of a table is none: it lists values of an input.
    """
    graph = model.graph
    ends = [name for item in model.signatures.values() for name in signatures.output_tensors(item)]
    roots = [node_name(name) for name in (*ends, *filter(None, [model.init_op]))]
    roots = [name for name in dict.fromkeys(roots) if name in graph]
    try:
        if roots and len(graph.library.function):
            graph = inline(graph, roots, (), model.custom_ops)
        nodes = list(graph)
    except InspectorError:  # a graph that calls itself, say; a run reports it
        return []
    lists = [
        *(_of_table(graph, node) for node in nodes if node.op in TABLE_FILLS - TABLE_FILES),
        *(_of_constant(graph, data_inputs(node)[0]) for node in nodes if node.op in _PICKS),
        *(_of_constant(graph, name) for name in ends),
    ]
    fills = [node for node in nodes if node.op in TABLE_FILES and len(data_inputs(node)) > 1]
    keyed = {_source(graph, data_inputs(node)[1]) for node in fills if not _gives_lines(node)}
    assets = [asset for asset in model.assets if node_name(asset.tensor) not in keyed]
    return [item for item in lists if item is not None] or [
        item for path in dict.fromkeys(asset.path for asset in assets) for item in _of_asset(path)
    ]


def _of_asset(path: Path | None) -> Iterator[ClassNames]:
    try:
        if path is not None and path.stat().st_size <= _MOST_FILE:
            lines = path.read_text(encoding="utf-8").splitlines()
            yield ClassNames(_clean(lines), f"asset {path.name[:_MOST_TEXT]}")
    except (OSError, UnicodeDecodeError):
        return


def _gives_lines(node: NodeDef) -> bool:
    """Whether a table that is filled from a file gives the line of a number."""
    indices = [node.attr[key].i if key in node.attr else 0 for key in ("key_index", "value_index")]
    return indices == [_LINE_NUMBER, _WHOLE_LINE]


def _of_table(graph: Graph, node: NodeDef) -> ClassNames | None:
    """A table that is filled with texts; its keys say their order, where they are constants."""
    inputs = data_inputs(node)
    if len(inputs) < 3:
        return None
    item = _of_constant(graph, inputs[2])
    keys = _constant(graph, inputs[1])
    if item is None or (keys is not None and keys[1].dtype.kind not in "iu"):
        return None
    names = item.names
    if keys is not None:
        order = keys[1].ravel()
        if sorted(order.tolist()) != list(range(len(names))):
            return None
        names = [names[at] for at in np.argsort(order)]
    return ClassNames(names, f"lookup table {_source(graph, inputs[0])[:_MOST_TEXT]}")


def _of_constant(graph: Graph, text: str) -> ClassNames | None:
    """The constant of texts behind an input or tensor name, past ops that keep their order."""
    value = _constant(graph, text)
    if value is None or value[1].dtype != object:
        return None
    name, array = value
    if sum(size > 1 for size in array.shape) != 1 or array.size > MOST:
        return None
    lines = [item.decode("utf-8", "replace") for item in array.ravel().tolist()]
    return ClassNames(_clean(lines), f"constant {name[:_MOST_TEXT]}")


def _source(graph: Graph, text: str) -> str:
    """The node behind an input, past ops that keep the order of values."""
    for _ in range(_MOST_STEPS):
        node = graph.get(node_name(text))
        if node is None or node.op not in _PASSES or not data_inputs(node):
            break
        text = data_inputs(node)[0]
    return node_name(text)


def _constant(graph: Graph, text: str) -> tuple[str, Array] | None:
    node = graph.get(_source(graph, text))
    if node is None or node.op != "Const":
        return None
    try:
        return node.name, tensors.to_numpy(node.attr["value"].tensor, max_bytes=_MOST_FILE)
    except InspectorError:
        return None


def _clean(lines: list[str]) -> list[str]:
    """Names in one line each, without empty lines."""
    names = (" ".join(line.split())[:_MOST_TEXT] for line in lines[: MOST + 1])
    return [name for name in names if name]
