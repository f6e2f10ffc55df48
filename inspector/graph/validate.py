"""Faults of a graph that can still be shown: one sentence for each kind of fault.

TensorFlow refuses such a graph, and so does freezing. Looking at it is often how a user finds the
fault.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Literal

import numpy as np

from inspector.errors import InvalidGraph
from inspector.graph import opdefs, tensors
from inspector.graph.columns import Columns
from inspector.graph.functions import Library, function_names
from inspector.graph.graph import Graph, validate
from inspector.graph.protos import AttrValue, NodeDef
from inspector.graph.wire import elided_range

MAX_GROWN = 500_000
"""Most nodes that a graph may be with all calls in it replaced by their bodies."""

_SHOWN = 120
_MISSING = "is missing."
_Field = Literal["s", "i", "f", "b", "type", "shape", "tensor", "func"]
_FIELD: Mapping[str, _Field] = {
    "string": "s",
    "int": "i",
    "float": "f",
    "bool": "b",
    "type": "type",
    "shape": "shape",
    "tensor": "tensor",
    "func": "func",
}
_MAX_RANK = 254  # of TensorFlow's TensorShape


def problems(graph: Graph) -> list[str]:
    """One sentence for each kind of fault, with the first node that has it; most often none."""
    columns = graph.columns()
    nameless = columns.names.count("")
    repeated = []
    if columns.repeat:
        first = columns.first.tolist()
        repeated = [name for at, name in enumerate(columns.names) if name and first[at] != at]
    faults = []
    if nameless:
        faults.append(f"{_nodes(nameless)} without a name.")
    if repeated:
        faults.append(f"Two nodes are named {_short(repeated[0])}{_more(len(repeated) - 1)}.")
    missing, wrong = _inputs(graph)
    if missing:
        faults.append(_reads(graph, missing, "and there is no such node"))
    if wrong:
        faults.append(_reads(graph, wrong, "an output that is not there"))
    if not missing and not repeated:
        faults += _cycle(graph)
    faults += _constants(columns)
    faults += _attributes(columns)
    faults += _functions(graph)
    return faults


def refuse(graph: Graph, what: str) -> None:
    """Raises: InvalidGraph for a graph with a fault of any kind.

    A missing attribute is no reason to refuse: hand-written graphs often omit inferable attributes.
    """
    validate(graph, what)
    for fault in problems(graph):
        if fault.endswith(_MISSING):
            continue
        raise InvalidGraph(what, "graph", fault.removesuffix("."))


def _inputs(graph: Graph) -> tuple[list[int], list[int]]:
    """The edges from a node that is not there, and those from an output that is not there."""
    columns = graph.columns()
    count = len(columns)
    missing, wrong = [], []
    signatures = {item.signature.name: item.signature for item in reversed(graph.library.function)}
    outputs: dict[int, int | None] = {}
    nameless = columns.index.get("", -1)  # which no input can mean
    odd = (columns.source >= count) | (columns.port > 0) | (columns.source == nameless)
    for edge in np.flatnonzero(odd).tolist():
        source, port = int(columns.source[edge]), int(columns.port[edge])
        if source >= count or source == nameless:
            missing.append(edge)
        else:
            kind = int(columns.kind[source])
            if kind not in outputs:
                dtypes = opdefs.output_dtypes(columns.kinds[kind], signatures)
                outputs[kind] = None if dtypes is None else len(dtypes)
            width = outputs[kind]
            if width is not None and port >= width:
                wrong.append(edge)
    return missing, wrong


def _reads(graph: Graph, edges: list[int], why: str) -> str:
    """The sentence on edges with one fault: names the node and input string of the first."""
    columns = graph.columns()
    node = int(columns.reader[edges[0]])
    text = graph.nodes[node].input[edges[0] - int(columns.start[node])]
    more = _more(len(edges) - 1)
    return f"The node {_short(columns.names[node])} reads {_short(text)}, {why}{more}."


def _cycle(graph: Graph) -> Iterator[str]:
    try:
        if not graph.is_sorted():
            graph.numbers_in_order()
    except InvalidGraph as err:
        yield f"Nodes wait for each other outside of a loop: {_short(err.where)}, {err.why}."


def _constants(columns: Columns) -> Iterator[str]:
    faulty = {
        kind: why
        for kind, node in enumerate(columns.kinds)
        if node.op == "Const" and (why := _constant(node))
    }
    if faulty:
        nodes = np.flatnonzero(np.isin(columns.kind, list(faulty)))
        name, why = columns.names[nodes[0]], faulty[int(columns.kind[nodes[0]])]
        yield f"The constant {_short(name)} {why}{_more(len(nodes) - 1)}."


def _attributes(columns: Columns) -> Iterator[str]:
    """Attributes of another kind than their op declares, and such as must be there and are not."""
    wrong: dict[int, list[str]] = {}
    missing: dict[int, list[str]] = {}
    declared: dict[str, list[tuple[str, str, bool, _Field | None]]] = {}
    for number, node in enumerate(columns.kinds):
        op = node.op
        attributes = declared.get(op)
        if attributes is None:
            attributes = declared[op] = [
                (key, kind, needed, _FIELD.get(kind))
                for key, (kind, needed) in _declared(op).items()
            ]
        if not attributes:
            continue
        attrs = node.attr
        for key, kind, needed, field in attributes:
            if key in attrs:
                value = attrs[key]
                if field is not None and value.HasField(field):
                    continue  # as nearly all are
                if not _fits(value, kind):
                    wrong.setdefault(number, []).append(f"'{key}' of the node {{}} is no {kind}")
            elif needed:
                missing.setdefault(number, []).append(f"'{key}' of the node {{}} ({_short(op)})")
    for faults, end in ((wrong, "."), (missing, f" {_MISSING}")):
        if faults:
            nodes = np.flatnonzero(np.isin(columns.kind, list(faults)))
            count = sum(len(faults[kind]) for kind in columns.kind[nodes].tolist())
            before, after = faults[int(columns.kind[nodes[0]])][0].split("{}")
            name = _short(columns.names[nodes[0]])
            yield f"The attribute {before}{name}{after}{_more(count - 1)}{end}"


@functools.lru_cache(maxsize=4096)
def _declared(op: str) -> Mapping[str, tuple[str, bool]]:
    """Attribute to its kind, e.g. ``list(int)``, and whether it has no default."""
    definition = opdefs.get(op)
    if definition is None or op == "Const":  # `_constants` checks it
        return {}
    return {item.name: (item.type, not item.HasField("default_value")) for item in definition.attr}


def _fits(value: AttrValue, kind: str) -> bool:
    stored = value.WhichOneof("value")
    if not kind.startswith("list("):
        return bool(stored == _FIELD[kind] or stored == "placeholder")
    if stored != "list":
        return stored in (None, "placeholder")
    filled = value.list.ListFields()
    return not filled or [field.name for field, _ in filled] == [_FIELD[kind[5:-1]]]


def _functions(graph: Graph) -> Iterator[str]:
    """Calls that multiply; a function that calls itself, by way of others or not."""
    called: dict[str, list[str]] = {}
    functions = {item.signature.name: item for item in graph.library.function}
    for item in graph.library.function:
        names = (name for node in item.node_def for name in (*function_names(node), node.op))
        called[item.signature.name] = [name for name in dict.fromkeys(names) if name in functions]
    done: set[str] = set()
    for start, first in called.items():
        path: dict[str, Iterator[str]] = {} if start in done else {start: iter(first)}
        while path:
            last = next(reversed(path))
            inner = next(path[last], None)
            if inner is None:
                done.add(last)
                del path[last]
            elif inner in path:
                yield f"The function {_short(inner)} calls itself."
                return
            elif inner not in done:
                path[inner] = iter(called[inner])
    count = Library(graph.library).expanded_size(graph) if functions else 0
    if count > MAX_GROWN:
        yield f"Its nested calls of functions stand for {count:,} nodes, too many to run."


def _constant(node: NodeDef) -> str:
    """What is wrong with a constant, by its dtype and shape alone; else nothing."""
    if "value" not in node.attr:
        return "has no value"
    value = node.attr["value"]
    if not value.HasField("tensor"):
        return "has a value that is no tensor"
    tensor = value.tensor
    place = elided_range(tensor)
    stored = len(tensor.tensor_content) if place is None else place[1]
    if len(tensor.tensor_shape.dim) > _MAX_RANK:
        return f"has {len(tensor.tensor_shape.dim):,} dimensions"
    count, size = tensors.elements(tensor), tensors.itemsize(tensor.dtype)
    if count < 0:
        return "has a shape that is not fully known"
    if count * max(size, 1) > tensors.MAX_BYTES:
        most = tensors.MAX_BYTES >> 30
        return f"declares {count:,} elements, more than the {most} GiB that a graph can hold"
    if stored and size and stored != count * size:
        return f"has {stored:,} bytes for {count:,} elements of {size}"
    return ""


def _nodes(count: int) -> str:
    return "A node is" if count == 1 else f"{count:,} nodes are"


def _more(count: int) -> str:
    return f" (and {count:,} more like it)" if count else ""


def _short(text: str) -> str:
    return "'" + (text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…") + "'"
