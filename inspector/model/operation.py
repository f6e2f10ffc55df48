"""Rows of nodes with their tensors: of a graph of TensorFlow's ops and of its functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from inspector.errors import CorruptModel, UnknownNode, did_you_mean
from inspector.graph import opdefs, tensors
from inspector.graph.functions import Library
from inspector.graph.graph import Graph, split_input
from inspector.graph.protos import DTypeEnum, FunctionDef, NodeDef, OpDef
from inspector.graph.tensors import Shape
from inspector.printing.short_record import ShortRecord


@dataclass(frozen=True, repr=False)
class Output(ShortRecord):
    """One output tensor; dtype and shape are None where they are not known."""

    name: str
    dtype: str | None
    shape: Shape | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape}


@dataclass(frozen=True, repr=False)
class Operation(ShortRecord):
    """One node with its tensors.

    Attributes:
        name, op, device: As in its NodeDef.
        inputs: Input strings: ``name``, ``name:1``, ``^name``.
        outputs: Its output tensors: ``name``, ``dtype``, ``shape``.
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


def of_ops(
    graph: Graph,
    function: str | None,
    variables: Mapping[str, Shape | None] | None = None,
    ops: Sequence[OpDef] = (),
) -> Iterator[Operation]:
    """The operations of a graph of TensorFlow's ops, with inferred shapes.

    Args:
        function: As in `of_functions`; the empty string: the main graph alone.
        variables: Shapes of the checkpoint's variables, by name.
        ops: OpDefs of custom ops.
    Raises: UnknownNode for a function that the library does not have.
    """
    if not function:
        yield from of_graph(graph, variables)
    if function != "":
        yield from of_functions(graph, function, ops)


def of_graph(
    graph: Graph, variables: Mapping[str, Shape | None] | None = None, function: str = ""
) -> Iterator[Operation]:
    """One row for each node of a graph, in its order."""
    from inspector.graph.shapes.infer import infer  # here: files of layers do without

    shapes = infer(graph, variables)
    signatures = {item.signature.name: item.signature for item in graph.library.function}
    for node in graph:
        outputs = _outputs(node, shapes.get(node.name, []), signatures)
        yield Operation(node.name, node.op, node.device, list(node.input), outputs, function)


def of_functions(
    graph: Graph, function: str | None, ops: Sequence[OpDef] = ()
) -> Iterator[Operation]:
    """The operations in the body of one function of the library, or of each.

    Raises: UnknownNode for a function that the library does not have.
    """
    library = Library(graph.library, ops)
    if function is not None and function not in library.functions:
        reason = "no function of this name" + did_you_mean(function, library.functions)
        raise UnknownNode("function library", function, reason)
    for name in library.functions if function is None else [function]:
        yield from _of_function(library, name, graph)


def _outputs(
    node: NodeDef, shapes: Sequence[Shape | None], signatures: Mapping[str, OpDef]
) -> list[Output]:
    """The output tensors of a node, as many as there are shapes."""
    from inspector.graph.shapes.infer import output_count

    dtypes: list[DTypeEnum] = []
    if node.op in signatures:
        dtypes = [arg.type for arg in signatures[node.op].output_arg]
    elif (definition := opdefs.get(node.op)) is not None:
        # The list of dtypes is only written out where its length is sane.
        count = output_count(node, definition)
        dtypes = (opdefs.output_dtypes(node) or []) if count <= len(shapes) else []
    names = [tensors.dtype_name(dtype) for dtype in dtypes]
    names += [""] * (len(shapes) - len(names))
    return [
        Output(f"{node.name}:{port}", names[port] or None, shape)
        for port, shape in enumerate(shapes)
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
