"""What is wrong with a graph that can still be looked at: one sentence for each kind of fault.

TensorFlow refuses such a graph, and so does freezing. A look at it is often how the fault is found.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from inspector import opdefs, tensors
from inspector.errors import InvalidGraph
from inspector.functions import Library, function_names
from inspector.graph import Graph, split_input, validate
from inspector.protos import AttrValue, NodeDef
from inspector.wire import hole

MAX_GROWN = 500_000
"""Most nodes that a graph may be with all calls in it replaced by their bodies."""

_SHOWN = 120
_MISSING = "is missing."
_FIELD = {
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
    names: dict[str, NodeDef] = {}
    repeated: list[str] = []
    nameless = 0
    for node in graph:
        name = node.name
        if not name:
            nameless += 1
        elif name in names:
            repeated.append(name)
        else:
            names[name] = node
    found = []
    if nameless:
        found.append(f"{_nodes(nameless)} without a name.")
    if repeated:
        found.append(f"Two nodes are named {_short(repeated[0])}{_more(len(repeated) - 1)}.")
    lost, wrong = _inputs(graph, names)
    if lost:
        node, text = lost[0]
        told = f"The node {_short(node)} reads {_short(text)}, and there is no such node"
        found.append(told + _more(len(lost) - 1) + ".")
    if wrong:
        node, text = wrong[0]
        told = f"The node {_short(node)} reads {_short(text)}, an output that is not there"
        found.append(told + _more(len(wrong) - 1) + ".")
    if not lost and not repeated:
        found += _cycle(graph)
    found += _constants(graph)
    found += _attributes(graph)
    found += _functions(graph)
    return found


def refuse(graph: Graph, what: str) -> None:
    """Raises: InvalidGraph for a graph with a fault of any kind.

    But not for an attribute that is missing: hands that write graphs leave out what can be told
    from the rest.
    """
    validate(graph, what)
    for fault in problems(graph):
        if fault.endswith(_MISSING):
            continue
        raise InvalidGraph(what, "graph", fault.removesuffix("."))


def _inputs(
    graph: Graph, names: dict[str, NodeDef]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Node and input string where the node is not there; where its output is not."""
    lost, wrong = [], []
    for node in graph:
        for text in node.input:
            if text in names and ":" not in text and text[:1] != "^":
                continue  # as nearly all are
            name, port, _ = split_input(text)
            source = names.get(name)
            if source is None:
                lost.append((node.name, text))
            elif port > 0:
                outputs = opdefs.output_dtypes(source, graph.library)
                if outputs is not None and port >= len(outputs):
                    wrong.append((node.name, text))
    return lost, wrong


def _cycle(graph: Graph) -> Iterator[str]:
    try:
        graph.sorted()
    except InvalidGraph as err:
        yield f"Nodes wait for each other outside of a loop: {_short(err.where)}, {err.why}."


def _constants(graph: Graph) -> Iterator[str]:
    faulty = []
    for node in graph:
        if node.op == "Const":
            why = _constant(node)
            if why:
                faulty.append((node.name, why))
    if faulty:
        name, why = faulty[0]
        yield f"The constant {_short(name)} {why}{_more(len(faulty) - 1)}."


def _attributes(graph: Graph) -> Iterator[str]:
    """Attributes of another kind than their op declares, and such as must be there and are not."""
    wrong: list[str] = []
    missing: list[str] = []
    declared: dict[str, list[tuple[str, str, bool, str | None]]] = {}
    for node in graph:
        op = node.op
        wanted = declared.get(op)
        if wanted is None:
            wanted = declared[op] = [
                (key, kind, needed, _FIELD.get(kind))
                for key, (kind, needed) in _declared(op).items()
            ]
        if not wanted:
            continue
        attrs = node.attr
        for key, kind, needed, field in wanted:
            if key in attrs:
                value = attrs[key]
                if field is not None and value.HasField(field):
                    continue  # as nearly all are
                if not _fits(value, kind):
                    wrong.append(f"'{key}' of the node {_short(node.name)} is no {kind}")
            elif needed:
                missing.append(f"'{key}' of the node {_short(node.name)} ({_short(node.op)})")
    if wrong:
        yield f"The attribute {wrong[0]}{_more(len(wrong) - 1)}."
    if missing:
        yield f"The attribute {missing[0]}{_more(len(missing) - 1)} {_MISSING}"


@functools.lru_cache(maxsize=4096)
def _declared(op: str) -> Mapping[str, tuple[str, bool]]:
    """Attribute to its kind, e.g. ``list(int)``, and whether it has no default."""
    found = opdefs.get(op)
    if found is None or op == "Const":  # of which `_constants` tells
        return {}
    return {item.name: (item.type, not item.HasField("default_value")) for item in found.attr}


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
    known = {item.signature.name: item for item in graph.library.function}
    for item in graph.library.function:
        names = (name for node in item.node_def for name in (*function_names(node), node.op))
        called[item.signature.name] = [name for name in dict.fromkeys(names) if name in known]
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
    count = Library(graph.library).expanded_size(graph) if known else 0
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
    place = hole(tensor)
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
