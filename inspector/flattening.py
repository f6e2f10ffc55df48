"""The part of a graph that some outputs need, its calls inlined, and bodies opened on the way.

An output may lie inside of a body: of a call, of a branch, of a loop, at any depth, under the name
that `inspector.unfolding` gives it. What it takes to compute it then stands in the main graph: a
branch is computed whatever the condition says, a loop's body once, on what the loop starts with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inspector.errors import FreezeError, InvalidGraph
from inspector.functions import Library
from inspector.graph import Graph
from inspector.inlining import MAX_NODES, inline
from inspector.protos import NodeDef, OpDef
from inspector.unfolding import BRANCH, LOOP, OTHER, parts, unfold

MAX_DEPTH = 500
"""Most bodies that are opened on the way to an output."""

_ENTERS, _EXITS = ("Enter", "RefEnter"), ("Exit", "RefExit")
_SAYS = {
    LOOP: "is inside of the loop '{owner}': it gives what the first turn of the loop computes",
    BRANCH: "is inside of a branch of '{owner}': it is computed whatever the condition says",
}


def flatten(
    graph: Graph, wanted: Sequence[str], more: Iterable[str], ops: Sequence[OpDef]
) -> tuple[Graph, list[str]]:
    """The nodes that the wanted ones need, without calls, and sentences on what that means.

    A wanted name that is nowhere is not in the graph that comes back either.

    Args:
        wanted: Node names, of the main graph or of bodies.
        more: Nodes of the main graph to keep too.
        ops: OpDefs of ops that the op list does not know.
    Raises: FreezeError (a body that runs once for each element), InvalidGraph (a function calls
        itself), CorruptModel, LimitExceeded.
    """
    library = Library(graph.library, ops)
    inside = [name for name in wanted if name not in graph]
    others = [name for name in (*wanted, *more) if name in graph]
    notes: dict[str, list[str]] = {name: [] for name in inside}
    flat, owners = graph, _owners(graph, inside, library)
    for _ in range(MAX_DEPTH):
        roots = [name if name in flat else owners.get(name) for name in inside]
        kept = [name for name in others if name in flat]
        flat = inline(flat, dict.fromkeys([*kept, *filter(None, roots)]), inside, ops)
        missing = [name for name in inside if name not in flat]
        owners = _owners(flat, missing, library)
        if not owners:
            break
        found = unfold(flat, ops, only=set(owners.values()), max_nodes=MAX_NODES)
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
        flat = found.graph.with_nodes(
            _argument(node) if node.name in found.functions and node.op == "_Arg" else node
            for node in found.graph
        )
        owners = _owners(flat, missing, library)
    return flat, [note for name in inside if name in flat for note in notes[name]]


def inside_frames(graph: Graph, names: Iterable[str]) -> dict[str, str]:
    """Of these nodes, those inside of a loop of TensorFlow 1, and an Exit of that loop.

    What hangs together when the edges into Enter and out of Exit are cut, and has a LoopCond, is
    the inside of a loop; no run can fetch it.
    """
    columns = graph.columns()
    if "LoopCond" not in columns.ops:
        return {}
    enters, exits = columns.of_ops(_ENTERS).tolist(), columns.of_ops(_EXITS).tolist()

    def readers(at: int) -> list[int]:
        return [reader for reader in columns.readers(at) if not enters[reader]]

    found: dict[int, str] = {}
    outside: set[int] = set()
    wanted = [columns.index[name] for name in dict.fromkeys(names) if name in columns.index]
    asked = set(wanted)
    for start in wanted:
        if start in outside or start in found:
            continue
        # What leaves a loop is inside of the loop around it, if there is one.
        left = exits[start]
        todo = readers(start) if left else [start]
        if left and outside.issuperset(todo):
            continue
        inside, ends, is_loop = set(todo), "", False
        while todo:
            at = todo.pop()
            is_loop |= columns.op_of(at) == "LoopCond"
            if exits[at]:
                ends = ends or columns.names[at]
            sources = [] if enters[at] else columns.sources(at)
            for other in (
                *(source for source in sources if source < len(columns) and not exits[source]),
                *([] if exits[at] else readers(at)),
            ):
                if other not in inside:
                    inside.add(other)
                    todo.append(other)
        if is_loop:
            found[start] = ends
            # One walk answers for all that lie in this loop; what leaves it is asked by itself.
            found.update((other, ends) for other in inside & asked if not exits[other])
        else:
            outside |= inside
    return {columns.names[at]: ends for at, ends in found.items()}


def _owners(graph: Graph, names: Iterable[str], library: Library) -> dict[str, str]:
    """For each name that is not in the graph, the innermost node around it that runs bodies."""
    found: dict[str, str] = {}
    for name in names:
        end = name.rfind("/")
        while end > 0:
            node = graph.get(name[:end])
            if node is not None and parts(node, library):
                found[name] = node.name
                break
            end = name.rfind("/", 0, end)
    return {name: owner for name, owner in found.items() if name not in graph}


def _kind(owner: NodeDef, library: Library, name: str) -> str:
    """What kind of body of its owner a name is inside of."""
    rest = name.removeprefix(owner.name + "/")
    found = parts(owner, library)
    labelled = [part for part in found if rest.startswith(part.label + "/")]
    return (labelled or found)[0].kind


def _argument(node: NodeDef) -> NodeDef:
    """An argument of a loop's body as what it is in the first turn."""
    if not node.input:
        raise InvalidGraph("graph", f"node '{node.name}'", "its body gets another number of inputs")
    made = NodeDef(name=node.name, op="Identity", input=node.input)
    made.attr["T"].type = node.attr["T"].type
    return made
