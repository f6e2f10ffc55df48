"""What a gesture on the canvas, or a link, does to what is seen: plain functions, no browser.

Names come from a browser: they are looked up in the hierarchy, and unknown ones do nothing.

Example:
    >>> state = ViewState(opened=start(tree))
    >>> state = act(tree, state, "expand", "conv2/")
    >>> state = show(tree, state, ["conv2/block1/Relu"])   # a search hit, inside of closed scopes
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from inspector.view.hierarchy import Hierarchy
from inspector.view.reach import TRACES
from inspector.view.search import SearchError, search
from inspector.view.starting import start
from inspector.view.visible import close_level, reveal, toggle, view_scopes

MAX_SELECTED = 500


@dataclass(frozen=True)
class ViewState:
    """What a person sees of one model; belongs into the session and, in short, into the URL.

    Args:
        opened: Scope ids.
        selected: Node names and scope ids, the one to show details of last.
        last: The scope opened or closed last; it is the last to close when room is short.
        outputs, inputs: Names of picked nodes, in the order they were picked.
        trace: What is lit beside the selection: one of `reach.TRACES`, or nothing.
    """

    opened: frozenset[str] = frozenset()
    selected: tuple[str, ...] = ()
    last: str = ""
    outputs: tuple[str, ...] = field(default=())
    inputs: tuple[str, ...] = field(default=())
    trace: str = ""


def select(tree: Hierarchy, state: ViewState, names: Iterable[object]) -> ViewState:
    """The state with these selected; unknown names are left out."""
    known = [name for name in _texts(names) if tree.item(name) is not None]
    return replace(state, selected=tuple(dict.fromkeys(known))[:MAX_SELECTED])


def act(tree: Hierarchy, state: ViewState, do: object, name: object) -> ViewState:
    """The state after ``expand``, ``collapse``, ``output`` or ``input`` of a name, or a trace.

    ``output`` and ``input`` add a node to the picks, or take it away again. ``trace`` has one of
    `reach.TRACES` for a name, or nothing.
    """
    if do == "trace":
        is_known = isinstance(name, str) and name in ("", *TRACES)
        return replace(state, trace=str(name)) if is_known else state
    if not isinstance(name, str) or tree.item(name) is None:
        return state
    if do in ("expand", "collapse") and name in tree.index:
        is_open = tree.index[name] in view_scopes(tree, state.opened)
        if is_open == (do == "collapse"):
            return replace(state, opened=toggle(tree, state.opened, name), last=name)
    elif do in ("output", "input") and name in tree.table.index:
        picks = state.outputs if do == "output" else state.inputs
        rest = tuple(other for other in picks if other != name)
        changed = rest if len(rest) < len(picks) else (*picks, name)
        if do == "output":
            return replace(state, outputs=changed)
        return replace(state, inputs=changed)
    return state


def show(tree: Hierarchy, state: ViewState, names: Iterable[object]) -> ViewState:
    """The state with these selected and every scope around them open."""
    state = select(tree, state, names)
    opened = state.opened
    for name in state.selected[:20]:
        item = tree.item(name)
        if item is not None:
            opened = reveal(tree, opened, item)
    return replace(state, opened=opened)


def find(tree: Hierarchy, state: ViewState, text: str) -> ViewState:
    """The state with the first hit of a search shown; from a hit, with the next one.

    A text that cannot be understood changes nothing; whoever shows the search says so.
    """
    try:
        hits = search(tree.table, text).nodes
    except SearchError:
        return state
    if not hits:
        return state
    names = [tree.table.names[node] for node in hits]
    last = state.selected[-1] if state.selected else ""
    after = names.index(last) + 1 if last in names else 0
    return show(tree, state, [names[after % len(names)]])


def first(tree: Hierarchy) -> ViewState:
    """What is seen of a model that was just opened."""
    return ViewState(opened=start(tree))


def open_level(tree: Hierarchy, state: ViewState) -> ViewState:
    """The state with every closed scope of the outermost level that has one opened."""
    level = [0]
    while level:
        inside = [~item for scope in level for item in tree.children[scope] if item < 0]
        inside = [scope for scope in inside if tree.kinds[scope] != "plumbing"]
        closed = [tree.names[scope] for scope in inside if tree.names[scope] not in state.opened]
        if closed:
            return replace(state, opened=state.opened | frozenset(closed), last="")
        level = inside
    return state


def shut_level(tree: Hierarchy, state: ViewState) -> ViewState:
    """The state with the innermost level of open scopes closed."""
    return replace(state, opened=close_level(tree, state.opened), last="")


def drawn_names(tree: Hierarchy, names: Iterable[str]) -> list[str]:
    """The boxes' names that stand for these nodes: a folded weight's is its reader's."""
    found = []
    for name in names:
        item = tree.item(name)
        if item is not None:
            found.append(tree.name(tree.drawn(item) if item >= 0 else item))
    return list(dict.fromkeys(found))


def _texts(names: Iterable[object]) -> list[str]:
    return [name for name in names if isinstance(name, str)]
