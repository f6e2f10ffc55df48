"""The view state as parameters of a URL, so that a link shows the same picture.

They hold the differences from the initial view. Scopes are written by their ids; where that would
be too long, by their numbers in the tree, which are valid for the same file only.

Example:
    >>> to_params(tree, state)
    {'node': ['conv2/Relu'], 'open': ['conv2/'], 'out': ['probs']}
    >>> from_params(tree, {"node": ["conv2/Relu"]})
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from inspector.view.layout.first_picture import first_opened
from inspector.view.state.actions import MAX_SELECTED, ViewState, select
from inspector.view.state.reachability import TRACES
from inspector.view.state.visible import view_scopes
from inspector.view.tree.hierarchy import Hierarchy

MAX_TEXT = 1500
"""Longest list of scope ids in an address; browsers and proxies take a few thousand characters."""
MAX_NAME = 400
"""Longest name of a node that goes into an address."""
KEYS = ("node", "open", "shut", "scopes", "out", "in", "trace")


def to_params(tree: Hierarchy, state: ViewState) -> dict[str, list[str]]:
    """The address parameters of a state; empty lists are left out."""
    first, now = _open_names(tree, first_opened(tree)), _open_names(tree, state.opened)
    params = {
        "node": _short(state.selected)[-20:],
        "open": sorted(now - first),
        "shut": sorted(_outermost(tree, first - now)),
        "scopes": [],
        "out": _short(state.outputs),
        "in": _short(state.inputs),
        "trace": [state.trace] if state.trace else [],
    }
    if sum(map(len, (*params["open"], *params["shut"]))) > MAX_TEXT:
        numbers = {scope: number for number, scope in enumerate(tree.order)}
        opened = sorted(numbers[tree.index[name]] for name in now)
        params |= {"open": [], "shut": [], "scopes": [".".join(map(_base36, opened))]}
    return {key: values for key, values in params.items() if values}


def from_params(tree: Hierarchy, params: Mapping[str, Sequence[str]]) -> ViewState:
    """The state of URL parameters; ignores names that the model does not have."""
    opened = set(first_opened(tree))
    if params.get("scopes"):
        opened = {
            tree.names[tree.order[number]]
            for number in map(_number, params["scopes"][0].split("."))
            if 0 < number < len(tree.order)
        }
    for name in params.get("open", ()):
        if name in tree.index:
            opened |= {tree.names[scope] for scope in tree.path(~tree.index[name])} | {name}
    opened -= set(params.get("shut", ()))
    nodes = tree.table.index
    trace = next(iter(params.get("trace", ())), "")
    state = ViewState(
        opened=frozenset(opened),
        outputs=tuple(name for name in params.get("out", ()) if tree.table.get(name) is not None),
        inputs=tuple(name for name in params.get("in", ()) if name in nodes),
        trace=trace if trace in TRACES else "",
    )
    return select(tree, state, params.get("node", ())[:MAX_SELECTED])


def _open_names(tree: Hierarchy, opened: Iterable[str]) -> set[str]:
    return {tree.names[scope] for scope in view_scopes(tree, opened)}


def _outermost(tree: Hierarchy, names: set[str]) -> set[str]:
    """Without the scopes that close because one around them does."""
    return {
        name
        for name in names
        if not any(tree.names[scope] in names for scope in tree.path(~tree.index[name]))
    }


def _short(names: Iterable[str]) -> list[str]:
    return [name for name in names if len(name) <= MAX_NAME]


def _base36(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    text = ""
    while number or not text:
        number, digit = divmod(number, 36)
        text = digits[digit] + text
    return text


def _number(text: str) -> int:
    try:
        return int(text[:8], 36)
    except ValueError:
        return -1
