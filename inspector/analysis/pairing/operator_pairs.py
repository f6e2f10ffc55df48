"""Which node of a graph has the value of which operator of a TFLite model.

TensorFlow's converter names an operator's tensor after the nodes that it fused, in any order
(``dense/MatMul;dense/Relu;dense/BiasAdd``), and adds a number where the name is taken: that of a
constant, or of another operator where one node became several (``Einsum``, ``Einsum1``). The value
is that of the last of the nodes. What a name leaves open, an operator that reads the value may
tell: its first node reads the same value in the graph.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from inspector.formats.tflite.lite_model import LiteModel
from inspector.graph import opdefs
from inspector.graph.columns import CONTROL, Columns
from inspector.graph.names import Input, split_input
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Shape
from inspector.graph.topology import topological_order
from inspector.model.model import Model

_NUMBER = re.compile(r"\d+$")
_PORT = re.compile(r":0\d*$")
_ACTIVATIONS = {"RELU": "Relu", "RELU6": "Relu6", "TANH": "Tanh"}
"""Op of the node that a fused activation was."""
_SAME_VALUE = frozenset(("Identity", "StopGradient"))


@dataclass
class OperatorPairs:
    """Nodes of a graph and the operators with their values.

    Attributes:
        operator_of: Node of the graph to the node of the TFLite model.
        named: The nodes that the operator's name says.
    """

    operator_of: dict[str, str] = field(default_factory=dict)
    named: set[str] = field(default_factory=set)


def pair_operators(
    model: Model, lite: LiteModel, varying: tuple[Collection[str], Collection[str]]
) -> OperatorPairs:
    """The pairs of a frozen graph and a TFLite model.

    Args:
        varying: The nodes of each that depend on an input.
    """
    return _Pairing(model, lite, varying).run()


class _Pairing:
    def __init__(
        self,
        model: Model,
        lite: LiteModel,
        varying: tuple[Collection[str], Collection[str]],
    ) -> None:
        self._lite = lite
        self._varying, self._varying_operators = varying
        self._graph, self._operators = model.graph, lite.outline
        self._columns: Columns = self._graph.columns()
        self._place = _places(self._columns)
        self._shapes = model.shapes(self._graph), lite.shapes(self._operators)
        self._pairs = OperatorPairs()
        self._taken: set[str] = set()

    def run(self) -> OperatorPairs:
        """By name, then from the last operator to the first by what reads them."""
        heads: dict[str, str] = {}
        for labels in self._groups().values():
            parts = self._parts(next(iter(labels)))
            if not parts:
                continue
            node = self._value(parts, next(reversed(labels.values())))
            if len(labels) == 1:
                # An operator is no Identity: it is what the Identity at the end of a graph reads.
                first = min(parts, key=self._at)
                heads[next(iter(labels.values()))] = self._source(first)
            if node is not None:
                self._pair_last(node, list(labels.values()))
        for operator in reversed(self._lite.lite.operators):
            head = heads.get(operator) or self._head_without_number(operator)
            if head is not None:
                self._pair_inputs(head, operator)
        return self._pairs

    def _groups(self) -> dict[str, dict[str, str]]:
        """Label and name of operators, by what their labels have in common but for a number."""
        labels = {self._label(name): name for name in self._operator_names()}
        groups: dict[str, dict[str, str]] = {}
        for label, name in labels.items():
            short = _NUMBER.sub("", label)
            is_other = label not in groups and short in labels and not self._parts(label)
            groups.setdefault(short if is_other else label, {})[label] = name
        return groups

    def _operator_names(self) -> list[str]:
        inputs = [node.name for node in self._operators if node.op == "Placeholder"]
        return [*inputs, *self._lite.lite.operators]

    def _label(self, name: str) -> str:
        tensors = self._lite.lite.outputs.get(name, [])
        if not tensors:
            return name
        subgraph, index = tensors[0]
        return self._lite.lite.file.subgraphs[subgraph].tensors[index].label

    def _parts(self, label: str) -> list[str]:
        """The nodes of the graph in a label."""
        names = [_PORT.sub("", name) for name in label.split(";")]
        return [name for name in names if name in self._place and name in self._varying]

    def _at(self, name: str) -> int:
        return self._place[name]

    def _head_without_number(self, operator: str) -> str | None:
        """The first node of an operator whose name got a number, as a constant has it."""
        label = self._label(operator)
        parts = self._parts(_NUMBER.sub("", label)) if not self._parts(label) else []
        return min(parts, key=self._at, default=None)

    def _value(self, parts: Sequence[str], operator: str) -> str | None:
        """The node with the operator's value: the last of its nodes, or their activation."""
        last = max(parts, key=self._at)
        fused = opdefs.attr(self._operators.node(operator), "fused_activation_function")
        activation = _ACTIVATIONS.get("" if fused is None else fused.s.decode())
        if activation is None or self._graph.node(last).op == activation:
            return last
        edges = self._columns.reads(self._columns.index[last])
        readers = {reader for reader, port in edges if port != CONTROL}
        if len(readers) != 1:
            return None
        (reader,) = readers
        return self._columns.names[reader] if self._columns.op_of(reader) == activation else None

    def _pair_last(self, node: str, operators: Sequence[str]) -> None:
        """Pair a node with the last of the operators that it became, if its shape is the same."""
        fitting = [name for name in operators if self._fits(node, name, is_certain=False)]
        if len(operators) == 1 or fitting:
            self._pair(node, (fitting or operators)[-1])
            self._pairs.named.add(node)

    def _pair_inputs(self, head: str, operator: str) -> None:
        """Pair what the first node of an operator reads with what the operator reads."""
        sources = _inputs(self._graph.node(head), self._varying)
        others = _inputs(self._operators.node(operator), self._varying_operators)
        if len(sources) != len(others):
            return
        for source, other in zip(sources, others, strict=True):
            if source.port or other.port:
                continue
            node, name = self._source(source.name), other.name
            is_free = node not in self._pairs.operator_of and name not in self._taken
            if is_free and self._fits(node, name, is_certain=True):
                self._pair(node, name)

    def _source(self, name: str) -> str:
        """The node with the value of a node, before all that only hand it on."""
        while self._graph.node(name).op in _SAME_VALUE:
            sources = _inputs(self._graph.node(name), self._varying)
            if len(sources) != 1 or sources[0].port:
                break
            name = sources[0].name
        return name

    def _fits(self, node: str, operator: str, *, is_certain: bool) -> bool:
        """Whether the shapes agree but for the rows; TFLite files often fix these to one."""
        first, second = (
            _first(shapes.get(name))
            for shapes, name in zip(self._shapes, (node, operator), strict=True)
        )
        if first is None or second is None:
            return not is_certain
        pairs = list(zip(first, second, strict=False))[1:]
        return len(first) == len(second) and all(a == b or None in (a, b) for a, b in pairs)

    def _pair(self, node: str, operator: str) -> None:
        if node not in self._pairs.operator_of and operator not in self._taken:
            self._pairs.operator_of[node] = operator
            self._taken.add(operator)


def _places(columns: Columns) -> dict[str, int]:
    """The place of each node in the order in which they run."""
    inner = columns.source < len(columns)
    order = topological_order(columns.source[inner], columns.reader[inner], len(columns))
    return {columns.names[node]: at for at, node in enumerate(order)}


def _inputs(node: NodeDef, varying: Collection[str]) -> list[Input]:
    """The tensors that a node reads, but for constants."""
    inputs = map(split_input, node.input)
    return [item for item in inputs if not item.control and item.name in varying]


def _first(shapes: Sequence[Shape | None] | None) -> Shape | None:
    return shapes[0] if shapes else None
