"""The shape of every output of a graph, without TensorFlow and without running it.

One pass over the nodes, sources first. What cannot be decided is unknown; a shape is claimed only
where it follows from the graph, so an absurd or hostile graph gets unknown shapes, never an error.
A loop's variables are taken to keep the shape they enter with; the pass then looks whether they do,
and is repeated without that claim where they do not.

Source: tensorflow/core/common_runtime/shape_refiner.cc.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from inspector import (
    opdefs,
    shape_arrays,
    shape_elementwise,
    shape_images,
    shape_indexing,
    shape_layers,
    shape_sources,
)
from inspector.columns import CONTROL
from inspector.graph import Graph, split_input
from inspector.protos import NodeDef, OpDef
from inspector.shape_dims import MAX_DIM, MAX_RANK, Contradiction, Rule, Value, View, join, merge
from inspector.shape_values import VALUES
from inspector.tensors import Shape, shape_of

RULES: dict[str, Rule] = {
    **shape_elementwise.RULES,
    **shape_arrays.RULES,
    **shape_indexing.RULES,
    **shape_layers.RULES,
    **shape_images.RULES,
    **shape_sources.RULES,
}

MAX_OUTPUTS = 65_536
"""More outputs are not listed for one node; the count comes from the file."""

_ALL_OUTPUTS = 4_000_000
_BACK = ("NextIteration", "RefNextIteration")
_MERGES = ("Merge", "RefMerge")
_PASS_HANDLE = frozenset(
    ("Identity", "IdentityN", "Switch", "RefSwitch", "Enter", "RefEnter", "Exit", "StopGradient")
)
_GIVEN_UP = (Contradiction, ValueError, IndexError, OverflowError, ZeroDivisionError)
_ROUNDS = 4


def infer(
    graph: Graph, variables: Mapping[str, Shape | None] | None = None
) -> dict[str, list[Shape | None]]:
    """The shape of each output of each node; the lists are shared and must not be written to.

    Args:
        variables: Shapes from the checkpoint, by node name or shared name, for variables whose
            node does not tell.
    """
    return _Inference(graph, variables or {}).run()


class Inferred:
    """The shapes of a graph, inferred when the first one is asked for."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._found: dict[str, list[Shape | None]] | None = None

    def of(self, tensor: str) -> Shape | None:
        """The shape of an input string or tensor name; None where nothing is known of it."""
        if self._found is None:
            self._found = infer(self._graph)
        source = split_input(tensor)
        found = self._found.get(source.name, [])
        return found[source.port] if source.port < len(found) else None


def output_count(node: NodeDef, definition: OpDef) -> int:
    """How many outputs a node has by its op's definition, at most `MAX_OUTPUTS`."""
    total = 0
    for arg in definition.output_arg:
        if arg.type_list_attr:
            value = opdefs.attr(node, arg.type_list_attr)
            total += len(value.list.type) if value is not None else 0
        elif arg.number_attr:
            value = opdefs.attr(node, arg.number_attr)
            total += max(int(value.i), 0) if value is not None else 0
        else:
            total += 1
    return min(total, MAX_OUTPUTS)


