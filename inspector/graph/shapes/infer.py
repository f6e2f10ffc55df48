"""The shape of every output of a graph, without TensorFlow and without running it.

One pass over the nodes, sources first. A shape is claimed only where it follows from the graph, so
an absurd graph gets unknown shapes, never an error. A loop's variables are taken to keep the shape
they enter with; where they do not, the pass is repeated without that claim.

Source: tensorflow/core/common_runtime/shape_refiner.cc.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from inspector.graph import opdefs
from inspector.graph.columns import CONTROL
from inspector.graph.graph import Graph, split_input
from inspector.graph.op_sets import MERGES, NEXT_ITERATIONS, VARIABLES
from inspector.graph.protos import NodeDef, OpDef
from inspector.graph.shapes import arrays, elementwise, images, indexing, layers
from inspector.graph.shapes import sources as shape_sources
from inspector.graph.shapes.dims import Contradiction, Rule, Value, View, is_possible, join, refined
from inspector.graph.shapes.values import VALUES
from inspector.graph.tensors import Shape
from inspector.graph.topology import back_edges, topological_order

RULES: dict[str, Rule] = {
    **elementwise.RULES,
    **arrays.RULES,
    **indexing.RULES,
    **layers.RULES,
    **images.RULES,
    **shape_sources.RULES,
}

MAX_OUTPUTS = 65_536
"""More outputs are not listed for one node; the count comes from the file."""

_ALL_OUTPUTS = 4_000_000
_PASS_HANDLE = frozenset(
    ("Identity", "IdentityN", "Switch", "RefSwitch", "Enter", "RefEnter", "Exit", "StopGradient")
)
_GIVEN_UP = (Contradiction, ValueError, IndexError, OverflowError, ZeroDivisionError)
_ROUNDS = 4


def infer(
    graph: Graph,
    variables: Mapping[str, Shape | None] | None = None,
    fed: Mapping[str, Shape] | None = None,
) -> dict[str, list[Shape | None]]:
    """The shape of each output of each node; the lists are shared and must not be written to.

    Args:
        variables: Shapes from the checkpoint, by node name or shared name, for variables whose
            node does not state.
        fed: Tensor name to the shape of what is fed there, whatever the graph says of it.
    """
    return _Inference(graph, variables or {}, fed or {}).run()


def contradictions(graph: Graph) -> dict[str, str]:
    """Name of each node whose inputs do not fit together to what is wrong with them."""
    work = _Inference(graph, {}, {})
    work.run()
    return {work.columns.names[index]: why for index, why in work.refused.items()}


class Inferred:
    """The shapes of a graph, inferred when the first one is asked for."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._shapes: dict[str, list[Shape | None]] | None = None

    def of(self, tensor: str) -> Shape | None:
        """The shape of an input string or tensor name; None where nothing is known of it."""
        return self.output(*split_input(tensor)[:2])

    def output(self, name: str, port: int) -> Shape | None:
        """The shape of an output; None where nothing is known of it."""
        if self._shapes is None:
            self._shapes = infer(self._graph)
        outputs = self._shapes.get(name, [])
        return outputs[port] if port < len(outputs) else None


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
    def __init__(
        self, graph: Graph, variables: Mapping[str, Shape | None], fed: Mapping[str, Shape]
    ) -> None:
        self.graph = graph
        self.variables = variables
        self.producer = int(graph.versions.producer)
        self.columns = graph.columns()
        self.kind, kinds = self.columns.alike
        self.kinds = [_Kind(node) for node in kinds]
        self.inputs = self._sources()
        self.counts = self._count_outputs()
        self.order = self._order()
        self.loops = [
            (index, backs)
            for index in np.flatnonzero(self.columns.of_ops(MERGES)).tolist()
            if (backs := self._back_edges(index))
        ]
        self.fed: dict[int, dict[int, Shape]] = {}
        for tensor, shape in fed.items():
            source = split_input(tensor)
            if (number := self.columns.index.get(source.name)) is not None:
                self.fed.setdefault(number, {})[source.port] = shape
        self.claims: dict[int, Shape | None] = {}
        self.shapes: list[Sequence[Shape | None]] = []
        self.values: dict[tuple[int, int], Value] = {}
        self.handles: dict[tuple[int, int], Shape] = {}
        self.results: dict[tuple[int, ...], _Result] = {}
        self.refused: dict[int, str] = {}
        self.same: dict[tuple[int | None, ...], Shape] = {}

    def run(self) -> dict[str, list[Shape | None]]:
        for last in (False,) * (_ROUNDS - 1) + (True,):
            self._pass()
            if not self._withdraw(give_up=last):
                break
        else:
            self._pass()
        different = {id(shapes): shapes for shapes in self.shapes}
        listed = {key: list(shapes) for key, shapes in different.items()}
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
            definition = opdefs.get(kind.op) or own.get(kind.op)
            if definition is not None:
                declared.append(output_count(kind.node, definition))
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
        is_back = back_edges(columns)
        if columns.forward and not is_back.any():
            return range(count)
        waits = (columns.port != CONTROL) & (columns.source < count) & ~is_back
        return topological_order(columns.source[waits], columns.reader[waits], count)

    def _back_edges(self, index: int) -> list[tuple[int, int]]:
        return [
            source
            for source in self.inputs[index]
            if source[0] >= 0 and self.columns.op_of(source[0]) in NEXT_ITERATIONS
        ]

    def _pass(self) -> None:
        inputs, counts = self.inputs, self.counts
        shapes: list[Sequence[Shape | None]] = [()] * len(counts)
        self.shapes = shapes
        self.values.clear()
        self.handles.clear()
        self.refused.clear()
        loops = {index for index, _ in self.loops}
        decided = bytearray(len(counts))
        for index in self.order:
            if index in loops:
                kind = self.kinds[self.kind[index]]
                shapes[index] = _tidy(kind, self._enter_loop(index), counts[index])
            else:
                shapes[index] = self._of_node(index, inputs[index], counts[index])
            if index in self.fed:
                shapes[index] = self._of_fed(index, shapes[index])
            decided[index] = 1
        for index in (at for at, done in enumerate(decided) if not done):
            shapes[index] = [None] * counts[index]

    def _of_fed(self, index: int, inferred: Sequence[Shape | None]) -> list[Shape | None]:
        """The shapes of a node's outputs where some of them are fed; their values are not known."""
        fed = self.fed[index]
        for port in fed:
            self.values.pop((index, port), None)
        return self._shared([fed.get(port, shape) for port, shape in enumerate(inferred)])

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
        input_shapes: list[Shape | None] = []
        input_values: list[Value | None] = []
        for source in sources:
            before = shapes[source[0]] if source[0] >= 0 else ()
            input_shapes.append(before[source[1]] if source[1] < len(before) else None)
            input_values.append(values.get(source))
        handle = self.handles.get(sources[0]) if sources and self.handles else None
        if (
            handle is not None
            or kind.is_variable
            or any(value is not None for value in input_values)
        ):
            return self._shared(self._apply(index, kind, input_shapes, input_values, handle, count))
        key = (number, count, *map(id, input_shapes))
        result = self.results.get(key)
        if result is None:
            before_handles = len(self.handles)
            inferred = self._apply(index, kind, input_shapes, input_values, None, count)
            if len(self.handles) > before_handles:
                return inferred
            output_values = [
                (port, values[index, port]) for port in range(count) if (index, port) in values
            ]
            result = self.results[key] = _Result(
                self._shared(inferred), output_values, input_shapes, self.refused.get(index)
            )
        if result.refused:
            self.refused[index] = result.refused
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
        input_shapes: list[Shape | None],
        input_values: list[Value | None],
        handle: Shape | None,
        count: int,
    ) -> Sequence[Shape | None]:
        node = kind.node
        view = View(node, input_shapes, input_values, self.producer, count)
        view.handle = handle
        assert kind.rule is not None
        try:
            outputs = kind.rule(view)
            if kind.value_rule is not None:
                for port, value in enumerate(kind.value_rule(view, outputs)):
                    if value is not None:
                        self.values[index, port] = value
        except _GIVEN_UP as err:
            if isinstance(err, Contradiction):
                self.refused[index] = str(err)
            return _tidy(kind, (), count)
        if view.new_handle is not None or kind.is_variable:
            outputs = self._variable(index, node, view, outputs)
        elif handle is not None and kind.op in _PASS_HANDLE:
            for port in range(min(count, 2)):
                self.handles[index, port] = handle
        return _tidy(kind, outputs, count)

    def _variable(
        self, index: int, node: NodeDef, view: View, outputs: Sequence[Shape | None]
    ) -> Sequence[Shape | None]:
        """A variable's or table's handle, with the checkpoint's shape where the node has none."""
        shape = view.new_handle if node.op == "VarHandleOp" else outputs[0]
        if view.new_handle is not None and node.op != "VarHandleOp":
            self.handles[index, 0] = view.new_handle
            return outputs
        if shape is None:
            shape = self.variables.get(self.columns.names[index])
        if shape is None:
            shape = self.variables.get(view.text("shared_name"))
        if node.op != "VarHandleOp":
            return [shape]
        if shape is not None:
            self.handles[index, 0] = shape
        return outputs

    def _enter_loop(self, index: int) -> Sequence[Shape | None]:
        """A loop's variable: as it enters, unless that claim was withdrawn."""
        if index in self.claims:
            return [self.claims[index], []]
        backs = {source for source, _ in self._back_edges(index)}
        entering = [source for source in self.inputs[index] if source[0] not in backs]
        if not entering:
            return [None, []]
        common: Shape | None = None
        for number, (source, port) in enumerate(entering):
            outputs = self.shapes[source] if source >= 0 else ()
            shape = outputs[port] if port < len(outputs) else None
            common = shape if not number else join(common, shape)
        return [common, []]

    def _withdraw(self, give_up: bool) -> bool:
        """Weaken the claims about loop variables that the loop's end does not confirm."""
        weaker = False
        for index, backs in self.loops:
            claimed = self.shapes[index][0] if self.shapes[index] else None
            if claimed is None:
                continue
            confirmed: Shape | None = claimed
            for source, port in backs:
                outputs = self.shapes[source]
                confirmed = join(confirmed, outputs[port] if port < len(outputs) else None)
            if confirmed != claimed:
                weaker = True
                self.claims[index] = None if give_up else confirmed
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
        self.is_variable = self.op in VARIABLES
        self.is_stated = "_output_shapes" in node.attr and self.op not in MERGES


class _Result(NamedTuple):
    """Shapes and values of the outputs of all nodes of one kind that get the same shapes.

    ``got`` are these shapes, kept so that their ids stay theirs; ``refused`` says why they do not
    fit together.
    """

    shapes: list[Shape | None]
    values: list[tuple[int, Value]]
    got: list[Shape | None]
    refused: str | None


def _tidy(kind: _Kind, shapes: Sequence[Shape | None], count: int) -> Sequence[Shape | None]:
    """As many shapes as outputs, each a possible one, refined by ``_output_shapes``."""
    if len(shapes) != count:
        shapes = [*shapes[:count], *[None] * (count - len(shapes))]
    for port, shape in enumerate(shapes):
        if shape is not None and not is_possible(shape):
            shapes = [*shapes[:port], None, *shapes[port + 1 :]]
    return refined(kind.node, shapes) if kind.is_stated else shapes
