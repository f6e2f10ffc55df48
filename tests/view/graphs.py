"""Graphs for the tests of the picture, as node tables or as text."""

from __future__ import annotations

from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.view.table.builder import build_node_table
from inspector.view.table.node_table import NodeTable


def graph(text: str) -> Graph:
    """One node per line: ``name = Op(input, ^control)``."""
    proto = GraphDef()
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, call = line.partition(" = ")
        op, _, inputs = call.removesuffix(")").partition("(")
        node = proto.node.add(name=name, op=op)
        node.input.extend(filter(None, inputs.split(", ")))
        if op in ("Const", "Placeholder", "VariableV2"):
            node.attr["dtype"].type = 1
        elif op not in ("NoOp", "Save"):
            node.attr["T"].type = 1
    return Graph.of(proto)


def table(text: str, **kwargs: object) -> NodeTable:
    options: dict[str, object] = {"shapes": {}, "weights": {}, "fetches": (), "feeds": ()}
    return build_node_table(graph(text), **(options | kwargs))  # type: ignore[arg-type]
