"""Every operation of a model with its tensors: the rows of ``inspector ops``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from inspector import opdefs, shapes, tensors
from inspector.errors import BadParameter, CorruptModel, UnknownNode, did_you_mean
from inspector.freeze import known_ops
from inspector.functions import Library
from inspector.graph import Graph, split_input
from inspector.layers import Layers
from inspector.model import Model
from inspector.protos import FunctionDef, NodeDef, OpDef
from inspector.tensors import Shape

if TYPE_CHECKING:
    from inspector.tflite_graph import LiteGraph

MAX_PATTERN = 1000
"""Longest search expression, and how much of a name it is held against."""

_NESTED = re.compile(r"[+*}]\)*\)[+*{]")


@dataclass(frozen=True)
class Output:
    """One output tensor; dtype and shape are None where they are not known."""

    name: str
    dtype: str | None
    shape: Shape | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape}


@dataclass(frozen=True)
class Operation:
    """One node: its op, device, input strings and output tensors.

    Attributes:
        function: The library function whose body holds it, of TFLite the subgraph; empty for the
            main graph.
    """

    name: str
    op: str
    device: str
    inputs: list[str]
    outputs: list[Output]
    function: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "op": self.op,
            "device": self.device,
            "inputs": self.inputs,
            "outputs": [output.to_dict() for output in self.outputs],
            "function": self.function,
        }


def operations(
    model: Model | Graph,
    *,
    op: str | None = None,
    match: str | re.Pattern[str] | None = None,
    function: str | None = None,
) -> list[Operation]:
    """The operations of a model, or of a graph, with inferred shapes.

    Args:
        op: Only those of this op type.
        match: Only those whose name this regular expression finds something in.
        function: Only those in the body of this function; the empty string: the main graph.
            Without it: the main graph, then the body of each function.
    Raises: UnknownNode (no such function), BadParameter (`match` is no expression, or one that
        could take for ever).
    """
    pattern = _pattern(match) if isinstance(match, str) else match
    if isinstance(model, Model) and model.lite is not None:
        return list(_wanted(_of_lite(model.lite, function), op, pattern))
    graph = model.outline if isinstance(model, Model) else model
    found: list[Operation] = []
    if not function:
        saved = model.variables if isinstance(model, Model) else []
        known = {item.name: item.shape for item in saved}
        layers = model.layers if isinstance(model, Model) else None
        rows = of_graph(graph, known) if layers is None else _of_layers(graph, layers)
        found += _wanted(rows, op, pattern)
    if function != "":
        library = Library(graph.library, known_ops(model) if isinstance(model, Model) else ())
        if function is not None and function not in library.functions:
            reason = "no function of this name" + did_you_mean(function, library.functions)
            raise UnknownNode("function library", function, reason)
        for name in library.functions if function is None else [function]:
            found += _wanted(_of_function(library, name, graph), op, pattern)
    return found


def _of_layers(graph: Graph, layers: Layers) -> Iterator[Operation]:
    """One row for each layer of a Keras file."""
    for node in graph:
        known, dtypes = layers.shapes.get(node.name, []), layers.dtypes.get(node.name, [])
        outputs = [
            Output(f"{node.name}:{port}", (dtypes[port : port + 1] or [""])[0] or None, shape)
            for port, shape in enumerate(known)
        ]
        yield Operation(node.name, node.op, node.device, list(node.input), outputs)


def of_graph(
    graph: Graph, variables: Mapping[str, Shape | None] | None = None, function: str = ""
) -> Iterator[Operation]:
    """One row for each node of a graph, in its order."""
    known = shapes.infer(graph, variables)
    own = {item.signature.name: item.signature for item in graph.library.function}
    for node in graph:
        outputs = _outputs(node, known.get(node.name, []), own)
        yield Operation(node.name, node.op, node.device, list(node.input), outputs, function)


def _of_lite(lite: LiteGraph, function: str | None) -> Iterator[Operation]:
    """The operators of a TFLite model, tensors by their own names; a subgraph is a function."""
    graphs = lite.file.subgraphs
    labels = {number: "" if number == 0 else lite.label(number) for number in range(len(graphs))}
    if function is not None and function not in labels.values():
        known = [label for label in labels.values() if label]
        reason = "no subgraph of this name" + did_you_mean(function, known)
        raise UnknownNode("subgraphs", function, reason)
    for name, (number, at) in lite.operators.items():
        if function is None or function == labels[number]:
            operator, all_tensors = graphs[number].operators[at], graphs[number].tensors
            outputs = [
                Output(tensor.label, tensor.dtype, tensor.dims)
                for tensor in (all_tensors[index] for index in operator.outputs)
            ]
            inputs = [all_tensors[index].label if index >= 0 else "" for index in operator.inputs]
            yield Operation(name, operator.code.op, "", inputs, outputs, labels[number])


def _outputs(
    node: NodeDef, known: Sequence[Shape | None], own: Mapping[str, OpDef]
) -> list[Output]:
    """The output tensors of a node, as many as there are shapes."""
    dtypes: list[int] = []
    if node.op in own:
        dtypes = [arg.type for arg in own[node.op].output_arg]
    elif (definition := opdefs.get(node.op)) is not None:
        # The list of dtypes is only written out where its length is sane.
        count = shapes.output_count(node, definition)
        dtypes = (opdefs.output_dtypes(node) or []) if count <= len(known) else []
    names = [tensors.dtype_name(dtype) for dtype in dtypes]
    names += [""] * (len(known) - len(names))
    return [
        Output(f"{node.name}:{port}", names[port] or None, shape)
        for port, shape in enumerate(known)
    ]


def _of_function(library: Library, name: str, outer: Graph) -> Iterator[Operation]:
    """The rows of a function's body; without shapes where it cannot be read as a graph."""
    proto = library.functions[name]
    try:
        body = library.body(name)
    except CorruptModel:
        for node in proto.node_def:
            yield Operation(node.name, node.op, node.device, list(node.input), [], name)
        return
    feeds = list(_feeds(body.args, proto))
    graph = Graph([*feeds, *body.nodes], outer.library, outer.versions)
    yield from islice(of_graph(graph, function=name), len(feeds), None)


def _feeds(args: Iterable[str], proto: FunctionDef) -> Iterator[NodeDef]:
    """Nodes that stand for a function's arguments, with the shapes the writer noted."""
    for index, text in enumerate(args):
        node = NodeDef(name=split_input(text).name, op="_Arg")
        node.attr["index"].i = index
        if index < len(proto.signature.input_arg):
            node.attr["T"].type = proto.signature.input_arg[index].type
        noted = proto.arg_attr[index].attr if index in proto.arg_attr else {}
        if "_output_shapes" in noted:
            node.attr["_output_shapes"].CopyFrom(noted["_output_shapes"])
        yield node


def _wanted(
    rows: Iterable[Operation], op: str | None, pattern: re.Pattern[str] | None
) -> Iterator[Operation]:
    for row in rows:
        if op is not None and row.op != op:
            continue
        if pattern is not None and not pattern.search(row.name, 0, MAX_PATTERN):
            continue
        yield row


def _pattern(text: str) -> re.Pattern[str]:
    if len(text) > MAX_PATTERN:
        raise BadParameter("match", text[:40], f"longer than {MAX_PATTERN} characters")
    if _NESTED.search(text):
        raise BadParameter("match", text, "a repeat inside a repeat could take for ever")
    try:
        return re.compile(text)
    except re.error as err:
        raise BadParameter("match", text, f"no regular expression: {err}") from err
