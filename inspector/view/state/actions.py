"""Actions on the view state, for gestures on the canvas and for links: pure functions.

Names come from a browser: they are looked up in the hierarchy, and unknown ones are ignored.

Example:
    >>> state = ViewState(opened=first_opened(tree))
    >>> state = act(tree, state, "expand", "conv2/")
    >>> state = show(tree, state, ["conv2/block1/Relu"])   # a search hit, inside of closed scopes
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from inspector.view.canvas.events import CanvasEvent
from inspector.view.layout.first_picture import first_opened
from inspector.view.state.reachability import TRACES
from inspector.view.state.visible import close_level, reveal, toggle, view_scopes
from inspector.view.table.search import SearchError, search
from inspector.view.tree.hierarchy import Hierarchy

MAX_SELECTED = 500


@dataclass(frozen=True)
class ViewState:
    """What the user has open, selected and picked of one model; kept in session and URL.

    Args:
        opened: Scope ids.
        selected: Node names and scope ids, the one to show details of last.
        last: The scope opened or closed last; it closes last when there are too many boxes.
        outputs, inputs: Names of picked nodes, in the order they were picked.
        trace: What is highlighted besides the selection: one of `TRACES`, or empty.
    """

    opened: frozenset[str] = frozenset()
    selected: tuple[str, ...] = ()
    last: str = ""
    outputs: tuple[str, ...] = field(default=())
    inputs: tuple[str, ...] = field(default=())
    trace: str = ""


def handle(tree: Hierarchy, state: ViewState, event: CanvasEvent) -> ViewState:
    """The state after something done on the canvas; ``back`` and ``forward`` are the host's."""
    if event.do == "select":
        return select(tree, state, event.names)
    if event.do == "deeper":
        return open_level(tree, state)
    if event.do == "shallower":
        return shut_level(tree, state)
    if event.do == "find":
        return find(tree, state, event.name)
    if event.do == "first":
        return replace(state, opened=first(tree).opened, last="")
    return act(tree, state, event.do, event.name)


def select(tree: Hierarchy, state: ViewState, names: Iterable[object]) -> ViewState:
    """The state with these selected, without unknown names."""
    selected = [name for name in _texts(names) if tree.item(name) is not None]
    return replace(state, selected=tuple(dict.fromkeys(selected))[:MAX_SELECTED])


def act(tree: Hierarchy, state: ViewState, do: object, name: object) -> ViewState:
    """The state after ``expand``, ``collapse``, ``output`` or ``input`` of a name, or a trace.

    ``output`` and ``input`` add a node to the picks, or remove it. ``trace`` takes one of `TRACES`
    for the name, or an empty one.
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

    A text with a syntax error changes nothing; the search box reports the error.
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
    """The state of a model that was just opened."""
    return ViewState(opened=first_opened(tree))


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
    """The names of the boxes of these nodes; a folded weight has that of its consumer."""
    drawn = []
    for name in names:
        item = tree.item(name)
        if item is not None:
            drawn.append(tree.name(tree.drawn(item) if item >= 0 else item))
    return list(dict.fromkeys(drawn))


def _texts(names: Iterable[object]) -> list[str]:
    return [name for name in names if isinstance(name, str)]
