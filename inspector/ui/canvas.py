"""The graph canvas: a laid out picture that can be moved, zoomed, walked and clicked.

A component of `st.components.v2` in plain files: canvas.html, canvas.css, canvas_draw.js and
canvas.js. The browser draws what `inspector.view.layout` placed; selection, hover and zoom stay
there. Python hears of a selection (120 ms after the click) and of what is to be opened, closed or
picked, each once, before the page's script runs.

A page in a fragment, so that a click reruns nothing else:

    tree = Hierarchy.from_json(table, blob)                    # cached, shared by sessions
    state = st.session_state.setdefault("view", ViewState(opened=start(tree)))

    def heard(event: CanvasEvent) -> None:
        state = st.session_state["view"]
        if event.do == "select":
            st.session_state["view"] = actions.select(tree, state, event.names)
        else:
            st.session_state["view"] = actions.act(tree, state, event.do, event.name)

    picture = picture_of(tree, state.opened, keep=state.last)
    canvas(picture.layout, key="graph", selected=state.selected, on_event=heard,
           marks=pick_marks(state.outputs, state.inputs))

To show a search hit, a widget's callback puts ``actions.show(tree, state, [name])`` into the
session: the canvas opens what is around it, selects it and brings it into sight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from inspector.view.kinds import KINDS

HERE = Path(__file__).parent
DOINGS = ("expand", "collapse", "output", "input")
MAX_NAMES = 500


@dataclass(frozen=True)
class CanvasEvent:
    """One thing a person did on the canvas. Names come from a browser: look them up.

    Args:
        do: ``select``, or one of `DOINGS`.
        name: The node or scope of the latter; empty for ``select``.
        names: What is selected now; empty for the latter.
    """

    do: str
    name: str = ""
    names: tuple[str, ...] = ()


def _style() -> str:
    kinds = "\n".join(f".k{place} {{ --k: {kind.color}; }}" for place, kind in enumerate(KINDS))
    return f"{(HERE / 'canvas.css').read_text(encoding='utf-8')}\n{kinds}\n"


def _script() -> str:
    parts = [(HERE / name).read_text(encoding="utf-8") for name in ("canvas_draw.js", "canvas.js")]
    return "\n".join(parts)


_mount = st.components.v2.component(
    "inspector_canvas",
    html=(HERE / "canvas.html").read_text(encoding="utf-8"),
    css=_style(),
    js=_script(),
)
_KINDS = [[kind.label, kind.color] for kind in KINDS]


def canvas(
    layout: Mapping[str, Any],
    *,
    key: str,
    selected: Sequence[str] | None = None,
    marks: Mapping[str, Sequence[str]] | None = None,
    height: int | None = None,
    on_event: Callable[[CanvasEvent], None] | None = None,
) -> CanvasEvent | None:
    """Show a layout; tell what was done on it since the last run.

    Args:
        layout: As `inspector.view.layout.layout` gives it.
        key: The widget's key, also of ``st.session_state``.
        selected: What the page takes to be selected. Where that is not what the canvas shows, the
            canvas follows. None leaves it to the canvas.
        marks: Node name to some of ``output``, ``input`` (badges), ``added``, ``removed``,
            ``changed`` (borders), ``dim``.
        height: Pixels of the stage; None for the height that the window leaves.
        on_event: Called before the script runs, so that the new picture needs one run only.
    Returns: The event of this run, for a page without ``on_event``; a selection comes back in
        every run until it changes.
    """
    memory = f"_{key}_shown"
    is_new = key not in st.session_state
    shown: dict[str, Any] = st.session_state.setdefault(memory, {"names": (), "told": None, "n": 0})
    wanted = shown["names"] if selected is None else tuple(selected)
    if is_new or wanted != shown["names"]:
        # A canvas that comes back after a page switch has forgotten; so has the old message.
        number = shown["n"] + 1
        told = [number, list(wanted)] if wanted or not is_new else None
        st.session_state[memory] = {"names": wanted, "told": told, "n": number}
    data: dict[str, Any] = {"rev": layout["rev"], "graph": layout["graph"], "kinds": _KINDS}
    if marks:
        data["marks"] = {name: list(found) for name, found in marks.items()}
    if height:
        data["height"] = height
    if st.session_state[memory]["told"]:
        data["select"] = st.session_state[memory]["told"]

    def heard(name: str) -> None:
        event = _event(st.session_state.get(key), name)
        if event is None:
            return
        if event.do == "select":
            st.session_state[memory] |= {"names": event.names}
        if on_event is not None:
            on_event(event)

    result = _mount(
        key=key,
        data=data,
        on_selected_change=lambda: heard("selected"),
        on_act_change=lambda: heard("act"),
    )
    return _event(result, "act") or _event(result, "selected")


def pick_marks(outputs: Iterable[str], inputs: Iterable[str] = ()) -> dict[str, list[str]]:
    """The marks of picked nodes, for `canvas`."""
    marks: dict[str, list[str]] = {}
    for word, names in (("output", outputs), ("input", inputs)):
        for name in names:
            marks.setdefault(name, []).append(word)
    return marks


def _event(state: object, name: str) -> CanvasEvent | None:
    """Read what the browser sent; anything unexpected is nothing."""
    value = state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
    if name == "selected":
        names = value.get("names") if isinstance(value, Mapping) else value
        if not isinstance(names, list | tuple):
            return None
        texts = [text for text in names[:MAX_NAMES] if isinstance(text, str)]
        return CanvasEvent("select", names=tuple(texts))
    if not isinstance(value, Mapping):
        return None
    do, target = value.get("do"), value.get("name")
    if do not in DOINGS or not isinstance(target, str):
        return None
    return CanvasEvent(str(do), name=target)
