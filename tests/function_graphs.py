"""Graphs with functions, written down in a few words."""

from __future__ import annotations

from typing import Any

from inspector.graph.graph import Graph, validate
from inspector.graph.protos import FunctionDef, GraphDef, NodeDef

FLOAT, INT32, RESOURCE = 1, 3, 20


def node(name: str, op: str, *inputs: str, **attrs: Any) -> NodeDef:
    """A node; attributes by their type: int, str (a function), int list (types), bytes."""
    made = NodeDef(name=name, op=op, input=inputs)
    for key, value in attrs.items():
        if isinstance(value, str):
            made.attr[key].func.name = value
        elif isinstance(value, list):
            made.attr[key].list.type.extend(value)
        elif key == "_class":
            made.attr[key].list.s.append(value)
        elif isinstance(value, bytes):
            made.attr[key].s = value
        elif key.startswith("n_"):
            made.attr[key[2:]].i = value
        else:
            made.attr[key].type = value
    return made


def call(name: str, function: str, *inputs: str, outputs: int = 1, op: str = "") -> NodeDef:
    count = sum(not text.startswith("^") for text in inputs)
    op = op or "StatefulPartitionedCall"
    return node(name, op, *inputs, f=function, Tin=[FLOAT] * count, Tout=[FLOAT] * outputs)


def function(
    name: str,
    args: str,
    nodes: list[NodeDef],
    results: dict[str, str],
    controls: tuple[str, ...] = (),
) -> FunctionDef:
    made = FunctionDef()
    made.signature.name = name
    for arg in args.split():
        made.signature.input_arg.add(name=arg, type=FLOAT)
    for key, text in results.items():
        made.signature.output_arg.add(name=key, type=FLOAT)
        made.ret[key] = text
    made.node_def.extend(nodes)
    for control in controls:
        made.control_ret[control] = control
        made.signature.control_output.append(control)
    return made


def graph(nodes: list[NodeDef], *functions: FunctionDef) -> Graph:
    proto = GraphDef(node=nodes)
    proto.library.function.extend(functions)
    proto.versions.producer = 1395
    return Graph.of(proto)


def shown(flat: Graph) -> dict[str, str]:
    validate(flat)
    return {item.name: f"{item.op}({', '.join(item.input)})" for item in flat}


X = node("x", "Placeholder", dtype=FLOAT)
