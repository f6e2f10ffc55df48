"""Two graphs as one picture: nodes of one graph only, and nodes that differ.

Their union is laid out once, so that nothing moves between before and after. Where the inputs of a
node differ, the picture has the edges of both.

Example:
    >>> difference = Difference.of(diff(one, other).to_dict())
    >>> tree = build(union(before, after, difference.renamed))
    >>> marks = difference_marks(tree, names, difference)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from inspector.view.state.reachability import Mask
from inspector.view.table.adjacency import Inputs, column
from inspector.view.table.node_table import AFTER, BEFORE, BOTH, NodeTable
from inspector.view.tree.hierarchy import Hierarchy

ADDED, REMOVED, CHANGED, RENAMED = "added", "removed", "changed", "renamed"
NOTED = ["attr:_output_shapes"]
"""Shapes that TensorFlow inferred when it wrote the graph; freezing drops them without effect."""


_BEFORE = " (before)"


@dataclass(frozen=True)
class Difference:
    """Names of nodes that only the second graph has, only the first has, both have and differ.

    All are names of the union, where a node of both graphs has that of the second.

    Args:
        renamed: Name in the first graph to name in the union, where they differ: of renamed nodes,
            and of removed nodes whose name another node has in the second graph.
    """

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]
    renamed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, delta: Mapping[str, Any]) -> Difference:
        """From the JSON of ``diff``; ignores nodes that only lost `NOTED`."""
        nodes = delta["nodes"]
        changed = (
            item.get("after", item["name"]) for item in nodes["changed"] if item["fields"] != NOTED
        )
        renamed = {item["before"]: item["after"] for item in delta["renamed"]}
        taken = set(renamed.values())
        renamed |= {name: name + _BEFORE for name in nodes["removed"] if name in taken}
        removed = (renamed.get(name, name) for name in nodes["removed"])
        return cls(frozenset(nodes["added"]), frozenset(removed), frozenset(changed), renamed)

    def before(self, name: str) -> str | None:
        """The name in the first graph of a renamed node of the union; None for all others."""
        return self._before.get(name)

    @property
    def moved(self) -> frozenset[str]:
        """The renamed nodes, with their names in the union."""
        return frozenset(self._before)

    @cached_property
    def _before(self) -> Mapping[str, str]:
        renamed = self.renamed.items()
        return {after: name for name, after in renamed if after not in self.removed}


def union(
    before: NodeTable, after: NodeTable, renamed: Mapping[str, str] | None = None
) -> NodeTable:
    """The node table of both graphs: the nodes of the second, then those only the first has.

    Op and shapes of a node that both have are those of the second; weights are those of each.

    Args:
        renamed: `Difference.renamed`.
    """
    if renamed:
        # Nodes of a body lie in the scope of the node that runs it, and keep their names.
        names = [renamed.get(name, name) for name in before.names]
        before = replace(before, names=names, feeds=[], fetches=[])
    both = _Builder()
    for name in dict.fromkeys((*after.names, *before.names)):
        both.name(name)
    both.take(after, AFTER)
    both.take(before, BEFORE)
    table = both.table()
    table.feeds = list(dict.fromkeys((*after.feeds, *before.feeds)))
    table.fetches = list(dict.fromkeys((*after.fetches, *before.fetches)))
    return table


_NUMBERED = ("op", "dtype", "shape", "device", "attr", "side")


class _Builder:
    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self._table = NodeTable([], [])
        self._columns: dict[str, list[int]] = {name: [] for name in _NUMBERED}
        self._inputs: list[list[int]] = []
        self._missing: dict[str, int] = {}
        self._numbers: dict[str, dict[Any, int]] = {}

    def name(self, name: str) -> None:
        self.index[name] = len(self.index)
        self._table.names.append(name)
        self._inputs.append([])
        for numbers in self._columns.values():
            numbers.append(-1)

    def table(self) -> NodeTable:
        """The union of the tables that were taken."""
        table = replace(self._table, inputs=Inputs.of(self._inputs))
        for name, numbers in self._columns.items():
            setattr(table, name, column(numbers))
        return table

    def take(self, table: NodeTable, side: int) -> None:
        """Add the rows of a table; an existing node keeps its columns and gains edges."""
        union, columns = self._table, self._columns
        weights = union.weights if side == AFTER else union.former
        own = [self.index[name] for name in table.names]
        for row, node in enumerate(own):
            columns["side"][node] = side if columns["op"][node] < 0 else BOTH
            if row in table.weights:
                weights[node] = table.weights[row]
            if columns["op"][node] < 0:
                columns["op"][node] = self._number("ops", table.op_of(row), str)
                columns["dtype"][node] = self._number("dtypes", table.dtypes_of(row), tuple)
                columns["shape"][node] = self._number("shapes", table.shapes_of(row), repr)
                device = table.devices[table.device[row]]
                columns["device"][node] = self._number("devices", device, str)
                attrs = table.attrs[table.attr[row]] if len(table.attr) else []
                columns["attr"][node] = self._number("attrs", attrs, tuple)
                if row in table.calls:
                    union.calls[node] = table.calls[row]
            self._edges(table, row, node, own)

    def _edges(self, table: NodeTable, row: int, node: int, own: list[int]) -> None:
        union = self._table
        flat, mine = table.inputs[row], self._inputs[node]
        edges = set(zip(mine[::2], mine[1::2], strict=True))
        for source, port in zip(flat[::2], flat[1::2], strict=True):
            if source >= 0:
                place = own[source]
            else:
                name = table.missing[-1 - source]
                place = -1 - self._missing.setdefault(name, len(self._missing))
                if len(self._missing) > len(union.missing):
                    union.missing.append(name)
            if (place, port) not in edges:
                edges.add((place, port))
                mine += (place, port)
        returned = table.returns.get(row, [])
        if returned:
            pairs = zip((own[source] for source in returned[::2]), returned[1::2], strict=True)
            union_returned = union.returns.setdefault(node, [])
            pairs_in_union = set(zip(union_returned[::2], union_returned[1::2], strict=True))
            union_returned += [
                value for pair in pairs if pair not in pairs_in_union for value in pair
            ]
        if row in table.again:
            source, port = table.again[row]
            union.again.setdefault(node, (own[source], port))
        waits = [own[source] for source in table.controls.get(row, ())]
        if waits:
            union.controls[node] = list(dict.fromkeys((*union.controls.get(node, ()), *waits)))

    def _number(self, column: str, value: Any, key: Callable[[Any], Any]) -> int:
        """The place of a value in one of the table's lists of distinct values."""
        values: list[Any] = getattr(self._table, column)
        place = self._numbers.setdefault(column, {}).setdefault(key(value), len(values))
        if place == len(values):
            values.append(value)
        return place


