"""The graph canvas: a laid out picture that a person can pan, zoom, walk by keyboard and click.

A component of `st.components.v2` in plain files: canvas.html, canvas.css and `SCRIPTS`. The browser
draws what `inspector.view.layout.layout` placed; selection, hover and zoom stay there. Python gets
a selection 120 ms after the click, and each other action (open, close, pick) exactly once, before
the page's script runs.

In a fragment, so that a click reruns nothing else:

    tree = Hierarchy.from_json(table, blob)                    # cached, shared by sessions
    state = st.session_state.setdefault("view", ViewState(opened=start(tree)))

    def handle_event(event: CanvasEvent) -> None:
        state = st.session_state["view"]
        if event.do == "select":
            st.session_state["view"] = actions.select(tree, state, event.names)
        else:
            st.session_state["view"] = actions.act(tree, state, event.do, event.name)

    picture = picture_of(tree, state.opened, keep=state.last)
    content = CanvasContent(picture.layout, marks=pick_marks(state.outputs, state.inputs))
    canvas(content, key="graph", selected=state.selected, on_event=handle_event)

To show a search hit, a widget's callback puts ``actions.show(tree, state, [name])`` into the
session: the canvas opens the scopes around it, selects it and scrolls to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import streamlit as st

from inspector.view.table.op_kinds import KINDS

HERE = Path(__file__).parent
SCRIPTS = HERE / "js"
MODULES = (
    "graph",
    "settings",
    "drawing",
    "viewport",
    "overview",
    "panels",
    "help",
    "toolbar",
    "outbox",
    "keyboard",
    "pointer",
    "canvas",
)
"""The modules of `SCRIPTS`, each after those that it imports."""

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./\w+\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default )", re.MULTILINE)
ACTIONS = (
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
"""Names of a selection, and actions of a message, that are read from a browser."""


@dataclass(frozen=True)
class CanvasEvent:
    """One thing a person did on the canvas. Names come from a browser: look them up.

    Args:
        do: ``select``, or one of `ACTIONS`.
        name: The node or scope of an action, the kind of a trace, or the text of a search.
        names: All names that are selected now; empty for an action.
    """

    do: str
    name: str = ""
    names: tuple[str, ...] = ()


def _style() -> str:
    kinds = "\n".join(f".k{place} {{ --k: {kind.color}; }}" for place, kind in enumerate(KINDS))
    return f"{(HERE / 'canvas.css').read_text(encoding='utf-8')}\n{kinds}\n"


def script() -> str:
    """The modules as one: Streamlit takes the text of one script, which cannot import files."""
    texts = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in MODULES]
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts)


_mount = st.components.v2.component(
    "inspector_canvas",
    html=(HERE / "canvas.html").read_text(encoding="utf-8"),
    css=_style(),
    js=script(),
)
_KINDS = [[kind.label, kind.color] for kind in KINDS]


@dataclass(frozen=True)
class CanvasContent:
    """What a canvas draws, and which actions its page handles.

    Args:
        layout: As `inspector.view.layout.layout.layout` returns it.
        marks: Node name to some of ``output``, ``input`` (badges), ``added``, ``removed``,
            ``changed``, ``hit`` (borders), ``dim``.
        heat: Box name to its strength, 0 to 1, and its text; colours the boxes.
        trace: The kind of trace from the selection; `marks` dim the other boxes.
        can: The possible ones of ``back`` and ``forward``.
        hide: A mark; boxes with this mark are hidden but keep their place.
        group: Canvases of one group show the same part at the same zoom.
        search: Key of the page's search field. Enter there is ``find``; ``/`` focuses it.
        without: Those of `ACTIONS` that the page does not handle; the canvas does not offer them.
        height: Pixels of the stage; None for the remaining height of the window.
    """

    layout: Mapping[str, Any]
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    heat: Mapping[str, Sequence[Any]] | None = None
    trace: str = ""
    can: Sequence[str] = ()
    hide: str = ""
    group: str = ""
    search: str = ""
    without: Sequence[str] = ()
    height: int | None = None

    def message(self) -> dict[str, Any]:
        """The JSON for the browser, without the options that are not set."""
        message = {"rev": self.layout["rev"], "graph": self.layout["packed"], "kinds": _KINDS}
        options = {
            "marks": {name: list(marks) for name, marks in self.marks.items()},
            "trace": self.trace,
            "can": list(self.can),
            "hide": self.hide,
            "group": self.group,
            "search": self.search,
            "without": list(self.without),
            "height": self.height,
        }
        message |= {name: option for name, option in options.items() if option}
        if self.heat is not None:
            message["heat"] = {name: list(pair) for name, pair in self.heat.items()}
        return message


@dataclass(frozen=True)
class _Exchange:
    """What one canvas and Python have told each other in this session."""

    selection: tuple[str, ...] = ()
    """The names selected in the browser, as far as Python knows."""
    page_selection: tuple[int, list[str]] | None = None
    """The last selection that the page made, with its number."""
    number: int = 0
    """Number of the last such selection."""
    handled: int = 0
    """Number of the last action that was handled."""


def canvas(
    content: CanvasContent,
    *,
    key: str,
    selected: Sequence[str] | None = None,
    on_event: Callable[[CanvasEvent], str | None] | None = None,
) -> CanvasEvent | None:
    """Draw a canvas and report what a person did on it since the last run.

    Args:
        key: The widget's key, also in ``st.session_state``.
        selected: The names that the page takes to be selected; the canvas follows where it shows
            others. None leaves the selection to the canvas.
        on_event: Called before the script runs, so that the new picture needs one run only. After a
            selection that changes nothing on this canvas it may return the key of the fragment to
            run in place of the canvas's own.
    Returns: The event of this run, for a page without ``on_event``; a selection comes back in
        every run until it changes.
    """
    memory = f"_{key}_exchange"
    is_new = key not in st.session_state
    exchange: _Exchange = st.session_state.setdefault(memory, _Exchange())
    selection = exchange.selection if selected is None else tuple(selected)
    if is_new or selection != exchange.selection:
        # After a page switch the canvas is a new one and has lost its selection and the message.
        number = exchange.number + 1
        message = (number, list(selection)) if selection or not is_new else None
        exchange = replace(exchange, selection=selection, page_selection=message, number=number)
        st.session_state[memory] = exchange
    data = content.message()
    if exchange.page_selection is not None:
        data["select"] = exchange.page_selection
    if exchange.handled:
        data["done"] = exchange.handled

    def update(**changes: Any) -> None:
        st.session_state[memory] = replace(st.session_state[memory], **changes)

    def handle_selection() -> None:
        event = _selection(st.session_state.get(key))
        if event is None:
            return
        update(selection=event.names)
        fragment = on_event(event) if on_event is not None else None
        if fragment and not _acts(st.session_state.get(key)):
            st.rerun(fragment)

    def handle_actions() -> None:
        for number, event in _acts(st.session_state.get(key)):
            # The browser repeats actions that a run of the page has not confirmed in time.
            if number > st.session_state[memory].handled:
                update(handled=number)
                if on_event is not None:
                    on_event(event)

    result = _mount(
        key=key, data=data, on_selected_change=handle_selection, on_act_change=handle_actions
    )
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
    """The selection that the browser sent; None for anything malformed."""
    value = _sent(state, "selected")
    names = value.get("names") if isinstance(value, Mapping) else value
    if not isinstance(names, list | tuple):
        return None
    return CanvasEvent(
        "select", names=tuple(name for name in names[:MAX_NAMES] if isinstance(name, str))
    )


def _acts(state: object) -> list[tuple[int, CanvasEvent]]:
    """The actions that the browser sent, with their numbers, without malformed ones."""
    value = _sent(state, "act")
    acts = value.get("acts") if isinstance(value, Mapping) else None
    events = []
    for act in acts[:MAX_NAMES] if isinstance(acts, list) else ():
        if not isinstance(act, Mapping):
            continue
        number, do, name = act.get("n"), act.get("do"), act.get("name")
        if type(number) is int and do in ACTIONS and isinstance(name, str):
            events.append((number, CanvasEvent(str(do), name=name)))
    return events


def _sent(state: object, name: str) -> object:
    """One value of the component: its state is a mapping, its result has attributes."""
    return state.get(name) if isinstance(state, Mapping) else getattr(state, name, None)
