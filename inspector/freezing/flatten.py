"""Prunes a graph to some outputs, with calls inlined and function bodies expanded as needed.

An output may be inside the body of a call, a branch or a loop, at any depth, under the name that
`inspector.graph.unfold` gives it. The nodes that compute it then move to the main graph: a branch
is computed whatever the condition is, a loop's body once, on the loop's initial values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.errors import FreezeError, InvalidGraph
from inspector.graph.functions import Library
from inspector.graph.graph import Graph
from inspector.graph.inline import MAX_NODES, inline
from inspector.graph.protos import NodeDef, OpDef
from inspector.graph.unfold import BRANCH, LOOP, OTHER, parts, unfold

MAX_DEPTH = 500
"""Nesting of bodies around an output, at most."""

_SAYS = {
    LOOP: "is inside of the loop '{owner}': it gives what the first turn of the loop computes",
    BRANCH: "is inside of a branch of '{owner}': it is computed whatever the condition says",
}


def flatten(
    graph: Graph, targets: Sequence[str], more: Iterable[str], ops: Sequence[OpDef]
) -> tuple[Graph, list[str]]:
    """The nodes that the targets need, without calls, and one sentence per target in a body.

    A target that does not exist is not in the returned graph.

    Args:
        targets: Node names, of the main graph or of bodies.
        more: Nodes of the main graph to keep as well.
        ops: OpDefs of ops that the op list does not know.
    Raises: FreezeError (a target in a body that runs once per element), InvalidGraph (a function
        calls itself), CorruptModel, LimitExceeded.
    """
    library = Library(graph.library, ops)
    inside = [name for name in targets if name not in graph]
    others = [name for name in (*targets, *more) if name in graph]
    notes: dict[str, list[str]] = {name: [] for name in inside}
    flat, owners = graph, _owners(graph, inside, library)
    for _ in range(MAX_DEPTH):
        roots = [name if name in flat else owners.get(name) for name in inside]
        outside = [name for name in others if name in flat]
        flat = inline(flat, dict.fromkeys([*outside, *filter(None, roots)]), inside, ops)
        missing = [name for name in inside if name not in flat]
        owners = _owners(flat, missing, library)
        if not owners:
            break
        unfolded = unfold(flat, ops, only=set(owners.values()), max_nodes=MAX_NODES)
        for name, owner in owners.items():
            kind = _kind(flat.node(owner), library, name)
            if kind == OTHER:
                runs = f"{flat.node(owner).op} '{owner}'"
                reason = (
                    f"it is inside of a function that {runs} runs as often as it likes: "
                    "only what calls, branches and loops run can be an output"
                )
                raise FreezeError("freeze", f"output '{name}'", reason)
            if kind in _SAYS:
                notes[name].append(f"'{name}' {_SAYS[kind].format(owner=owner)}.")
        flat = unfolded.graph.with_nodes(
            _argument(node) if node.name in unfolded.functions and node.op == "_Arg" else node
            for node in unfolded.graph
        )
        owners = _owners(flat, missing, library)
    return flat, [note for name in inside if name in flat for note in notes[name]]


def _owners(graph: Graph, names: Iterable[str], library: Library) -> dict[str, str]:
    """Each name that is not in the graph to the innermost node whose body may contain it."""
    owners: dict[str, str] = {}
    for name in names:
        end = name.rfind("/")
        while end > 0:
            node = graph.get(name[:end])
            if node is not None and parts(node, library):
                owners[name] = node.name
                break
            end = name.rfind("/", 0, end)
    return {name: owner for name, owner in owners.items() if name not in graph}


def _kind(owner: NodeDef, library: Library, name: str) -> str:
    """The kind of the owner's body that contains a name."""
    rest = name.removeprefix(owner.name + "/")
    bodies = parts(owner, library)
    labelled = [part for part in bodies if rest.startswith(part.label + "/")]
    return (labelled or bodies)[0].kind


def _argument(node: NodeDef) -> NodeDef:
    """An Identity of the loop's initial value, for an argument of its body."""
    if not node.input:
        raise InvalidGraph("graph", f"node '{node.name}'", "its body gets another number of inputs")
    identity = NodeDef(name=node.name, op="Identity", input=node.input)
    identity.attr["T"].type = node.attr["T"].type
    return identity
