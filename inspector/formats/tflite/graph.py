"""A TFLite model as a graph: operators as nodes, and nodes for inputs and constants.

So the picture, the tables and the comparison handle one kind of graph. The first subgraph is the
main one. Nodes of another subgraph are in a scope below the operator that calls it, or in a scope
of its own name where none does; each subgraph is there once, however often it is called.

An operator has no name: it gets that of its first output tensor, without ``:0`` and without the
converter's suffix after a ``;``, and a number where that name is taken. Nodes carry the dtypes and
shapes of their outputs (``_output_dtypes``, `opdefs.declared`), since the op does not determine
them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from inspector.formats.tflite.file import (
    OPERATORS,
    LiteFile,
    Operator,
    Quantisation,
    Subgraph,
    Tensor,
)
from inspector.formats.tflite.options import called, options
from inspector.formats.tflite.values import dtype_enum, value
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Names
from inspector.graph.protos import DTypeEnum, NodeDef, TensorProto, TensorShapeProto

INPUT, CONSTANT, STATE, UNSET = "Placeholder", "Const", "State", "Unset"
"""Ops of the nodes that are no operators. An unset tensor gets its memory when the model runs."""

TENSORFLOWS_TOO = frozenset(("RFFT2D",))
"""Builtin operators that are named like an op of TensorFlow."""

_BUILTIN = frozenset(OPERATORS.values())
_LONGEST_SCOPE = 300
_CHANNELS = 1 << 16
_PORT = re.compile(r":(\d+)$")

Key = tuple[int, int]
"""Number of the subgraph, and of the tensor or operator in it."""


class LiteGraph:
    """The nodes of a file, and the tensors and operators that they represent.

    Attributes:
        outputs: Node name to its output tensors, by port.
        operators: Node name to the operator, for nodes that are one; in the file's order.
        source: Tensor to the input string that reads it.
        inputs, results: The tensors that are inputs and outputs of their subgraph.
        functions: Node of any subgraph but the main one, to the label of its subgraph.
    """

    def __init__(self, file: LiteFile) -> None:
        self.file = file
        self.nodes: list[NodeDef] = []
        self.outputs: dict[str, list[Key]] = {}
        self.operators: dict[str, Key] = {}
        self.source: dict[Key, str] = {}
        graphs = list(enumerate(file.subgraphs))
        self.inputs: set[tuple[int, int]] = {
            (number, index) for number, graph in graphs for index in graph.inputs
        }
        self.results: set[tuple[int, int]] = {
            (number, index) for number, graph in graphs for index in graph.outputs
        }
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
        """The scope of a subgraph's nodes, without a slash at the end; empty for the main one."""
        return self._scopes[subgraph][0].rstrip("/")

    def returns(self) -> dict[str, list[str]]:
        """Per node with subgraphs below it, the tensors that they return."""
        graphs = self.file.subgraphs
        return {
            name: [self.source[number, i] for number in numbers for i in graphs[number].outputs]
            for name, numbers in self._callers.items()
        }

    def subgraph(self, key: str | None) -> Subgraph:
        """The subgraph of a signature; the main one without a key."""
        return self.file.subgraphs[self.subgraph_number(key)]

    def subgraph_number(self, key: str | None) -> int:
        """The number of `subgraph`."""
        numbers = {item.key: item.subgraph for item in self.file.signatures}
        return 0 if key is None else numbers[key]

    def ops(self, subgraph: int) -> Iterator[tuple[str, str]]:
        """Node name and op of each operator of a subgraph."""
        operators = self.file.subgraphs[subgraph].operators
        return (
            (name, operators[at].code.op)
            for name, (number, at) in self.operators.items()
            if number == subgraph
        )

    def ends(self) -> tuple[list[str], list[str]]:
        """Inputs and outputs of the main subgraph, as ``node`` or ``node:1``."""
        main = self.file.subgraphs[0]
        inputs, outputs = (
            list(dict.fromkeys(self.source[0, index] for index in ends))
            for ends in (main.inputs, main.outputs)
        )
        return inputs, outputs

    def _draw(self) -> None:
        """Add the nodes of all subgraphs: the main one, those it calls, then all others."""
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
        """Add the nodes of one subgraph; returns subgraphs that it calls and that had no scope."""
        if number not in self._scopes:
            self._scopes[number] = (self._scope("", number), [])
        scope, arguments = self._scopes[number]
        start = len(self.nodes)
        latest: dict[int, str] = {}
        for position, index in enumerate(graph.inputs):
            if index not in latest:
                reads = arguments[position : position + 1]
                latest[index] = self._leaf(scope, number, graph.tensors[index], INPUT, reads)
        # A tensor may be read before the operator that outputs it.
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
        results = [graph.tensors[index] for index in operator.outputs]
        label = results[0].label if results else f"{operator.code.op}_{at}"
        op = operator.code.op
        node = NodeDef(name=self._free(scope, label), op=f"TFLite {op}" if _is_taken(op) else op)
        self._declare(node, results)
        with self.file.reading():
            for key, option in options(operator).items():
                _set(node, key, option)
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
        if self.file.is_constant(tensor) or 0 in tensor.shape:
            return CONSTANT
        return STATE if tensor.is_variable else UNSET

    def _port(self, node: NodeDef, operator: Operator, index: int) -> str:
        port = operator.outputs.index(index)
        return f"{node.name}:{port}" if port else node.name

    def _declare(self, node: NodeDef, outputs: Sequence[Tensor]) -> DTypeEnum:
        """Set dtypes, shapes and quantisation of the outputs; returns the dtype of the first."""
        dtypes = [dtype_enum(tensor) for tensor in outputs]
        opdefs.declare(node, dtypes)
        for tensor in outputs:
            node.attr["_output_shapes"].list.shape.append(_shape(tensor.dims))
        texts = [self._quantised(tensor.quantisation) for tensor in outputs]
        if any(texts):
            node.attr["quantisation"].s = "; ".join(text or "none" for text in texts).encode()
        return dtypes[0] if dtypes else tensors.INVALID

    def _quantised(self, scheme: Quantisation | None) -> str:
        if scheme is None:
            return ""
        if len(scheme.scale) == 1:
            return f"scale {scheme.scale[0]:.7g}, zero point {scheme.zero_point[0]}"
        text = f"{len(scheme.scale)} channels along axis {scheme.axis}"
        self._channels -= len(scheme.scale)
        if len(scheme.scale) > _CHANNELS or self._channels < 0:
            return text
        # The checksum differs for models that differ between smallest and largest scale.
        mark = zlib.crc32(scheme.zero_point.tobytes(), zlib.crc32(scheme.scale.tobytes()))
        return f"{text}, scale {scheme.scale.min():.7g} to {scheme.scale.max():.7g} ({mark:08x})"

    def _calls(self, node: NodeDef, operator: Operator, reads: Sequence[str]) -> list[int]:
        """Set the scopes of the subgraphs that an operator calls; returns those that are new."""
        new = []
        for number in called(operator):
            if 0 < number < len(self.file.subgraphs) and number not in self._scopes:
                # The arguments of a branch follow the condition.
                arguments = reads[1:] if operator.code.op == "IF" else reads
                self._scopes[number] = (self._scope(node.name, number), list(arguments))
                new.append(number)
        if new:
            self._callers[node.name] = new
        return new

    def _scope(self, above: str, number: int) -> str:
        name = (self.file.subgraphs[number].name or "").strip("/")[:100] or f"subgraph_{number}"
        # With nested bodies, a path that grows with each level would need quadratic memory.
        path = f"{above}/{name}" if above and len(above) < _LONGEST_SCOPE else name
        return self._free("", path) + "/"

    def _free(self, scope: str, label: str) -> str:
        """An unused node name that cannot be read as a port or a control input."""
        first = _PORT.sub(lambda match: "" if match[1] == "0" else f"_{match[1]}", label)
        first = first.partition(";")[0] or first.replace(";", "_")
        while match := _PORT.search(first):
            first = f"{first[: match.start()]}_{match[1]}"
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


def _shape(dims: Sequence[int | None]) -> TensorShapeProto:
    return tensors.make_shape(list(dims))
