"""Why a graph does not become a TFLite model, as one sentence with what would help."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from inspector.graph import opdefs
from inspector.graph.graph import Graph, node_name
from inspector.graph.op_sets import EXAMPLE_PARSERS
from inspector.graph.protos import SignatureDef
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


def unknown_ops(graph: Graph) -> list[Fault]:
    """The nodes of ops that this TensorFlow does not have, each op once."""
    functions = {function.signature.name for function in graph.library.function}
    faults: dict[str, Fault] = {}
    for node in graph:
        if node.op not in functions and opdefs.get(node.op) is None:
            faults.setdefault(node.op, Fault(node.op, node.name))
    return list(faults.values())


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
        helps.append("or convert with --flex, whose result nothing here can run")
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


def _affected(graph: Graph, ends: Ends, faults: Iterable[Fault]) -> Iterator[str]:
    """The outputs that depend on a refused node, by key; all where a node is not in the graph."""
    nodes = {fault.node for fault in faults}
    if not all(node in graph for node in nodes):
        yield from ends.outputs
        return
    below = graph.descendants(nodes) | nodes
    for key, tensor in ends.outputs.items():
        if node_name(tensor) in below:
            yield key
