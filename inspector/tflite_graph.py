"""A TFLite model as a graph: operators as nodes, and nodes for inputs and constants.

So that the picture, the tables and the comparison need to know one kind of graph. The first
subgraph is the main one. Another one's nodes are in a scope below the operator that calls it, or
in a scope of its own name where none does; each subgraph is there once, however often it is called.

An operator has no name: it takes that of its first output tensor, without ``:0`` and without what
the converter added behind a ``;``, and a number where that name is taken. Nodes carry the dtypes
and shapes of what they give (``_output_dtypes``, `opdefs.declared`), since an op's name alone does
not tell.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from inspector import opdefs, tensors
from inspector.graph import Names
from inspector.protos import NodeDef, TensorProto
from inspector.tflite_file import OPERATORS, LiteFile, Operator, Quantisation, Subgraph, Tensor
from inspector.tflite_options import called, options
from inspector.tflite_values import dtype_enum, value

INPUT, CONSTANT, STATE, UNSET = "Placeholder", "Const", "State", "Unset"
"""The ops of the nodes that are no operators. What is unset gets its memory when the model runs."""

TENSORFLOWS_TOO = frozenset(("RFFT2D",))
"""Builtin operators that have the name of an op of TensorFlow."""

_BUILTIN = frozenset(OPERATORS.values())
_LONGEST_SCOPE = 300
_CHANNELS = 1 << 16
_PORT = re.compile(r":(\d+)$")

Key = tuple[int, int]
"""Number of the subgraph, and of the tensor or operator in it."""


class LiteGraph:
    """The nodes of a file, and which of its tensors and operators they stand for.

    Attributes:
        outputs: Node name to the tensors that it gives, by port.
        operators: Node name to the operator, for nodes that are one; in the file's order.
        source: Tensor to the input string that reads it.
        inputs, results: The tensors that are inputs and outputs of their subgraph.
        functions: Node of another subgraph than the main one, to what that one is called.
    """

    def __init__(self, file: LiteFile) -> None:
        self.file = file
        self.nodes: list[NodeDef] = []
        self.outputs: dict[str, list[Key]] = {}
        self.operators: dict[str, Key] = {}
        self.source: dict[Key, str] = {}
        graphs = list(enumerate(file.subgraphs))
        self.inputs = {(number, index) for number, graph in graphs for index in graph.inputs}
        self.results = {(number, index) for number, graph in graphs for index in graph.outputs}
        self.functions: dict[str, str] = {}
        self._callers: dict[str, list[int]] = {}
        self._names = Names()
        self._channels = 1_000 * _CHANNELS
        self._scopes: dict[int, tuple[str, list[str]]] = {0: ("", [])}
        self._draw()

    def value(self, node: NodeDef) -> TensorProto:
        """The value of a constant. Raises: CorruptModel, UnsupportedModel, LimitExceeded."""
        ((subgraph, index),) = self.outputs[node.name]
        return value(self.file, self.file.subgraphs[subgraph].tensors[index])

    def size(self, name: str) -> int:
        """Bytes of a constant in the file."""
        ((subgraph, index),) = self.outputs[name]
        return len(self.file.buffer(self.file.subgraphs[subgraph].tensors[index].buffer))

    def label(self, subgraph: int) -> str:
        """What a subgraph that is not the main one is called: the scope that its nodes are in."""
        return self._scopes[subgraph][0].rstrip("/")

    def returns(self) -> dict[str, list[str]]:
        """Per node with subgraphs below it, the tensors that they give back."""
        graphs = self.file.subgraphs
        return {
            name: [self.source[number, i] for number in numbers for i in graphs[number].outputs]
            for name, numbers in self._callers.items()
        }

    def subgraph(self, key: str | None) -> Subgraph:
        """The subgraph of a signature; the main one without a key."""
        numbers = {item.key: item.subgraph for item in self.file.signatures}
        return self.file.subgraphs[0 if key is None else numbers[key]]

    def ops(self, subgraph: int) -> Iterator[tuple[str, str]]:
        """Node name and op of each operator of a subgraph."""
        operators = self.file.subgraphs[subgraph].operators
        return (
            (name, operators[at].code.op)
            for name, (number, at) in self.operators.items()
            if number == subgraph
        )

    def ends(self) -> tuple[list[str], list[str]]:
        """What gives the inputs of the main subgraph, and its outputs: ``node`` or ``node:1``."""
        main = self.file.subgraphs[0]
        inputs, outputs = (
            list(dict.fromkeys(self.source[0, index] for index in ends))
            for ends in (main.inputs, main.outputs)
        )
        return inputs, outputs

    def _draw(self) -> None:
        """All subgraphs: the main one, what it calls, then what nobody calls."""
        graphs = self.file.subgraphs
        drawn: set[int] = set()
        for root in range(len(graphs)):
            todo = [root]
            while todo:
                number = todo.pop()
                if number in drawn:
                    continue
                drawn.add(number)
                todo += reversed(self._draw_one(number, graphs[number]))

    def _draw_one(self, number: int, graph: Subgraph) -> list[int]:
        """The nodes of one subgraph; the subgraphs that it calls and that have no place yet."""
        if number not in self._scopes:
            self._scopes[number] = (self._scope("", number), [])
        scope, given = self._scopes[number]
        start = len(self.nodes)
        latest: dict[int, str] = {}
        for position, index in enumerate(graph.inputs):
            if index not in latest:
                reads = given[position : position + 1]
                latest[index] = self._leaf(scope, number, graph.tensors[index], INPUT, reads)
        # What an operator reads before any has given it comes from one that stands later.
        later = {i: at for at, op in enumerate(graph.operators) for i in op.outputs}
        nodes = [self._operator(scope, graph, at) for at in range(len(graph.operators))]
        called: list[int] = []
        for at, operator in enumerate(graph.operators):
            node = nodes[at]
            for index in operator.inputs:
                if index < 0:
                    continue
                if index not in latest:
                    tensor = graph.tensors[index]
                    is_made = index in later and not self.file.is_constant(tensor)
                    latest[index] = (
                        self._port(nodes[later[index]], graph.operators[later[index]], index)
                        if is_made
                        else self._leaf(scope, number, tensor, self._kind(tensor), [])
                    )
                node.input.append(latest[index])
            self.nodes.append(node)
            self.operators[node.name] = (number, at)
            self.outputs[node.name] = [(number, index) for index in operator.outputs]
            for index in operator.outputs:
                latest[index] = self._port(node, operator, index)
            called += self._calls(node, operator, [latest[i] for i in operator.inputs if i >= 0])
        for index in graph.outputs:
            if index not in latest:
                tensor = graph.tensors[index]
                latest[index] = self._leaf(scope, number, tensor, self._kind(tensor), [])
        self.source.update(((number, index), text) for index, text in latest.items())
        if number:
            label = self.label(number)
            self.functions.update((node.name, label) for node in self.nodes[start:])
        return called

    def _operator(self, scope: str, graph: Subgraph, at: int) -> NodeDef:
        operator = graph.operators[at]
        given = [graph.tensors[index] for index in operator.outputs]
        label = given[0].label if given else f"{operator.code.op}_{at}"
        op = operator.code.op
        node = NodeDef(name=self._free(scope, label), op=f"TFLite {op}" if _is_taken(op) else op)
        self._declare(node, given)
        with self.file.reading():
            for key, found in options(operator).items():
                _set(node, key, found)
        if -1 in operator.inputs:
            left_out = [at for at, index in enumerate(operator.inputs) if index == -1]
            node.attr["inputs_left_out"].list.i.extend(left_out)
        return node

    def _leaf(self, scope: str, number: int, tensor: Tensor, op: str, reads: Sequence[str]) -> str:
        node = NodeDef(name=self._free(scope, tensor.label), op=op, input=reads)
        dtype = self._declare(node, [tensor])
        if op == CONSTANT:
            node.attr["dtype"].type = dtype
            node.attr["value"].tensor.dtype = dtype
            node.attr["value"].tensor.tensor_shape.CopyFrom(_shape(tensor.shape))
        elif op == INPUT:
            node.attr["dtype"].type = dtype
            node.attr["shape"].shape.CopyFrom(_shape(tensor.dims))
        self.nodes.append(node)
        self.outputs[node.name] = [(number, tensor.index)]
        return str(node.name)

    def _kind(self, tensor: Tensor) -> str:
        if self.file.is_constant(tensor) or (tensor.shape and not math.prod(tensor.shape)):
            return CONSTANT
        return STATE if tensor.is_variable else UNSET

    def _port(self, node: NodeDef, operator: Operator, index: int) -> str:
        port = operator.outputs.index(index)
        return f"{node.name}:{port}" if port else node.name

    def _declare(self, node: NodeDef, given: Sequence[Tensor]) -> int:
        """Write down dtypes, shapes and quantisation; gives the dtype of the first tensor."""
        dtypes = [dtype_enum(tensor) for tensor in given]
        opdefs.declare(node, dtypes)
        for tensor in given:
            node.attr["_output_shapes"].list.shape.append(_shape(tensor.dims))
        texts = [self._quantised(tensor.quantisation) for tensor in given]
        if any(texts):
            node.attr["quantisation"].s = "; ".join(text or "none" for text in texts).encode()
        return dtypes[0] if dtypes else 0

    def _quantised(self, found: Quantisation | None) -> str:
        if found is None:
            return ""
        if len(found.scale) == 1:
            return f"scale {found.scale[0]:.7g}, zero point {found.zero_point[0]}"
        text = f"{len(found.scale)} channels along axis {found.axis}"
        self._channels -= len(found.scale)
        if len(found.scale) > _CHANNELS or self._channels < 0:
            return text
        # The sum tells two models apart whose ends are the same.
        mark = zlib.crc32(found.zero_point.tobytes(), zlib.crc32(found.scale.tobytes()))
        return f"{text}, scale {found.scale.min():.7g} to {found.scale.max():.7g} ({mark:08x})"

    def _calls(self, node: NodeDef, operator: Operator, reads: Sequence[str]) -> list[int]:
        """Give the subgraphs that an operator calls their place below it."""
        new = []
        for number in called(operator):
            if 0 < number < len(self.file.subgraphs) and number not in self._scopes:
                # A branch gets what follows the condition.
                given = reads[1:] if operator.code.op == "IF" else reads
                self._scopes[number] = (self._scope(node.name, number), list(given))
                new.append(number)
        if new:
            self._callers[node.name] = new
        return new

    def _scope(self, above: str, number: int) -> str:
        name = (self.file.subgraphs[number].name or "").strip("/")[:100] or f"subgraph_{number}"
        # Bodies inside of bodies: a path that grows with each would be quadratic.
        path = f"{above}/{name}" if above and len(above) < _LONGEST_SCOPE else name
        return self._free("", path) + "/"

    def _free(self, scope: str, label: str) -> str:
        """A node name that nobody has, which reads as no port and no control input."""
        first = _PORT.sub(lambda found: "" if found[1] == "0" else f"_{found[1]}", label)
        first = first.partition(";")[0] or first.replace(";", "_")
        while found := _PORT.search(first):
            first = f"{first[: found.start()]}_{found[1]}"
        base = scope + (f"_{first[1:]}" if first.startswith("^") else first or "_")
        return self._names.free(base)


def _is_taken(op: str) -> bool:
    """True for a name that means something else in TensorFlow; a custom op may have any."""
    if op in _BUILTIN:
        return op in TENSORFLOWS_TOO
    return op in (STATE, UNSET) or op in opdefs.known_ops()


def _set(node: NodeDef, key: str, value: Any) -> None:
    setters: Mapping[type, Callable[[Any], None]] = {
        bool: lambda v: setattr(node.attr[key], "b", v),
        int: lambda v: setattr(node.attr[key], "i", v),
        float: lambda v: setattr(node.attr[key], "f", v),
        str: lambda v: setattr(node.attr[key], "s", v.encode()),
    }
    if isinstance(value, list):
        if value and isinstance(value[0], float):
            node.attr[key].list.f.extend(value)
        else:
            node.attr[key].list.i.extend(map(int, value))
    else:
        setters[type(value)](value)


def _shape(dims: Sequence[int | None]) -> Any:
    return tensors.make_shape(list(dims))
