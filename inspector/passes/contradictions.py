"""Refuses a step whose result TensorFlow cannot load: dtypes and shapes that contradict readers.

Looked at are the nodes that the step changed, and their readers; what did not fit before the step
is none of its doing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inspector.errors import TransformFailed
from inspector.graph import opdefs, tensors
from inspector.graph.graph import Graph, data_inputs, node_name, split_input
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.protos import DTypeEnum, NodeDef, OpDef
from inspector.graph.shapes import infer
from inspector.text import plain
from inspector.text import shape as shape_text

_SHOWN = 3


def refuse(before: Graph, after: Graph, transform: str) -> None:
    """Compare the graph before and after a step.

    Raises: TransformFailed, naming the node that reads, and what would fit.
    """
    if after is before:
        return
    old = {node.name: node for node in before.nodes}
    changed = {node.name: node for node in after.nodes if old.get(node.name) is not node}
    faults = list(_dtypes(before, after, old, changed))
    if faults:
        raise _failed(transform, faults)
    fed = [
        name
        for name, node in changed.items()
        if node.op in PLACEHOLDERS and name in old and _declared(node) != _declared(old[name])
    ]
    if fed:
        faults = list(_shapes(before, after, fed))
        if faults:
            raise _failed(transform, faults)


def _failed(transform: str, faults: list[tuple[str, str]]) -> TransformFailed:
    where, why = faults[0]
    others = ", ".join(f"'{plain(name)}'" for name, _ in faults[1 : _SHOWN + 1])
    more = f" and {len(faults) - 1 - _SHOWN} more" if len(faults) - 1 > _SHOWN else ""
    also = f"; the same holds for {others}{more}" if others else ""
    return TransformFailed(transform, f"node '{plain(where)}'", why + also)


def _dtypes(
    before: Graph, after: Graph, old: Mapping[str, NodeDef], changed: Mapping[str, NodeDef]
) -> Iterator[tuple[str, str]]:
    """Each node that reads a dtype which it does not take, and what it takes."""
    was, now = _Dtypes(before), _Dtypes(after)
    retyped = {
        name
        for name, node in changed.items()
        if name in old and was.outputs(old[name]) != now.outputs(node)
    }
    for node in after.nodes:
        if node.name not in changed and retyped.isdisjoint(map(node_name, node.input)):
            continue
        faults = now.faults(after, node)
        if not faults:
            continue
        earlier = was.faults(before, old[node.name]) if node.name in old else {}
        for index, (takes, has) in faults.items():
            if index not in earlier:
                source = plain(node_name(node.input[index]))
                needed, actual = tensors.dtype_name(takes), tensors.dtype_name(has)
                why = f"{node.op} takes {needed}, and '{source}' gives {actual} after this step"
                yield node.name, f"{why}: give it the type {needed}"
                break


class _Dtypes:
    """Dtypes of the outputs and inputs of nodes in one graph."""

    def __init__(self, graph: Graph) -> None:
        self._signatures: dict[str, OpDef] = {
            item.signature.name: item.signature for item in graph.library.function
        }
        self._outputs: dict[int, list[DTypeEnum] | None] = {}  # by id: the graph keeps its nodes

    def outputs(self, node: NodeDef) -> list[DTypeEnum] | None:
        if id(node) not in self._outputs:
            self._outputs[id(node)] = opdefs.output_dtypes(node, self._signatures)
        return self._outputs[id(node)]

    def faults(self, graph: Graph, node: NodeDef) -> dict[int, tuple[DTypeEnum, DTypeEnum]]:
        """Each data input that does not fit, with the dtype that it takes and the one it gets."""
        inputs = data_inputs(node)
        takes = opdefs.input_dtypes(node, self._signatures) if inputs else None
        faults: dict[int, tuple[DTypeEnum, DTypeEnum]] = {}
        for index, (text, expected) in enumerate(zip(inputs, takes or (), strict=False)):
            source = split_input(text)
            producer = graph.get(source.name)
            gives = None if producer is None else self.outputs(producer)
            if not gives or source.port >= len(gives):
                continue
            actual = gives[source.port]
            if tensors.INVALID in (expected, actual):
                continue
            is_value = expected >= tensors.REF > actual
            if is_value or tensors.base_dtype(expected) != tensors.base_dtype(actual):
                faults[index] = (expected, actual)
        return faults


def _shapes(before: Graph, after: Graph, fed: list[str]) -> Iterator[tuple[str, str]]:
    """Each node whose inputs do not fit together since these placeholders have other shapes.

    The first one comes with the reason.
    """
    earlier = infer.contradictions(before)
    new = {name: why for name, why in infer.contradictions(after).items() if name not in earlier}
    if not new:
        return
    below = after.descendants(fed)
    names = [name for name in new if name in below]
    for name in names[:1]:  # of the others the name alone is said
        yield name, _why_shapes(before, after, fed, name, new[name])
    for name in names[1:]:
        yield name, ""


def _why_shapes(before: Graph, after: Graph, fed: list[str], name: str, why: str) -> str:
    shapes = infer.infer(before)
    sources = after.ancestors([name])
    causes = []
    for cause in [item for item in fed if item in sources][:_SHOWN]:
        is_now = tensors.shape_of(after.node(cause).attr["shape"].shape)
        fits = (shapes.get(cause) or [None])[0]
        causes.append(
            f"'{plain(cause)}' has shape {shape_text(is_now)} after this step, "
            f"{shape_text(fits)} fits"
        )
    op = after.node(name).op
    return f"the inputs of the {op} do not fit together ({why}): {'; '.join(causes)}"


def _declared(node: NodeDef) -> bytes:
    """The shape that a placeholder states, the only thing that its readers see of it."""
    shape = node.attr["shape"].shape if "shape" in node.attr else None
    kind = node.op if node.op in PLACEHOLDERS else f"{node.op} "
    return kind.encode() + (b"?" if shape is None else shape.SerializeToString(deterministic=True))
