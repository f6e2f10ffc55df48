"""Whether two graphs are the same, or compute the same from the same ops.

Taking out an Identity, renaming or merging nodes changes no arithmetic: each output is computed by
the same ops, with the same attributes, from the same constants and feeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

from inspector.errors import InspectorError
from inspector.graph import opdefs
from inspector.graph.graph import Graph, split_input
from inspector.graph.op_sets import NEXT_ITERATIONS, PLACEHOLDERS
from inspector.graph.protos import NodeDef

_HAND_ON = frozenset(
    {"Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics", "Snapshot"}
)


def has_same_nodes(a: Graph, b: Graph) -> bool:
    """Whether two graphs have the same nodes and functions, in whatever order."""
    if a is b:
        return True
    if len(a) != len(b) or (a.library is not b.library and a.library != b.library):
        return False
    for node in b:
        other = a.get(node.name)
        if other is not node and other != node:
            return False
    return True


def has_same_arithmetic(
    a: Graph, b: Graph, outputs: Iterable[str], fed: Iterable[str] = ()
) -> bool:
    """Whether the outputs are computed by the same ops in both graphs; False where unsure.

    Args:
        outputs, fed: Node or tensor names. What computes a fed tensor does not matter.
    """
    if a.library is not b.library and a.library != b.library:
        return False
    numbers: dict[object, int] = {}
    names, feeds = list(outputs), {split_input(name).name for name in fed}
    try:
        return _numbered(a, names, feeds, numbers) == _numbered(b, names, feeds, numbers)
    except InspectorError:
        return False


def _numbered(
    graph: Graph, outputs: Iterable[str], fed: Set[str], numbers: dict[object, int]
) -> list[object]:
    """For each output the number of what computes it; equal numbers for equal computations.

    Args:
        numbers: Computation to number, over both graphs.
    """
    ends = [split_input(name) for name in outputs]
    needed = graph.ancestors((end.name for end in ends), fed)
    loops = {node.name for node in graph if node.op in NEXT_ITERATIONS}
    tensors: dict[tuple[str, int], object] = {}

    def read(text: str) -> object:
        source = split_input(text)
        if source.name in loops:  # comes later in the order
            return ("loop", source.name)
        key = (source.name, source.port)
        return tensors.get(key, (tensors.get((source.name, -1)), source.port))

    for node in graph.sorted():
        if node.name not in needed:
            continue
        if node.name in fed:
            tensors[node.name, -1] = ("fed", node.name)
            continue
        inputs = [read(text) for text in node.input if not text.startswith("^")]
        if node.op in _HAND_ON and inputs:
            tensors.update({(node.name, port): value for port, value in enumerate(inputs)})
            continue
        key = (node.op, _attributes(node), tuple(inputs), _own_name(node))
        tensors[node.name, -1] = numbers.setdefault(key, len(numbers))
    back = [(name, tensors.get((name, -1))) for name in sorted(loops & needed)]
    return [*(read(f"{end.name}:{end.port}") for end in ends), *back]


def _own_name(node: NodeDef) -> str:
    """The name of a node that is more than its op, attributes and inputs: a feed, or state."""
    return node.name if node.op in PLACEHOLDERS or opdefs.is_stateful(node.op) else ""


def _attributes(node: NodeDef) -> tuple[tuple[str, bytes], ...]:
    """The attributes that matter to the kernel, without those at their default."""
    defaults: Mapping[str, object] = opdefs.defaults(node.op)
    return tuple(
        (key, node.attr[key].SerializeToString(deterministic=True))
        for key in sorted(node.attr)
        if not key.startswith("_") and node.attr[key] != defaults.get(key)
    )
