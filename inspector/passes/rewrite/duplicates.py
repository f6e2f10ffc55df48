"""Finds nodes that compute the same: equal op, inputs, device and attributes."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import numpy as np

from inspector.graph import opdefs
from inspector.graph.columns import Columns, Mask, alike
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.column_edits import last_read, redirected, without
from inspector.graph.op_sets import NEXT_ITERATIONS, PLACEHOLDERS
from inspector.graph.protos import FunctionDefLibrary, NodeDef
from inspector.graph.topology import execution_order
from inspector.passes.rewrite.constants import tensor_of

_MAX_ROUNDS = 10
"""Iterations over a graph with loops: merging behind a back edge may make more nodes equal."""


class Duplicates:
    """Merges equal nodes in topological order, so that equal inputs are merged first.

    Attributes:
        keepers: Per number of a node or of a missing name, the node that stands for it, itself at
            first.
        merged: The numbers of the nodes that another one replaces, in the order of merging.
        refused: Names of nodes that might be equal to others and stay, with the reason.

    Raises: InvalidGraph for a cycle outside loops.
    """

    def __init__(
        self, columns: Columns, library: FunctionDefLibrary, stays: Collection[str]
    ) -> None:
        self.columns: Columns = columns
        self.library: FunctionDefLibrary = library
        self.stays: Collection[str] = stays
        self.keepers: list[int] = list(range(len(columns) + len(columns.missing)))
        self.merged: list[int] = []
        self.refused: list[tuple[str, str]] = []
        self._kind: list[int] = columns.kind.tolist()
        self._attributes: dict[int, tuple[tuple[str, bytes], ...]] = {}
        constants, rest = self._candidates()
        self._constants(constants)
        # A loop's Merge reads a node downstream of it: repeat if that node was merged.
        for _ in range(_MAX_ROUNDS):
            before = len(self.merged)
            self._expressions(rest)
            merged = self.merged[before:]
            if not any(columns.op_of(number) in NEXT_ITERATIONS for number in merged):
                break
        self._follow()

    def explain(self, edit: GraphEdit) -> None:
        """Record which nodes were merged, which read another one now, and what was refused."""
        names = self.columns.names
        for name, why in self.refused:
            edit.skip(name, why)
        last = last_read(self.columns, self.merged)
        readers = np.flatnonzero(last >= 0)
        for reader, merged in zip(readers.tolist(), last[readers].tolist(), strict=True):
            edit.explain(names[reader], "reads the one that is kept", names[merged])
        for number, keeper in self.moved():
            edit.explain(names[number], "computes the same as another", names[keeper])

    def moved(self) -> list[tuple[int, int]]:
        """Each node that is merged, and the one that stays for it."""
        return [(number, self.keepers[number]) for number in self.merged]

    def redirected(self) -> tuple[Columns, Mask]:
        """The columns where the nodes that stay are read, and which nodes read another one now."""
        columns, gone = self.columns, np.zeros(len(self.keepers), np.bool_)
        gone[self.merged] = True
        touched = np.zeros(len(columns), np.bool_)
        touched[columns.reader[gone[columns.source]]] = True
        source = np.array(self.keepers, np.int32)[columns.source]
        after, edits = redirected(columns, source, columns.port, touched)
        return after, edits & ~gone[: len(columns)]

    def without(self) -> Columns:
        """The columns without the nodes that are merged."""
        gone = np.zeros(len(self.columns), np.bool_)
        gone[self.merged] = True
        return without(self.redirected()[0], gone)

    def _candidates(self) -> tuple[list[int], list[int]]:
        """The nodes that may be merged, in topological order: constants without inputs, others."""
        columns = self.columns
        order = np.asarray(execution_order(columns), np.int64)
        whys = [self._why_not(op) for op in columns.ops]
        allowed = np.fromiter((why is None for why in whys), np.bool_, len(whys))
        explained = np.fromiter((bool(why) for why in whys), np.bool_, len(whys))
        stays = np.zeros(len(columns), np.bool_)
        stays[[columns.index[name] for name in self.stays if name in columns.index]] = True
        order = order[~stays[order]]
        self.refused = [
            (columns.names[number], whys[columns.op[number]] or "")
            for number in order[explained[columns.op[order]]].tolist()
        ]
        order = order[allowed[columns.op[order]]]
        is_value = (columns.of_ops(("Const",)) & (np.diff(columns.start) == 0))[order]
        return order[is_value].tolist(), order[~is_value].tolist()

    def _why_not(self, op: str) -> str | None:
        """Why nodes of an op are never merged, empty where that needs no word; None if they are."""
        if op in PLACEHOLDERS:
            return ""
        if opdefs.get(op) is not None:
            return "" if opdefs.is_stateful(op) else None
        is_call = opdefs.get(op, self.library) is not None
        return f"{'calls a function' if is_call else opdefs.unknown(op)}, which may have state"

    def _merge(self, number: int, keeper: int) -> None:
        self.keepers[number] = keeper
        self.merged.append(number)

    def _constants(self, numbers: list[int]) -> None:
        """Group by more and more of the content, so that few weights are hashed completely."""
        columns = self.columns
        nodes = [columns.kinds[self._kind[number]] for number in numbers]
        names, texts = (
            [node.name for node in nodes],
            [text for node in nodes for text in node.input],
        )
        start = np.concatenate([[0], np.cumsum([len(node.input) for node in nodes])]).tolist()
        equal: list[list[int]] = []  # places in the list of numbers
        for place, kind in enumerate(alike(nodes, names, texts, start)[0]):
            if kind == len(equal):
                equal.append([])
            equal[kind].append(place)
        groups: list[list[list[int]]] = [equal] if equal else []
        for key in (_shape_key, _start_key, _full_key):
            finer: list[list[list[int]]] = []
            for group in groups:
                if len(group) == 1:
                    finer.append(group)
                    continue
                by_key: dict[object, list[list[int]]] = {}
                for same in group:
                    by_key.setdefault(key(nodes[same[0]]), []).append(same)
                finer += by_key.values()
            groups = finer
        for group in groups:
            first, *others = sorted(place for same in group for place in same)
            for place in others:
                self._merge(numbers[place], numbers[first])

    def _expressions(self, numbers: list[int]) -> None:
        columns, keepers, kinds = self.columns, self.keepers, self._kind
        self._follow()
        ops, start = columns.op.tolist(), columns.start.tolist()
        sources, ports = columns.source.tolist(), columns.port.tolist()
        first: dict[tuple[int, ...], int] = {}
        full: dict[tuple[int, object], int] = {}
        for number in numbers:
            if keepers[number] != number:
                continue
            own = slice(start[number], start[number + 1])
            key = (ops[number], *[keepers[source] for source in sources[own]], *ports[own])
            other = first.setdefault(key, number)
            if other == number:
                continue
            if kinds[other] == kinds[number]:
                self._merge(number, other)
                continue
            # Rarely reached: attributes are serialized only for nodes that are otherwise equal.
            full.setdefault((other, self._attributes_of(kinds[other])), other)
            keeper = full.setdefault((other, self._attributes_of(kinds[number])), number)
            if keeper != number:
                self._merge(number, keeper)

    def _follow(self) -> None:
        """What replaced a node may have been replaced since."""
        keepers = self.keepers
        for number in self.merged:
            while keepers[keepers[number]] != keepers[number]:
                keepers[number] = keepers[keepers[number]]

    def _attributes_of(self, kind: int) -> tuple[tuple[str, bytes], ...]:
        if kind not in self._attributes:
            self._attributes[kind] = _attributes(self.columns.kinds[kind])
        return self._attributes[kind]


def _shape_key(node: NodeDef) -> object:
    tensor = tensor_of(node)
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    return node.device, tensor.dtype, shape, len(node.attr)


def _start_key(node: NodeDef) -> object:
    return tensor_of(node).tensor_content[:256]


def _full_key(node: NodeDef) -> object:
    digest = hashlib.blake2b()
    for key, data in _attributes(node)[1:]:
        digest.update(f"{key}:{len(data)}:".encode() + data)
    return digest.digest()


def _attributes(node: NodeDef) -> tuple[tuple[str, bytes], ...]:
    """Attributes by their name, each serialised, after the device."""
    return (
        ("", node.device.encode()),
        *sorted(
            (key, value.SerializeToString(deterministic=True)) for key, value in node.attr.items()
        ),
    )
