"""Before and after as one picture or side by side, and how a selected node changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.analysis.node_errors import Blame
from inspector.errors import InspectorError
from inspector.ui.canvas.component import canvas
from inspector.ui.screens import linked_state
from inspector.ui.screens.linked_state import ONE_PICTURE, SHOWN, SIDE_BY_SIDE
from inspector.ui.screens.parting import node_differences
from inspector.ui.screens.quantising import target
from inspector.ui.session import state
from inspector.ui.session.state import COMPARE_VIEW
from inspector.ui.widgets import picture_export, tables, text
from inspector.view.canvas.content import CanvasContent
from inspector.view.canvas.events import CanvasEvent
from inspector.view.export.svg import MARKS
from inspector.view.layout import layout
from inspector.view.state import actions, error_overlay
from inspector.view.state.actions import ViewState
from inspector.view.state.union import (
    ADDED,
    CHANGED,
    REMOVED,
    RENAMED,
    Difference,
    difference_marks,
)
from inspector.view.tree.hierarchy import Hierarchy

_HEIGHT = 520
_NOT_HANDLED = ("output", "input", "back", "forward", "trace", "find")


@st.fragment
def board(result: state.Optimised) -> None:
    """The picture, and how the node that is selected last changed."""
    tree = result.both
    if (model := state.model()) is not None:
        linked_state.write(model, "compare")
    now: ViewState = st.session_state.setdefault(COMPARE_VIEW, actions.first(tree))
    row = st.container(horizontal=True, vertical_alignment="center")
    how = row.segmented_control(
        "Show",
        SHOWN,
        default=ONE_PICTURE,
        required=True,
        key="compare_how",
        label_visibility="collapsed",
    )
    difference = Difference.of(result.value["diff"])
    node_differences.receive(result)
    blamed = node_differences.blame(result)
    colour = _colour(blamed, row)
    try:
        picture = layout.picture_of(tree, now.opened, keep=now.last)
    except InspectorError as err:
        state.error(err)
        return
    names = [box.name for box in picture.visible.boxes]
    errors = node_differences.errors(blamed, difference, colour)
    content = CanvasContent(
        picture.layout,
        marks=_marks(tree, names, difference),
        heat=error_overlay.for_canvas(tree, names, errors) if colour else None,
        height=_HEIGHT,
        without=_NOT_HANDLED,
    )

    def handle_event(event: CanvasEvent) -> None:
        if event.do not in _NOT_HANDLED:
            st.session_state[COMPARE_VIEW] = actions.handle(
                tree, st.session_state[COMPARE_VIEW], event
            )

    with row.popover("Export the picture", icon=":material/download:", key="compare_export"):
        model = state.model()
        picture_export.buttons(
            tree,
            picture,
            f"{model.name if model else 'model'}_changes",
            "compare_export",
            partial(_marks, tree, difference=difference),
        )
    legend(difference, colour)
    _canvases(content, how, now.selected, handle_event)
    for name in now.selected[-1:]:
        _fate(result, name, difference)
    if model is not None:
        node_differences.section(model, result, difference, partial(_show, tree))


def _canvases(
    content: CanvasContent,
    how: str,
    selected: tuple[str, ...],
    handle_event: Callable[[CanvasEvent], None],
) -> None:
    """One canvas, or one for each side that shows the same part."""
    if how == SIDE_BY_SIDE:
        for column, title, key, hide in zip(
            st.columns(2), ("Before", "After"), ("before", "after"), (ADDED, REMOVED), strict=True
        ):
            with column:
                st.markdown(f"**{title}**")
                side = replace(content, group="compare", hide=hide)
                canvas(side, key=f"compare_{key}", selected=selected, on_event=handle_event)
    else:
        canvas(content, key="compare_both", selected=selected, on_event=handle_event)


def _show(tree: Hierarchy, name: str) -> None:
    """Bring a node into the picture, and select it."""
    now = st.session_state.get(COMPARE_VIEW) or actions.first(tree)
    st.session_state[COMPARE_VIEW] = actions.show(tree, now, [name])


def _colour(blamed: Blame | None, place: DeltaGenerator) -> str:
    """The error that colours the boxes, once it is known; empty for the kind of op."""
    figures = node_differences.figures(blamed)
    if not figures:
        return ""
    return place.selectbox(
        "Colour by",
        ["", *figures],
        index=1,
        key="compare_colour",
        label_visibility="collapsed",
        format_func=lambda key: str(error_overlay.LABELS.get(key, "Colour: op")),
        width=230,
    )


def _marks(tree: Hierarchy, names: list[str], difference: Difference) -> dict[str, list[str]]:
    marks = {name: list(own) for name, own in difference_marks(tree, names, difference).items()}
    for name in actions.drawn_names(tree, target.kept_nodes()):
        marks.setdefault(name, []).append("float")
    return marks


def _keep_in_float(result: state.Optimised, name: str) -> None:
    """A button for an operator of a TFLite result; the next run keeps it in float."""
    table = result.both.table
    node = table.get(name)
    if result.lite is None or node is None or table.op_of(node) not in result.lite["ops"]:
        return
    is_kept = name in target.kept_nodes()
    st.button(
        "Quantise again" if is_kept else "Keep in float",
        key="pick_float",
        icon=":material/close:" if is_kept else ":material/ac_unit:",
        help="Applies to the next run on the Optimise page",
        on_click=target.toggle_node,
        args=(name,),
    )


def legend(difference: Difference, colour: str) -> None:
    """A swatch and a count for each kind of change, and what else the picture shows."""
    rows = [
        ("+", MARKS[ADDED], "solid", f"added: {text.number(len(difference.added))}"),
        ("−", MARKS[REMOVED], "dashed", f"removed: {text.number(len(difference.removed))}"),
        (
            "≠",
            MARKS[CHANGED],
            "dotted",
            f"changed, or a scope with changes: {text.number(len(difference.changed))}",
        ),
        ("↦", MARKS[RENAMED], "solid", f"renamed: {text.number(len(difference.moved))}"),
    ]
    swatch = (
        '<i style="display: inline-block; width: 1.3em; height: 1.3em; border: 3px {2} {1}; '
        "border-radius: 4px; line-height: 0.95em; text-align: center; font-style: normal; "
        'margin-right: 0.4em">{0}</i>{3}'
    )
    items = [
        f'<span role="listitem" style="margin-right: 1.6em">{swatch.format(*row)}</span>'
        for row in rows
    ]
    label = "Legend of changes"
    st.html(f'<div role="list" aria-label="{label}" class="change-legend">{"".join(items)}</div>')
    fills = "errors, relative to the largest value" if colour else "the kind of op"
    st.caption(
        f"Fills show {fills}. Sizes are those of weights, before → after where they differ. "
        "Double-click opens and closes scopes."
    )


def _fate(result: state.Optimised, name: str, difference: Difference) -> None:
    """Whether a node was added, removed or changed, and by which step."""
    if name in difference.added:
        fate = "added"
    elif name in difference.removed:
        fate = "removed"
    elif name in difference.changed:
        fate = "changed"
    else:
        fate = "unchanged"
    before = difference.before(name)
    if before is not None:
        fate += f", matched by structure, formerly {text.escape(before)}"
    tables.name(name.removesuffix("/"))
    op = result.both.table.get(name)
    kind = "" if op is None else f"{text.escape(result.both.table.op_of(op))} · "
    st.caption(f"{kind}{fate}")
    _keep_in_float(result, name)
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
        item["fields"]
        for item in result.value["diff"]["nodes"]["changed"]
        if item.get("after", item["name"]) == name
    ]
    if rows:
        tables.table(rows)
    elif name in difference.removed or name in difference.changed:
        st.caption("Caused by freezing, not by a transform.")
    if fields:
        st.caption("Differs in " + text.escape(", ".join(fields[0]), 300))
