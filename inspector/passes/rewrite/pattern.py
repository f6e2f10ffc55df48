"""Matches sub-graphs against patterns, nested calls laid out like the sub-graph.

    op("Mul", op("Conv2D", ANY, op("Const", label="weights"), label="linear"), op("Const"))

Control inputs are ignored; a node must have as many data inputs as the pattern lists, if it lists
any. Differs from the tool: an inner node must be read at its output 0, and nodes may take part in
several matches, so that two branches of one tensor do not compete for it.

Source: tensorflow/tools/graph_transforms/transform_utils.h, OpTypePattern.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from inspector.errors import InvalidGraph
from inspector.graph.edit import GraphEdit
from inspector.graph.functions import Library
from inspector.graph.graph import data_inputs, node_name, split_input
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.protos import NodeDef
from inspector.passes.base import PassContext


@dataclass(frozen=True)
class Pattern:
    """Allowed ops of a node (none: any tensor), patterns of its inputs, a label for the match."""

    ops: frozenset[str]
    inputs: tuple[Pattern, ...]
    label: str


def op(ops: str, *inputs: Pattern, label: str = "") -> Pattern:
    """A node of one of these ops, written ``A|B``."""
    return Pattern(frozenset(ops.split("|")), inputs, label)


ANY = Pattern(frozenset(), (), "")
"""Any tensor, whatever the node and the port."""


def match(edit: GraphEdit, node: NodeDef, pattern: Pattern) -> dict[str, NodeDef] | None:
    """The labelled nodes of a match whose output is this node; None without a match."""
    labelled: dict[str, NodeDef] = {}
    todo: list[tuple[NodeDef | None, Pattern]] = [(node, pattern)]
    while todo:
        current, expected = todo.pop()
        if not expected.ops:
            continue
        if current is None or current.op not in expected.ops:
            return None
        if expected.label:
            labelled[expected.label] = current
        if expected.inputs:
            texts = data_inputs(current)
            if len(texts) != len(expected.inputs):
                return None
            todo += zip((producer(edit, text) for text in texts), expected.inputs, strict=True)
    return labelled


def producer(edit: GraphEdit, text: str) -> NodeDef | None:
    """The node whose output 0 an input string reads, or None."""
    source = split_input(text)
    return edit.get(source.name) if source.port == 0 and not source.control else None


def in_order(edit: GraphEdit, ops: Collection[str]) -> Iterator[NodeDef]:
    """The nodes of these ops in their current state, in topological order if there is one."""
    if not any(node.op in ops for node in edit.graph.nodes):
        return
    try:
        nodes = edit.graph.sorted()
    except InvalidGraph:
        nodes = edit.graph.nodes
    for name in [node.name for node in nodes if node.op in ops]:
        node = edit.get(name)
        if node is not None and node.op in ops and name not in edit.hidden:
            yield node


def used_elsewhere(edit: GraphEdit, ctx: PassContext, node: NodeDef, reader: NodeDef) -> str:
    """Why this node is needed by more than one data input of `reader`; empty if it is not."""
    reads = edit.reads(node.name)
    for other in reads:
        if other != reader.name and node.name not in ctx.boundary:
            return f"'{node.name}' is read by '{other}' too"
    return value_used_elsewhere(edit, ctx, node, reader) or (
        f"'{node.name}' is read twice" if len(reads.get(reader.name, ())) > 1 else ""
    )


def value_used_elsewhere(edit: GraphEdit, ctx: PassContext, node: NodeDef, reader: NodeDef) -> str:
    """`used_elsewhere`, without the control inputs on the node."""
    if node.name in ctx.boundary:
        return f"'{node.name}' is a feed or a fetch"
    for other, ports in edit.reads(node.name).items():
        if other != reader.name and max(ports) >= 0:
            return f"'{node.name}' is read by '{other}' too"
    count = sum(port >= 0 for port in edit.reads(node.name).get(reader.name, ()))
    return f"'{node.name}' is read twice" if count > 1 else ""


def drop_unread(edit: GraphEdit, ctx: PassContext, names: Collection[str], why: str) -> None:
    """Remove those of these nodes that have no consumers and are no feed or fetch."""
    for name in dict.fromkeys(names):
        if name in edit and name not in ctx.boundary and not edit.reads(name):
            edit.explain(name, why)
            edit.remove(name)


def drop_chain(edit: GraphEdit, ctx: PassContext, names: Collection[str], why: str) -> None:
    """Remove those of these nodes that have no consumers, then what only they read.

    Placeholders stay, and nodes that change state; drawing a random number changes none.
    """
    library = Library(edit.library)
    todo = list(names)
    while todo:
        node = edit.get(todo.pop())
        if node is None or node.name in ctx.boundary or edit.reads(node.name):
            continue
        if node.op in PLACEHOLDERS or library.changes_state(node):
            continue
        todo += [node_name(text) for text in node.input]
        edit.explain(node.name, why)
        edit.remove(node.name)