class _Inference:
    def __init__(self, graph: Graph, variables: Mapping[str, Shape | None]) -> None:
        self.graph = graph
        self.variables = variables
        self.producer = int(graph.versions.producer)
        self.columns = graph.columns()
        self.kinds = [_Kind(node) for node in self.columns.kinds]
        self.kind = self.columns.kind.tolist()
        self.inputs = self._sources()
        self.counts = self._count_outputs()
        self.order = self._order()
        self.loops = [
            (index, backs)
            for index in np.flatnonzero(self.columns.of_ops(_MERGES)).tolist()
            if (backs := self._back_edges(index))
        ]
        self.claims: dict[int, Shape | None] = {}
        self.shapes: list[Sequence[Shape | None]] = []
        self.values: dict[tuple[int, int], Value] = {}
        self.handles: dict[tuple[int, int], Shape] = {}
        self.known: dict[tuple[int, ...], _Result] = {}
        self.same: dict[tuple[int | None, ...], Shape] = {}

    def run(self) -> dict[str, list[Shape | None]]:
        for last in (False,) * (_ROUNDS - 1) + (True,):
            self._pass()
            if not self._withdraw(give_up=last):
                break
        else:
            self._pass()
        listed: dict[int, list[Shape | None]] = {}
        for found in self.shapes:
            if id(found) not in listed:
                listed[id(found)] = list(found)
        return {name: listed[id(self.shapes[at])] for name, at in self.columns.index.items()}

    def _sources(self) -> list[list[tuple[int, int]]]:
        """Index and port of the source of each data input; index -1 where there is none."""
        columns = self.columns
        data = columns.port != CONTROL
        source = np.where(columns.source < len(columns), columns.source, -1)[data].tolist()
        edges = list(zip(source, columns.port[data].tolist(), strict=True))
        stops = np.cumsum(np.bincount(columns.reader[data], minlength=len(columns))).tolist()
        return [edges[start:stop] for start, stop in itertools.pairwise([0, *stops])]

    def _count_outputs(self) -> list[int]:
        """Outputs of each node: as the op declares, or as many as are read."""
        own = {item.signature.name: item.signature for item in self.graph.library.function}
        declared: list[int | None] = []
        for kind in self.kinds:
            found = opdefs.get(kind.op) or own.get(kind.op)
            if found is not None:
                declared.append(output_count(kind.node, found))
            else:
                dtypes = opdefs.declared(kind.node)
                declared.append(None if dtypes is None else min(len(dtypes), MAX_OUTPUTS))
        counts: list[int] = []
        unknown: list[int] = []
        budget = _ALL_OUTPUTS
        for index, kind_number in enumerate(self.kind):
            count = declared[kind_number]
            if count is None:
                unknown.append(index)
                count = 1
            count = min(count, max(budget, 0))
            budget -= count
            counts.append(count)
        if unknown:
            open_counts = set(unknown)
            for sources in self.inputs:
                for source, port in sources:
                    more = port + 1 - counts[source]
                    if source in open_counts and 0 < more <= budget and port < MAX_OUTPUTS:
                        budget -= more
                        counts[source] += more
        return counts

    def _order(self) -> Sequence[int]:
        """Indices so that sources come first; what hangs on a cycle is left out."""
        columns = self.columns
        count = len(columns)
        back = columns.of_ops(_BACK)
        if columns.forward and not back.any():
            return range(count)
        waits = (columns.port != CONTROL) & (columns.source < count)
        waits[waits] &= ~back[columns.source[waits]]
        source, reader = columns.source[waits], columns.reader[waits]
        pending = np.bincount(reader, minlength=count).tolist()
        readers = reader[np.argsort(source, kind="stable")].tolist()
        start = [0, *np.cumsum(np.bincount(source, minlength=count)).tolist()]
        ready = [index for index, left in enumerate(pending) if not left]
        for index in ready:  # grows while it runs
            for follower in readers[start[index] : start[index + 1]]:
                pending[follower] -= 1
                if not pending[follower]:
                    ready.append(follower)
        return ready

    def _back_edges(self, index: int) -> list[tuple[int, int]]:
        return [
            source
            for source in self.inputs[index]
            if source[0] >= 0 and self.columns.op_of(source[0]) in _BACK
        ]

    def _pass(self) -> None:
        inputs, counts = self.inputs, self.counts
        shapes: list[Sequence[Shape | None]] = [()] * len(counts)
        self.shapes = shapes
        self.values.clear()
        self.handles.clear()
        loops = {index for index, _ in self.loops}
        decided = bytearray(len(counts))
        for index in self.order:
            if index in loops:
                kind = self.kinds[self.kind[index]]
                shapes[index] = _tidy(kind, self._enter_loop(index), counts[index])
            else:
                shapes[index] = self._of_node(index, inputs[index], counts[index])
            decided[index] = 1
        for index, done in enumerate(decided):
            if not done:
                shapes[index] = [None] * counts[index]

    def _of_node(
        self, index: int, sources: list[tuple[int, int]], count: int
    ) -> Sequence[Shape | None]:
        """The shapes of a node's outputs, from its inputs' shapes, values and handle.

        Where there are shapes alone, they are worked out once for all nodes of the kind.
        """
        number = self.kind[index]
        kind = self.kinds[number]
        if kind.rule is None:
            return _tidy(kind, (), count)
        shapes, values = self.shapes, self.values
        got: list[Shape | None] = []
        known: list[Value | None] = []
        for source in sources:
            before = shapes[source[0]] if source[0] >= 0 else ()
            got.append(before[source[1]] if source[1] < len(before) else None)
            known.append(values.get(source))
        handle = self.handles.get(sources[0]) if sources and self.handles else None
        if handle is not None or kind.is_variable or any(value is not None for value in known):
            return self._shared(self._apply(index, kind, got, known, handle, count))
        key = (number, count, *map(id, got))
        result = self.known.get(key)
        if result is None:
            before_handles = len(self.handles)
            found = self._apply(index, kind, got, known, None, count)
            if len(self.handles) > before_handles:
                return found
            made = [(port, values[index, port]) for port in range(count) if (index, port) in values]
            result = self.known[key] = _Result(self._shared(found), made, got)
        for port, value in result.values:
            values[index, port] = value
        return result.shapes

    def _shared(self, shapes: Sequence[Shape | None]) -> list[Shape | None]:
        """Equal shapes as the same list, so that nodes further on are known by it."""
        return [
            None if shape is None else self.same.setdefault(tuple(shape), shape) for shape in shapes
        ]

    def _apply(
        self,
        index: int,
        kind: _Kind,
        got: list[Shape | None],
        known: list[Value | None],
        handle: Shape | None,
        count: int,
    ) -> Sequence[Shape | None]:
        node = kind.node
        view = View(node, got, known, self.producer, count)
        view.handle = handle
        assert kind.rule is not None
        try:
            found = kind.rule(view)
            if kind.value_rule is not None:
                for port, value in enumerate(kind.value_rule(view, found)):
                    if value is not None:
                        self.values[index, port] = value
        except _GIVEN_UP:
            return _tidy(kind, (), count)
        if view.new_handle is not None or kind.is_variable:
            found = self._variable(index, node, view, found)
        elif handle is not None and kind.op in _PASS_HANDLE:
            for port in range(min(count, 2)):
                self.handles[index, port] = handle
        return _tidy(kind, found, count)

    def _variable(
        self, index: int, node: NodeDef, view: View, found: Sequence[Shape | None]
    ) -> Sequence[Shape | None]:
        """A variable's or table's handle, with the checkpoint's shape where the node has none."""
        shape = view.new_handle if node.op == "VarHandleOp" else found[0]
        if view.new_handle is not None and node.op != "VarHandleOp":
            self.handles[index, 0] = view.new_handle
            return found
        if shape is None:
            shape = self.variables.get(self.columns.names[index])
        if shape is None:
            shape = self.variables.get(view.text("shared_name"))
        if node.op != "VarHandleOp":
            return [shape]
        if shape is not None:
            self.handles[index, 0] = shape
        return found

    def _enter_loop(self, index: int) -> Sequence[Shape | None]:
        """A loop's variable: as it enters, unless that claim was withdrawn."""
        if index in self.claims:
            return [self.claims[index], []]
        backs = {source for source, _ in self._back_edges(index)}
        entering = [source for source in self.inputs[index] if source[0] not in backs]
        if not entering:
            return [None, []]
        found: Shape | None = None
        for number, (source, port) in enumerate(entering):
            outputs = self.shapes[source] if source >= 0 else ()
            shape = outputs[port] if port < len(outputs) else None
            found = shape if not number else join(found, shape)
        return [found, []]

    def _withdraw(self, give_up: bool) -> bool:
        """Weaken the claims about loop variables that the loop's end does not confirm."""
        weaker = False
        for index, backs in self.loops:
            claimed = self.shapes[index][0] if self.shapes[index] else None
            if claimed is None:
                continue
            kept: Shape | None = claimed
            for source, port in backs:
                outputs = self.shapes[source]
                kept = join(kept, outputs[port] if port < len(outputs) else None)
            if kept != claimed:
                weaker = True
                self.claims[index] = None if give_up else kept
        if weaker and give_up:
            self.claims.update((index, None) for index, _ in self.loops)
        return weaker


