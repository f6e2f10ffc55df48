"""Before and after as a picture: both in one, or side by side in step; what became of a node."""

from __future__ import annotations

from typing import Any

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui import shown, state, text
from inspector.ui.canvas import CanvasEvent, canvas
from inspector.ui.picture import handle
from inspector.view import actions, layout
from inspector.view.actions import ViewState
from inspector.view.union import ADDED, REMOVED, Difference, difference_marks

ONE, BESIDE = "One picture", "Side by side"
_VIEW = "compare_view"
_HEIGHT = 520
_UNHEARD = ("output", "input", "back", "forward", "trace", "find")


@st.fragment
def board(result: state.Optimised) -> None:
    """The picture, and what is known of the node that is selected."""
    tree = result.both
    now: ViewState = st.session_state.setdefault(_VIEW, actions.first(tree))
    how = st.segmented_control(
        "Show", [ONE, BESIDE], default=ONE, key="compare_how", label_visibility="collapsed"
    )
    try:
        picture = layout.picture_of(tree, now.opened, keep=now.last)
    except InspectorError as err:
        state.error(err)
        return
    difference = Difference.of(result.value["diff"]["nodes"])
    names = [box.name for box in picture.visible.boxes]
    options: dict[str, Any] = {
        "selected": now.selected,
        "marks": difference_marks(tree, names, difference),
        "height": _HEIGHT,
        "without": _UNHEARD,
        "on_event": lambda event: _heard(result, event),
    }
    st.caption(
        "Borders: green with + is added, red and dashed with − is removed, amber and dotted with ≠ "
        "holds a change. "
        "Double-click opens and closes scopes."
    )
    if how == BESIDE:
        options["group"] = "compare"
        for column, title, key, hide in zip(
            st.columns(2), ("Before", "After"), ("before", "after"), (ADDED, REMOVED), strict=True
        ):
            with column:
                st.markdown(f"**{title}**")
                canvas(picture.layout, key=f"compare_{key}", hide=hide, **options)
    else:
        canvas(picture.layout, key="compare_both", **options)
    for name in now.selected[-1:]:
        _fate(result, name, difference)


def _heard(result: state.Optimised, event: CanvasEvent) -> None:
    if event.do in _UNHEARD:
        return
    st.session_state[_VIEW] = handle(result.both, st.session_state[_VIEW], event)


def _fate(result: state.Optimised, name: str, difference: Difference) -> None:
    """What became of a node, and by which step."""
    if name in difference.added:
        fate = "added"
    elif name in difference.removed:
        fate = "removed"
    elif name in difference.changed:
        fate = "changed"
    else:
        fate = "as before"
    shown.name(name.removesuffix("/"))
    op = result.both.table.get(name)
    kind = "" if op is None else f"{text.escape(result.both.table.op_of(op))} · "
    st.caption(f"{kind}{fate}")
    rows = [
        {
            "step": f"{number}. {step['name']}",
            "what": change["kind"],
            "rule": change["rule"],
            "from": ", ".join(change["sources"]),
        }
        for number, step in enumerate(result.value["steps"], 1)
        for change in step["changed"]
        if change["name"] == name and not step["rolled_back"]
    ]
    fields = [
        item["fields"] for item in result.value["diff"]["nodes"]["changed"] if item["name"] == name
    ]
    if rows:
        shown.table(rows)
    elif fate in ("removed", "changed"):
        st.caption("Freezing did this: no transform names the node.")
    if fields:
        st.caption("Differs in " + text.escape(", ".join(fields[0]), 300))