def difference_marks(
    tree: Hierarchy, names: Sequence[str], difference: Difference
) -> dict[str, list[str]]:
    """Marks for boxes and closed scopes of a union, for the canvas.

    A box is added or removed where all of its nodes are; changed where some are, or differ. Folded
    nodes count: a quantised weight changes the convolution that reads it. A box without such
    changes is renamed where its node is, or one of its scope.
    """
    table = tree.table
    masks = {
        ADDED: _mask(table, difference.added),
        REMOVED: _mask(table, difference.removed),
        CHANGED: _mask(table, difference.changed),
    }
    moved = _mask(table, difference.moved)
    index = tree.columns
    sums = {mark: index.sums(mask) for mark, mask in masks.items()}
    moved_before = index.sums(moved)
    marks: dict[str, list[str]] = {}
    for name in names:
        item = tree.item(name)
        if item is None:
            continue
        first, last = index.span(item)
        nodes = index.nodes[item] if item >= 0 else index.all_nodes[~item]
        counts = {mark: int(column[last] - column[first]) for mark, column in sums.items()}
        whole = [mark for mark in (ADDED, REMOVED) if counts[mark] == nodes]
        own = [mark for mark in (ADDED, REMOVED) if item >= 0 and masks[mark][item]]
        if own or whole:
            marks[name] = (own or whole)[:1]
        elif any(counts.values()):
            marks[name] = [CHANGED]
        elif moved[item] if item >= 0 else moved_before[last] > moved_before[first]:
            marks[name] = [RENAMED]
    return marks


def _mask(table: NodeTable, names: Iterable[str]) -> Mask:
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[[table.index[name] for name in names if name in table.index]] = True
    return mask
