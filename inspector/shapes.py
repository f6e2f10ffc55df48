"""The shape of every output of a graph, without TensorFlow and without running it.

One pass over the nodes, sources first. What cannot be decided is unknown; a shape is claimed only
where it follows from the graph, so an absurd or hostile graph gets unknown shapes, never an error.
A loop's variables are taken to keep the shape they enter with; the pass then looks whether they do,
and is repeated without that claim where they do not.

Source: tensorflow/core/common_runtime/shape_refiner.cc.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from inspector import (
    opdefs,
    shape_arrays,
    shape_elementwise,
    shape_images,
    shape_indexing,
    shape_layers,
    shape_sources,
)
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
        self.position: dict[str, int] = {}
        for index, node in enumerate(graph.nodes):
            self.position.setdefault(node.name, index)
        self.inputs = [self._sources(node) for node in graph.nodes]
        self.counts = self._count_outputs()
        self.order = self._order()
        self.loops = [
            (index, backs)
            for index, node in enumerate(graph.nodes)
            if node.op in _MERGES and (backs := self._back_edges(index))
        ]
        self.claims: dict[int, Shape | None] = {}
        self.shapes: list[Sequence[Shape | None]] = []
        self.values: dict[tuple[int, int], Value] = {}
        self.handles: dict[tuple[int, int], Shape] = {}

    def run(self) -> dict[str, list[Shape | None]]:
        for last in (False,) * (_ROUNDS - 1) + (True,):
            self._pass()
            if not self._withdraw(give_up=last):
                break
        else:
            self._pass()
        shapes, nodes = self.shapes, self.graph.nodes
        return {name: list(shapes[index]) for name, index in self.position.items() if nodes[index]}

    def _sources(self, node: NodeDef) -> list[tuple[int, int]]:
        """Index and port of the source of each data input; index -1 where there is none."""
        found = []
        position = self.position
        for text in node.input:
            source = position.get(text)
            if source is not None:
                found.append((source, 0))
            elif not text.startswith("^"):
                name, port, _ = split_input(text)
                found.append((position.get(name, -1), port))
        return found

    def _count_outputs(self) -> list[int]:
        """Outputs of each node: as the op declares, or as many as are read."""
        own = {item.signature.name: item.signature for item in self.graph.library.function}
        definitions: dict[str, tuple[OpDef | None, int | None]] = {}
        counts: list[int] = []
        unknown: list[int] = []
        budget = _ALL_OUTPUTS
        for index, node in enumerate(self.graph.nodes):
            if node.op not in definitions:
                found = opdefs.get(node.op) or own.get(node.op)
                args = [] if found is None else list(found.output_arg)
                varies = any(arg.number_attr or arg.type_list_attr for arg in args)
                definitions[node.op] = (found, None if varies else len(args))
            definition, count = definitions[node.op]
            if definition is None:
                declared = opdefs.declared(node)
                if declared is None:
                    unknown.append(index)
                count = 1 if declared is None else min(len(declared), MAX_OUTPUTS)
            elif count is None:
                count = output_count(node, definition)
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

    def _order(self) -> list[int]:
        """Indices so that sources come first; what hangs on a cycle is left out."""
        nodes = self.graph.nodes
        pending = [0] * len(nodes)
        readers: list[list[int]] = [[] for _ in nodes]
        for index, sources in enumerate(self.inputs):
            for source, _ in sources:
                if source >= 0 and nodes[source].op not in _BACK:
                    pending[index] += 1
                    readers[source].append(index)
        ready = [index for index, count in enumerate(pending) if not count]
        for index in ready:  # grows while it runs
            for reader in readers[index]:
                pending[reader] -= 1
                if not pending[reader]:
                    ready.append(reader)
        return ready

    def _back_edges(self, index: int) -> list[tuple[int, int]]:
        return [
            source
            for source in self.inputs[index]
            if source[0] >= 0 and self.graph.nodes[source[0]].op in _BACK
        ]

    def _pass(self) -> None:
        nodes, inputs, counts = self.graph.nodes, self.inputs, self.counts
        shapes: list[Sequence[Shape | None]] = [()] * len(nodes)
        self.shapes = shapes
        self.values.clear()
        self.handles.clear()
        loops = {index for index, _ in self.loops}
        decided = bytearray(len(nodes))
        for index in self.order:
            node, count = nodes[index], counts[index]
            sources = inputs[index]
            rule = RULES.get(node.op)
            found: Sequence[Shape | None] = ()
            if index in loops:
                found = self._enter_loop(index)
            elif rule is not None:
                found = self._apply(index, node, rule, sources, count)
            shapes[index] = self._tidy(node, found, count)
            decided[index] = 1
        for index, done in enumerate(decided):
            if not done:
                shapes[index] = [None] * counts[index]

    def _apply(
        self,
        index: int,
        node: NodeDef,
        rule: Rule,
        sources: list[tuple[int, int]],
        count: int,
    ) -> Sequence[Shape | None]:
        shapes, values = self.shapes, self.values
        got: list[Shape | None] = []
        known: list[Value | None] = []
        for source in sources:
            before = shapes[source[0]] if source[0] >= 0 else ()
            got.append(before[source[1]] if source[1] < len(before) else None)
            known.append(values.get(source))
        view = View(node, got, known, self.producer, count)
        if sources and self.handles:
            view.handle = self.handles.get(sources[0])
        try:
            found = rule(view)
            value_rule = VALUES.get(node.op)
            if value_rule is not None:
                for port, value in enumerate(value_rule(view, found)):
                    if value is not None:
                        values[index, port] = value
        except _GIVEN_UP:
            return ()
        if view.new_handle is not None or node.op in ("VarHandleOp", "VariableV2", "Variable"):
            found = self._variable(index, node, view, found)
        elif view.handle is not None and node.op in _PASS_HANDLE:
            for port in range(min(count, 2)):
                self.handles[index, port] = view.handle
        return found

    def _variable(
        self, index: int, node: NodeDef, view: View, found: Sequence[Shape | None]
    ) -> Sequence[Shape | None]:
        """A variable's or table's handle, with the checkpoint's shape where the node has none."""
        shape = view.new_handle if node.op == "VarHandleOp" else found[0]
        if view.new_handle is not None and node.op != "VarHandleOp":
            self.handles[index, 0] = view.new_handle
            return found
        if shape is None:
            shape = self.variables.get(node.name)
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

    def _tidy(
        self, node: NodeDef, found: Sequence[Shape | None], count: int
    ) -> Sequence[Shape | None]:
        """As many shapes as outputs, each a possible one, refined by ``_output_shapes``."""
        if len(found) != count:
            found = [*found[:count], *[None] * (count - len(found))]
        for port, shape in enumerate(found):
            if shape is not None and not _is_possible(shape):
                found = [*found[:port], None, *found[port + 1 :]]
        if "_output_shapes" in node.attr and node.op not in _MERGES:
            found = _refined(node, found)
        return found


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
