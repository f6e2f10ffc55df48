"""Graphs as text: ``graph("x = Placeholder(shape=[2]) ; y = Relu(x, ^init)")``, and back.

One node per line or between semicolons: ``name = Op(inputs, attr=value) @device``. What the op
list asks for and the text leaves out is filled in: float32 for types, counts from the inputs,
strides of 1, SAME padding. A Const has ``value=[[1, 2]]``, or ``value=random(3, 4)`` (always the
same for one name), ``zeros(3)``, ``ones(3)``; and its ``dtype``, float32 where none is given.
"""

from __future__ import annotations

import ast
import re
import zlib
from typing import Any

import numpy as np

from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, data_inputs
from inspector.graph.protos import AttrValue, GraphDef, NodeDef

PRODUCER = 1395
_LINE = re.compile(r"(\S+) = (\w+)\((.*)\)(?: @(\S+))?", re.DOTALL)
_FILLS = {"strides": "[1, 1, 1, 1]", "ksize": "[1, 2, 2, 1]", "padding": "SAME"}


def graph(text: str) -> Graph:
    """A graph of its own from text."""
    return Graph.of(graph_def(text))


def graph_def(text: str, producer: int = PRODUCER) -> GraphDef:
    """The same as a GraphDef, which says which TensorFlow made it."""
    proto = GraphDef()
    proto.versions.producer = producer
    for line in re.split(r"\s*;\s*|\s*\n\s*", text.strip()):
        if line:
            proto.node.append(node(line))
    return proto


def node(line: str) -> NodeDef:
    """One node."""
    match = _LINE.fullmatch(line.strip())
    assert match is not None, f"not a node: {line}"
    name, op, arguments, device = match.groups()
    made = NodeDef(name=name, op=op, device=device or "")
    values: dict[str, str] = {}
    for argument in _split(arguments):
        key = re.match(r"(\w+)=(.*)", argument, re.DOTALL)
        if key:
            values[key.group(1)] = key.group(2)
        else:
            made.input.append(argument)
    if op == "Const":
        dtype = tensors.dtype_enum(values.pop("dtype", "float"))
        array = _array(values.pop("value", "0"), name, tensors.numpy_dtype(dtype))
        made.attr["dtype"].type = dtype
        made.attr["value"].tensor.CopyFrom(tensors.from_numpy(array, dtype))
    found = opdefs.get(op)
    kinds = {item.name: item.type for item in found.attr} if found else {}
    for item in found.attr if found else ():
        if item.name not in values and item.name in _FILLS:
            values[item.name] = _FILLS[item.name]
        if item.name not in values and not item.HasField("default_value") and op != "Const":
            _fill(made, item, found)
    for key, value in values.items():
        made.attr[key].CopyFrom(_attr(value, kinds.get(key, "")))
    return made


def show(found: Graph) -> str:
    """A graph as text without attributes: what a golden test compares."""
    lines = []
    for item in found.nodes:
        device = f" @{item.device}" if item.device else ""
        lines.append(f"{item.name} = {item.op}({', '.join(item.input)}){device}")
    return "\n".join(lines)


def value(found: Graph, name: str) -> Any:
    """The array of a Const."""
    return tensors.to_numpy(found.node(name).attr["value"].tensor)


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text + ","):
        depth += char in "([{"
        depth -= char in ")]}"
        if char == "," and not depth:
            parts.append(text[start:index].strip())
            start = index + 1
    return [part for part in parts if part]


def _array(text: str, name: str, dtype: Any) -> Any:
    call = re.fullmatch(r"(random|zeros|ones|uniform)\((.*)\)", text)
    if not call:
        if dtype == np.object_:
            return np.array(ast.literal_eval(text), np.object_)
        return np.array(ast.literal_eval(text), dtype)
    shape = [int(size) for size in call.group(2).split(",") if size.strip()]
    rng = np.random.RandomState(zlib.crc32(name.encode()))
    made = {
        "random": lambda: rng.standard_normal(shape),
        "uniform": lambda: rng.uniform(0.5, 1.5, shape),
        "zeros": lambda: np.zeros(shape),
        "ones": lambda: np.ones(shape),
    }[call.group(1)]()
    return np.asarray(made).astype(dtype)


def _fill(made: NodeDef, item: Any, found: Any) -> None:
    count = len(data_inputs(made))
    if item.type == "type":
        made.attr[item.name].type = tensors.FLOAT
    elif item.type == "list(type)":
        made.attr[item.name].list.type.extend([tensors.FLOAT] * count)
    elif item.type == "int" and any(arg.number_attr == item.name for arg in found.input_arg):
        plain = sum(not arg.number_attr for arg in found.input_arg)
        made.attr[item.name].i = count - plain


def _attr(text: str, kind: str) -> AttrValue:
    attr = AttrValue()
    if kind == "type":
        attr.type = tensors.dtype_enum(text)
        return attr
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    if kind == "shape":
        attr.shape.CopyFrom(tensors.make_shape([None if size < 0 else size for size in value]))
    elif kind == "list(shape)" or (not kind and text.startswith("[[")):
        for shape in value:
            attr.list.shape.add().CopyFrom(
                tensors.make_shape([None if size < 0 else size for size in shape])
            )
    elif kind == "list(type)":
        attr.list.type.extend(tensors.dtype_enum(name) for name in text.strip("[]").split(", "))
    elif isinstance(value, list):
        is_text = any(isinstance(item, str) for item in value)
        attr.list.SetInParent()
        if is_text:
            attr.list.s.extend(item.encode() for item in value)
        else:
            attr.list.i.extend(value)
    elif text in ("true", "false"):
        attr.b = text == "true"
    elif kind == "func":
        attr.func.name = value
    elif kind == "float" or isinstance(value, float):
        attr.f = float(value)
    elif isinstance(value, int):
        attr.i = value
    else:
        attr.s = str(value).encode()
    return attr