class _Kind:
    """What the nodes of one kind have in common."""

    __slots__ = ("is_stated", "is_variable", "node", "op", "rule", "value_rule")

    def __init__(self, node: NodeDef) -> None:
        self.node = node
        self.op: str = node.op
        self.rule = RULES.get(self.op)
        self.value_rule = VALUES.get(self.op)
        self.is_variable = self.op in ("VarHandleOp", "VariableV2", "Variable")
        self.is_stated = "_output_shapes" in node.attr and self.op not in _MERGES


class _Result(NamedTuple):
    """Shapes and values of the outputs of all nodes of one kind that get the same shapes.

    Attributes:
        got: Those, kept so that their ids stay theirs.
    """

    shapes: list[Shape | None]
    values: list[tuple[int, Value]]
    got: list[Shape | None]


def _tidy(kind: _Kind, found: Sequence[Shape | None], count: int) -> Sequence[Shape | None]:
    """As many shapes as outputs, each a possible one, refined by ``_output_shapes``."""
    if len(found) != count:
        found = [*found[:count], *[None] * (count - len(found))]
    for port, shape in enumerate(found):
        if shape is not None and not _is_possible(shape):
            found = [*found[:port], None, *found[port + 1 :]]
    return _refined(kind.node, found) if kind.is_stated else found


def _is_possible(shape: list[int | None]) -> bool:
    if len(shape) > MAX_RANK:
        return False
    return all(size is None or 0 <= size <= MAX_DIM for size in shape)


def _refined(node: NodeDef, found: Sequence[Shape | None]) -> Sequence[Shape | None]:
    """The inferred shapes with what the writer of the graph knew; where both differ, inferred."""
    stated = node.attr["_output_shapes"].list.shape
    if len(stated) != len(found):
        return found
    refined: list[Shape | None] = []
    for shape, proto in zip(found, stated, strict=True):
        try:
            both = merge(shape, shape_of(proto))
        except Contradiction:
            both = shape
        refined.append(both if both is None or _is_possible(both) else shape)
    return refined
