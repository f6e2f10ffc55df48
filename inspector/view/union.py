"""Two graphs as one picture: what only one of them has, and what both have and differs.

Both are laid out once, as their union, so that nothing jumps between before and after. Where a
node reads other tensors than before, the picture has the edges of both.

Example:
    >>> both = union(before, after)
    >>> tree = build(both)
    >>> marks = difference_marks(tree, names, Difference(added, removed, changed))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inspector.view.hierarchy import Hierarchy
from inspector.view.reach import Mask
from inspector.view.summary import Summary
from inspector.view.tally import tally

ADDED, REMOVED, CHANGED = "added", "removed", "changed"
NOTED = ["attr:_output_shapes"]
"""What TensorFlow once inferred and wrote down; freezing drops it, and nothing changes by it."""


@dataclass(frozen=True)
class Difference:
    """Names of nodes that only the second graph has, only the first has, both have and differ."""

    added: frozenset[str]
    removed: frozenset[str]
    changed: frozenset[str]

    @classmethod
    def of(cls, nodes: Mapping[str, Any]) -> Difference:
        """From the ``nodes`` of the JSON of ``diff``; where only `NOTED` is gone, nothing is."""
        changed = (item["name"] for item in nodes["changed"] if item["fields"] != NOTED)
        return cls(frozenset(nodes["added"]), frozenset(nodes["removed"]), frozenset(changed))


def union(before: Summary, after: Summary) -> Summary:
    """The node table of both graphs: the nodes of the second, then those only the first has.

    Op, shapes and weights of a node that both have are those of the second.
    """
    both = _Builder()
    for name in dict.fromkeys((*after.names, *before.names)):
        both.name(name)
    for table in (after, before):
        both.take(table)
    found = both.summary
    found.feeds = list(dict.fromkeys((*after.feeds, *before.feeds)))
    found.fetches = list(dict.fromkeys((*after.fetches, *before.fetches)))
    return found


class _Builder:
    def __init__(self) -> None:
        self.index: dict[str, int] = {}
        self.summary = Summary([], [], [], [])
        self._missing: dict[str, int] = {}
        self._numbers: dict[str, dict[Any, int]] = {}

    def name(self, name: str) -> None:
        self.index[name] = len(self.index)
        found = self.summary
        found.names.append(name)
        found.inputs.append([])
        for column in (found.op, found.dtype, found.shape, found.device, found.attr):
            column.append(-1)

    def take(self, table: Summary) -> None:
        """The rows of a table; a node that is there already keeps its figures, gains edges."""
        found = self.summary
        own = [self.index[name] for name in table.names]
        for row, node in enumerate(own):
            if found.op[node] < 0:
                found.op[node] = self._number("ops", table.op_of(row), str)
                found.dtype[node] = self._number("dtypes", table.dtypes_of(row), tuple)
                found.shape[node] = self._number("shapes", table.shapes_of(row), repr)
                found.device[node] = self._number("devices", table.devices[table.device[row]], str)
                told = table.attrs[table.attr[row]] if table.attr else []
                found.attr[node] = self._number("attrs", told, tuple)
                if row in table.weights:
                    found.weights[node] = table.weights[row]
                if row in table.calls:
                    found.calls[node] = table.calls[row]
            self._edges(table, row, node, own)

    def _edges(self, table: Summary, row: int, node: int, own: list[int]) -> None:
        found = self.summary
        flat, mine = table.inputs[row], found.inputs[node]
        known = set(zip(mine[::2], mine[1::2], strict=True))
        for source, port in zip(flat[::2], flat[1::2], strict=True):
            if source >= 0:
                place = own[source]
            else:
                name = table.missing[-1 - source]
                place = -1 - self._missing.setdefault(name, len(self._missing))
                if len(self._missing) > len(found.missing):
                    found.missing.append(name)
            if (place, port) not in known:
                known.add((place, port))
                mine += (place, port)
        given = table.returns.get(row, [])
        if given:
            pairs = zip((own[source] for source in given[::2]), given[1::2], strict=True)
            kept = found.returns.setdefault(node, [])
            there = set(zip(kept[::2], kept[1::2], strict=True))
            kept += [value for pair in pairs if pair not in there for value in pair]
        if row in table.again:
            source, port = table.again[row]
            found.again.setdefault(node, (own[source], port))
        waits = [own[source] for source in table.controls.get(row, ())]
        if waits:
            found.controls[node] = list(dict.fromkeys((*found.controls.get(node, ()), *waits)))

    def _number(self, column: str, value: Any, key: Callable[[Any], Any]) -> int:
        """The place of a value in one of the summary's lists of distinct values."""
        values: list[Any] = getattr(self.summary, column)
        place = self._numbers.setdefault(column, {}).setdefault(key(value), len(values))
        if place == len(values):
            values.append(value)
        return place


def difference_marks(
    tree: Hierarchy, names: Sequence[str], difference: Difference
) -> dict[str, list[str]]:
    """Marks for boxes and closed scopes of a union, for the canvas.

    A box is added or removed where all of its nodes are; changed where some are, or differ. What
    is folded into it counts: a quantised weight changes the convolution that reads it.
    """
    table = tree.table
    masks = {
        ADDED: _mask(table, difference.added),
        REMOVED: _mask(table, difference.removed),
        CHANGED: _mask(table, difference.changed),
    }
    found = tally(tree)
    sums = {mark: found.sums(mask) for mark, mask in masks.items()}
    marks: dict[str, list[str]] = {}
    for name in names:
        item = tree.item(name)
        if item is None:
            continue
        first, last = found.span(item)
        nodes = found.nodes[item] if item >= 0 else found.all_nodes[~item]
        counts = {mark: int(column[last] - column[first]) for mark, column in sums.items()}
        whole = [mark for mark in (ADDED, REMOVED) if counts[mark] == nodes]
        own = [mark for mark in (ADDED, REMOVED) if item >= 0 and masks[mark][item]]
        if own or whole:
            marks[name] = (own or whole)[:1]
        elif any(counts.values()):
            marks[name] = [CHANGED]
    return marks


def _mask(table: Summary, names: Iterable[str]) -> Mask:
    mask = np.zeros(len(table), dtype=np.bool_)
    mask[[table.index[name] for name in names if name in table.index]] = True
    return mask
