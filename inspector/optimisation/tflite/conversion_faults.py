"""Why a graph does not become a TFLite model, as one sentence with what would help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from inspector.graph import opdefs
from inspector.graph.functions import function_names
from inspector.graph.graph import Graph, node_name, split_input
from inspector.graph.op_sets import EXAMPLE_PARSERS
from inspector.graph.protos import NodeDef, SignatureDef
from inspector.graph.tensors import shape_of
from inspector.optimisation.tflite.lite_preparation import Ends

_LISTED = 4
_NAME = 60


@dataclass(frozen=True)
class Fault:
    """A node that the converter refused.

    Attributes:
        op: E.g. ``HashTableV2``; empty where the converter names none.
        node: The node's name; empty where the converter names none.
        function: The library function whose body holds it; empty for the graph itself.
        flex: TensorFlow's own kernel could run it in LiteRT.
        early: It was refused before operators were chosen: a list of tensors, as a loop keeps it,
            whose shapes are not fixed.
    """

    op: str
    node: str
    function: str = ""
    flex: bool = False
    early: bool = False

    def to_dict(self) -> dict[str, str]:
        """As `ConversionFailed` lists it."""
        return {"op": self.op, "node": self.node, "function": self.function}


def unknown_ops(graph: Graph) -> list[Fault]:
    """The nodes of ops that this TensorFlow does not have, those of functions too."""
    functions = {function.signature.name for function in graph.library.function}
    bodies: list[tuple[str, Iterable[NodeDef]]] = [("", graph)]
    bodies += [(function.signature.name, function.node_def) for function in graph.library.function]
    return [
        Fault(node.op, node.name, name)
        for name, nodes in bodies
        for node in nodes
        if node.op not in functions and opdefs.get(node.op) is None
    ]


def sentence(
    graph: Graph, key: str, signature: SignatureDef, faults: Sequence[Fault], *, flex: bool
) -> str:
    """What has no operator, with the nodes, and what would help.

    Args:
        graph: What was converted, for the signature of this key.
        flex: Ops of TensorFlow were allowed.
    """
    named = {fault.op: fault for fault in reversed(faults) if fault.op}
    listed = [_named(named[op]) for op in sorted(named)]
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    ops = f"{', '.join(listed[:_LISTED])}{more}"
    ends = Ends.of(key, signature)
    early = [fault for fault in faults if fault.early]
    open_batch = bool(early) and _open_batch(graph, ends)
    if any(opdefs.get(op) is None for op in named):
        why = f"not in TensorFlow {opdefs.RELEASE}: {ops}"
    elif early:
        places = [_named(fault) for fault in early if fault.node]
        at = f", at {places[0]}" if places else ""
        why = f"a loop keeps values of shapes that are not fixed{at}"
    elif all(fault.flex for fault in named.values()) and not flex:
        why = f"TFLite has no operator for {ops}"
    else:
        why = f"neither TFLite nor its Flex delegate has an operator for {ops}"
    helps = list(_helps(graph, ends, faults, open_batch=open_batch))
    if not flex and faults and all(fault.flex for fault in faults):
        helps.append("or keep unsupported ops (--flex), which nothing here can run")
    return "; ".join([why, *helps])


def _named(fault: Fault) -> str:
    place = f" of function '{_cut(fault.function)}'" if fault.function else ""
    return f"{fault.op} ('{_cut(fault.node)}'{place})" if fault.node else fault.op


def _cut(name: str) -> str:
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"


def _helps(graph: Graph, ends: Ends, faults: Sequence[Fault], *, open_batch: bool) -> Iterator[str]:
    if open_batch:
        yield "fix the batch, e.g. --batch 1"
    if any(fault.op in EXAMPLE_PARSERS for fault in faults):
        yield "name inputs behind the node that parses examples with --inputs"
    if any(fault.op == "Dequantize" for fault in faults):
        yield "convert the model as it was before quantize_weights"
    if any(fault.op.startswith("Conv") for fault in faults):
        for name in _without_shape(graph, ends.inputs.values()):
            yield f"the input '{_cut(name)}' has no shape: give it one with set_shape"
    affected = set(_affected(graph, ends, faults))
    if affected and affected < ends.outputs.keys():
        names = [f"'{_cut(name)}'" for name in sorted(affected)]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        yield f"leave out the outputs {', '.join(names[:_LISTED])}{more}"


def _open_batch(graph: Graph, ends: Ends) -> bool:
    """Whether an input's first dimension is unknown."""
    nodes = (graph.get(node_name(name)) for name in ends.inputs.values())
    shapes = [shape_of(node.attr["shape"].shape) for node in nodes if node and "shape" in node.attr]
    return any(shape and shape[0] is None for shape in shapes)


def _without_shape(graph: Graph, tensors: Iterable[str]) -> Iterator[str]:
    for name in map(node_name, tensors):
        node = graph.get(name)
        if node is None or "shape" not in node.attr or shape_of(node.attr["shape"].shape) is None:
            yield name


def _affected(graph: Graph, ends: Ends, faults: Sequence[Fault]) -> Iterator[str]:
    """The outputs that depend on a refused node, by key; all where a node is not in the graph."""
    faults = [fault for fault in faults if fault.node] or faults
    nodes = {fault.node for fault in faults if not fault.function}
    functions = {fault.function for fault in faults if fault.function}
    names = {function.signature.name for function in graph.library.function}
    if not functions <= names or not all(node in graph for node in nodes):
        yield from ends.outputs
        return
    nodes.update(_callers(graph, functions))
    below = graph.descendants(nodes) | nodes
    for key, tensor in ends.outputs.items():
        if _source(graph, tensor) in below:
            yield key


def _source(graph: Graph, tensor: str) -> str:
    """The node of this tensor, or of the one that an IdentityN hands on."""
    source = split_input(tensor)
    node, passed = graph.get(source.name), set[str]()
    while node is not None and node.op == "IdentityN" and node.name not in passed:
        passed.add(node.name)
        source = split_input(node.input[source.port])
        node = graph.get(source.name)
    return source.name


def _callers(graph: Graph, functions: Iterable[str]) -> Iterator[str]:
    """The nodes of the graph that run one of these functions, or one that does."""
    callers: dict[str, list[str]] = {}
    for function in graph.library.function:
        for node in function.node_def:
            for name in (node.op, *function_names(node)):
                callers.setdefault(name, []).append(function.signature.name)
    running, todo = set(functions), list(functions)
    while todo:
        more = [name for name in callers.get(todo.pop(), ()) if name not in running]
        running.update(more)
        todo += more
    for node in graph:
        if not running.isdisjoint((node.op, *function_names(node))):
            yield node.name
