"""The texts of a box: its title, its second line, and the band of a fused activation."""

from __future__ import annotations

import re

from inspector.text import brief_shape, brief_size
from inspector.text import count as count_text
from inspector.view.table.node_table import NodeTable
from inspector.view.table.op_kinds import INDEX, KINDS, kind_of
from inspector.view.tree.folding import ARGUMENT
from inspector.view.tree.hierarchy import Hierarchy
from inspector.view.tree.levels import run_of, run_text, together
from inspector.view.tree.repeats import RUN

_ACTIVATION = re.compile(r"(?:fused_activation_function|activation)=([A-Za-z]\w{0,19})")
_FUSED_OPS = re.compile(r"fused_ops=\[(?:.*,)?([A-Za-z]\w{0,19})\]")
_NO_ACTIVATION = ("none", "linear")


def title_of_scope(tree: Hierarchy, scope: int) -> str:
    """The title of an open scope, with its note."""
    return " · ".join(filter(None, (tree.title(~scope), _note(tree, scope))))


def scope_line(tree: Hierarchy, scope: int, shape: str) -> str:
    """The second line of a closed scope."""
    parts = (_note(tree, scope), count_text(tree.columns.ops(scope), "op"), shape)
    return " · ".join(filter(None, (*parts, _weights(tree, ~scope))))


def node_lines(tree: Hierarchy, item: int) -> tuple[str, str]:
    """Title and second line of a node."""
    op = tree.table.op_of(item)
    shapes = tree.table.shapes_of(item)
    first = brief_shape(shapes[0]) if shapes else ""
    more = f" +{len(shapes) - 1}" if first and len(shapes) > 1 else ""
    title, kind_text = _title_of_op(tree, item, "argument" if op == ARGUMENT else op)
    return title, " · ".join(filter(None, (kind_text, first + more, _weights(tree, item))))


def fused_activation(table: NodeTable, node: int) -> str:
    """The activation that is part of an op or layer, such as ``Relu6``; empty for none.

    TFLite and Keras name it in an attribute; of TensorFlow's fused ops it is the last one.
    """
    if not len(table.attr) or kind_of(table.op_of(node)) == INDEX["activation"]:
        return ""
    for text in table.attrs[table.attr[node]]:
        match = _ACTIVATION.fullmatch(text) or _FUSED_OPS.fullmatch(text)
        if match is None or match[1].lower() in _NO_ACTIVATION:
            continue
        if text.startswith("fused_ops") and kind_of(match[1]) != INDEX["activation"]:
            continue
        return match[1].capitalize() if match[1].isupper() or match[1].islower() else match[1]
    return ""


def _weights(tree: Hierarchy, item: int) -> str:
    """The bytes of the weights that an item reads; in a union of two graphs, of both."""
    index = tree.columns
    size = index.weights.get(item, 0)
    former = index.former.get(item, 0) if len(tree.table.side) else size
    if former != size:
        return f"{brief_size(former)} → {brief_size(size)}"
    return brief_size(size) if item in index.weights else ""


def _note(tree: Hierarchy, scope: int) -> str:
    """The number and sort of a scope's items: its note, or computed where all are equal scopes."""
    inside = tree.children[scope]
    if scope in tree.notes or len(inside) < RUN or inside[0] >= 0:
        return tree.notes.get(scope, "")
    structure = tree.columns.structure
    sorts = {structure[~item] if item < 0 else -1 for item in inside}
    if len(sorts) > 1:
        return ""
    (sort,) = sorts
    return run_text(together([run_of(sort, tree.title(item), "") for item in inside]))


def _title_of_op(tree: Hierarchy, item: int, op: str) -> tuple[str, str]:
    """Title of a node's box, and what its second line begins with; neither repeats the other.

    A node is titled by its scope where that holds nothing else. For a layer this is its name; a
    title that repeats the scope around it, or a helper's folder, says nothing: there the op does.
    """
    title = tree.title(item)
    around = [tree.title(~scope).rpartition("/")[2] for scope in tree.path(item)[-1:]]
    is_folder = title != tree.table.names[item].rpartition("/")[2]
    if title in around:
        return op, ""
    if is_folder and KINDS[kind_of(op)].key == "shape":
        return op, title
    return title, op if op != title else ""
