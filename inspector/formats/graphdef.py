"""GraphDef files: the reader, and the writer of a graph that needs no other file.

Source: tensorflow/core/framework/graph.proto; kernels/lookup_util.cc for the lines of a table's
file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inspector.errors import CorruptModel, MissingFile, OutputExists
from inspector.formats.mapped import map_file
from inspector.formats.saved_model_writer import check_size
from inspector.graph.graph import Graph, Names, data_inputs, node_name
from inspector.graph.op_sets import TABLE_FILES, VARIABLES
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import STRING, Array, dtype_name, from_numpy, numpy_dtype
from inspector.graph.wire import GraphBytes
from inspector.model import initial_state, signatures
from inspector.model.initial_state import init_note
from inspector.model.lazy_graph import LazyGraph
from inspector.model.model import Model

_WHOLE_LINE, _LINE_NUMBER = -2, -1


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a GraphDef. It has no tag-sets, so `tag_set` is ignored.

    Raises: CorruptModel.
    """
    source = GraphBytes(data, 0, len(data), path.name)
    size = path.stat().st_size
    model = Model(
        format="GraphDef",
        name=path.name,
        path=path,
        graph=LazyGraph(source),
        source=source,
        files=[(path.name, size)],
        bytes={"graph": size, "variables": 0, "assets": 0, "total": size},
    )
    # Read now, so that a damaged file is an error of opening and not of a later step.
    has_variables = not model.outline.op_counts().keys().isdisjoint(VARIABLES)
    if has_variables and initial_state.find(model.outline).missing:
        model.warnings.append("A GraphDef holds no values: its variables have none.")
    return model


def write(model: Model, path: Path) -> list[str]:
    """Write the graph as a GraphDef file that needs no other file.

    Tables that are filled from an asset are filled from constants instead.

    Returns: Notes for running the file, one sentence each.
    Raises: OutputExists, MissingFile (an asset), LimitExceeded (2 GiB or more).
    """
    if path.exists():
        raise OutputExists(path.name, "output", "is there already")
    graph, notes = self_contained(model)
    notes += _signature_notes(model)
    check_size(graph, model.name)
    with path.open("wb") as file:
        file.writelines(graph.parts(deterministic=True))
    return notes


def _signature_notes(model: Model) -> list[str]:
    """The outputs of each signature, where there are several: the file does not hold them."""
    by_outputs: dict[str, list[str]] = {}
    for key, signature in model.signatures.items():
        outputs = signatures.tensors_by_key(signature.outputs)
        listed = ", ".join(f"{name} = {tensor}" for name, tensor in outputs.items())
        by_outputs.setdefault(listed, []).append(f"'{key}'")
    if len(by_outputs) < 2:
        return []
    return [f"Outputs of {' and '.join(keys)}: {names}." for names, keys in by_outputs.items()]


def self_contained(model: Model) -> tuple[Graph, list[str]]:
    """The graph with the entries of tables as constants, and notes for running it."""
    graph = model.graph
    notes: list[str] = []
    paths = {node_name(asset.tensor): asset for asset in model.assets}
    names = Names(node.name for node in graph)
    nodes: list[NodeDef] = []
    filled = 0
    for node in graph:
        asset = None
        if node.op in TABLE_FILES and len(data_inputs(node)) == 2:
            asset = paths.get(_file_node(graph, data_inputs(node)[1]))
        if asset is None:
            nodes.append(node)
            continue
        if asset.path is None:
            raise MissingFile(model.name, f"asset '{asset.name}'", "the file is not there")
        nodes += _import(node, graph, asset.path, names)
        filled += 1
    if filled:
        filled_graph = graph.with_nodes(nodes)
        read = {node_name(text) for node in nodes for text in node.input}
        files = {name for name in paths if name not in read}
        graph = filled_graph.with_nodes(node for node in nodes if node.name not in files)
        notes.append(f"The entries of {filled} table(s) were taken into the graph.")
    if model.init_op is not None:
        notes.append(init_note(model.init_op))
    return graph, notes


def _file_node(graph: Graph, text: str) -> str:
    """The node that names the file, past Identity nodes."""
    for _ in range(len(graph)):
        node = graph.get(node_name(text))
        if node is None or node.op != "Identity" or not data_inputs(node):
            break
        text = data_inputs(node)[0]
    return node_name(text)


def _import(node: NodeDef, graph: Graph, path: Path, names: Names) -> list[NodeDef]:
    table = graph.get(node_name(node.input[0]))
    dtypes = []
    for key in ("key_dtype", "value_dtype"):
        dtypes.append(table.attr[key].type if table is not None and key in table.attr else STRING)
    lines = _lines(node, path)
    delimiter = node.attr["delimiter"].s if "delimiter" in node.attr else b"\t"
    fill = NodeDef(name=node.name, device=node.device)
    fill.op = "LookupTableImportV2" if node.op.endswith("V2") else "LookupTableImport"
    fill.input.append(node.input[0])
    constants = []
    for part, key, dtype in zip(("key", "value"), ("Tin", "Tout"), dtypes, strict=True):
        index = node.attr[f"{part}_index"].i if f"{part}_index" in node.attr else _WHOLE_LINE
        constant = NodeDef(name=names.free(f"{node.name}/{part}s"), op="Const")
        column = _column(lines, index, delimiter, dtype, path.name)
        constant.attr["dtype"].type = dtype
        constant.attr["value"].tensor.CopyFrom(from_numpy(column, dtype))
        constants.append(constant)
        fill.input.append(constant.name)
        fill.attr[key].type = dtype
    fill.input.extend(text for text in node.input if text.startswith("^"))
    return [*constants, fill]


def _lines(node: NodeDef, path: Path) -> list[bytes]:
    lines = bytes(map_file(path)).split(b"\n") if path.stat().st_size else []
    if lines and not lines[-1]:
        lines.pop()
    offset = node.attr["offset"].i if "offset" in node.attr else 0
    size = node.attr["vocab_size"].i if "vocab_size" in node.attr else -1
    # The kernel leaves out every carriage return, wherever it stands.
    lines = [line.replace(b"\r", b"") for line in lines[offset:]]
    return lines[:size] if size >= 0 else lines


def _column(lines: list[bytes], index: int, delimiter: bytes, dtype: int, name: str) -> Array:
    if index == _LINE_NUMBER:
        return np.arange(len(lines)).astype(numpy_dtype(dtype) or np.int64)
    cells = lines
    if index >= 0:
        rows = [line.split(delimiter) for line in lines]
        if any(index >= len(row) for row in rows):
            raise CorruptModel(name, "asset", f"a line has fewer than {index + 1} columns")
        cells = [row[index] for row in rows]
    if dtype == STRING:
        column = np.empty(len(cells), np.object_)
        column[:] = cells
        return column
    numpy = numpy_dtype(dtype)
    try:
        kind = int if numpy is not None and numpy.kind in "iu" else float
        return np.array([kind(cell) for cell in cells], numpy)
    except ValueError as err:
        raise CorruptModel(name, "asset", f"a cell is no {dtype_name(dtype)}") from err
