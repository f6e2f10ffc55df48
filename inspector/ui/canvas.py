"""The graph canvas: a laid out picture that can be moved, zoomed, walked and clicked.

A component of `st.components.v2` in plain files: canvas.html, canvas.css and `SCRIPTS`. The browser
draws what `inspector.view.layout` placed; selection, hover and zoom stay there. Python hears of a
selection (120 ms after the click) and of what is to be opened, closed or picked, each once, before
the page's script runs.

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
SCRIPTS = (
    "canvas_unpack.js",
    "canvas_draw.js",
    "canvas_view.js",
    "canvas_keys.js",
    "canvas.js",
)
"""One module in the browser, in this order."""
DOINGS = (
    "expand",
    "collapse",
    "output",
    "input",
    "trace",
    "back",
    "forward",
    "deeper",
    "shallower",
    "first",
    "find",
)
MAX_NAMES = 500


@dataclass(frozen=True)
class CanvasEvent:
    """One thing a person did on the canvas. Names come from a browser: look them up.

    Args:
        do: ``select``, or one of `DOINGS`.
        name: The node or scope of the latter, the kind of a trace, what is typed into the search.
        names: What is selected now; empty for the latter.
    """

    do: str
    name: str = ""
    names: tuple[str, ...] = ()


def _style() -> str:
    kinds = "\n".join(f".k{place} {{ --k: {kind.color}; }}" for place, kind in enumerate(KINDS))
    return f"{(HERE / 'canvas.css').read_text(encoding='utf-8')}\n{kinds}\n"


def _script() -> str:
    return "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)


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
    heat: Mapping[str, Sequence[Any]] | None = None,
    trace: str = "",
    can: Sequence[str] = (),
    hide: str = "",
    group: str = "",
    search: str = "",
    without: Sequence[str] = (),
    height: int | None = None,
    on_event: Callable[[CanvasEvent], str | None] | None = None,
) -> CanvasEvent | None:
    """Show a layout; tell what was done on it since the last run.

    Args:
        layout: As `inspector.view.layout.layout` gives it.
        key: The widget's key, also of ``st.session_state``.
        selected: What the page takes to be selected. Where that is not what the canvas shows, the
            canvas follows. None leaves it to the canvas.
        marks: Node name to some of ``output``, ``input`` (badges), ``added``, ``removed``,
            ``changed``, ``hit`` (borders), ``dim``.
        heat: Box name to its strength, 0 to 1, and what to say of it; colours boxes by it.
        trace: What is traced from the selection; `marks` dim the rest.
        can: Which of ``back`` and ``forward`` there are.
        hide: A mark; boxes that wear it keep their place and are not seen.
        group: Canvases of one group show the same part at the same size.
        search: Key of a text input of the page; Enter there is ``find``, and ``/`` goes there.
        without: Those of `DOINGS` that the page does not hear of; the canvas does not offer them.
        height: Pixels of the stage; None for the height that the window leaves.
        on_event: Called before the script runs, so that the new picture needs one run only. After a
            selection that changes nothing of what this canvas shows it may give the key of the
            fragment that is to run in place of the canvas's own.
    Returns: The event of this run, for a page without ``on_event``; a selection comes back in
        every run until it changes.
    """
    memory = f"_{key}_shown"
    is_new = key not in st.session_state
    start = {"names": (), "told": None, "n": 0, "done": 0}
    shown: dict[str, Any] = st.session_state.setdefault(memory, start)
    wanted = shown["names"] if selected is None else tuple(selected)
    if is_new or wanted != shown["names"]:
        # A canvas that comes back after a page switch has forgotten; so has the old message.
        number = shown["n"] + 1
        told = [number, list(wanted)] if wanted or not is_new else None
        st.session_state[memory] |= {"names": wanted, "told": told, "n": number}
    data: dict[str, Any] = {"rev": layout["rev"], "graph": layout["packed"], "kinds": _KINDS}
    if marks:
        data["marks"] = {name: list(found) for name, found in marks.items()}
    if heat is not None:
        data["heat"] = {name: list(found) for name, found in heat.items()}
    if trace:
        data["trace"] = trace
    if can:
        data["can"] = list(can)
    if hide:
        data["hide"] = hide
    if group:
        data["group"] = group
    if search:
        data["search"] = search
    if without:
        data["without"] = list(without)
    if height:
        data["height"] = height
    if st.session_state[memory]["told"]:
        data["select"] = st.session_state[memory]["told"]
    if st.session_state[memory]["done"]:
        data["done"] = st.session_state[memory]["done"]

    def selected_changed() -> None:
        event = _selection(st.session_state.get(key))
        if event is None:
            return
        st.session_state[memory] |= {"names": event.names}
        instead = on_event(event) if on_event is not None else None
        if instead and not _acts(st.session_state.get(key)):
            st.rerun(instead)

    def acted() -> None:
        for number, event in _acts(st.session_state.get(key)):
            # What a run of the page has not answered in time comes again with what follows it.
            if number > st.session_state[memory]["done"]:
                st.session_state[memory] |= {"done": number}
                if on_event is not None:
                    on_event(event)

    result = _mount(key=key, data=data, on_selected_change=selected_changed, on_act_change=acted)
    acts = _acts(result)
    return acts[-1][1] if acts else _selection(result)


def pick_marks(outputs: Iterable[str], inputs: Iterable[str] = ()) -> dict[str, list[str]]:
    """The marks of picked nodes, for `canvas`."""
    marks: dict[str, list[str]] = {}
    for word, names in (("output", outputs), ("input", inputs)):
        for name in names:
            marks.setdefault(name, []).append(word)
    return marks


def _selection(state: object) -> CanvasEvent | None:
    """What the browser says is selected; anything unexpected is nothing."""
    value = _sent(state, "selected")
    names = value.get("names") if isinstance(value, Mapping) else value
    if not isinstance(names, list | tuple):
        return None
    return CanvasEvent(
        "select", names=tuple(text for text in names[:MAX_NAMES] if isinstance(text, str))
    )


def _acts(state: object) -> list[tuple[int, CanvasEvent]]:
    """What was done, numbered in order; anything unexpected is left out."""
    value = _sent(state, "act")
    acts = value.get("acts") if isinstance(value, Mapping) else None
    found = []
    for act in acts[:MAX_NAMES] if isinstance(acts, list) else ():
        number, do, name = (
            (act.get("n"), act.get("do"), act.get("name"))
            if isinstance(act, Mapping)
            else (None, None, None)
        )
        if type(number) is int and do in DOINGS and isinstance(name, str):
            found.append((number, CanvasEvent(str(do), name=name)))
    return found


def _sent(state: object, name: str) -> object:
    return state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
