"""Below the picture of Compare: the first node that differs, and the errors of all, as a table.

A click on a row shows the node in the picture, whose boxes can have the colours of the errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, cast

import pandas as pd
import streamlit as st

from inspector.analysis.node_errors import TOLERANCE, Blame, NodeError, step_of
from inspector.analysis.tensor_errors import TensorError
from inspector.jobs.client.blaming import PART_BYTES
from inspector.measurement.json_types import BlameJson
from inspector.ui.screens import predict, tflite
from inspector.ui.screens.output_comparison import OPTIMISED, kind_of, request
from inspector.ui.session import job_status, results, state
from inspector.ui.widgets import tables, text
from inspector.view.state import error_overlay
from inspector.view.state.union import Difference

SLOT, KIND = "blame", "blame"
ANSWER = state.OF_MODEL + "blame"
MAX_ROWS = 1000
_NOT_FINITE, _OTHER_SHAPE = "NaN or infinity", "other shape"


def section(
    model: state.OpenModel,
    result: state.Optimised,
    difference: Difference,
    show: Callable[[str], None],
) -> None:
    """The button that compares all nodes, then what it found.

    Args:
        show: Shows a node of the picture.
    """
    st.subheader("Where the outputs diverge")
    st.button(
        "Compare every node",
        key="blame_start",
        icon=":material/troubleshoot:",
        on_click=start,
        args=(model, result),
        help="Runs both models on the same rows and compares the values of paired nodes",
        disabled=bool(tflite.cannot_run(model)),
    )
    job_status.show(SLOT, stop=False)
    if (blamed := blame(result)) is not None:
        _first(blamed, difference, show)
        _table(blamed, difference, show)


def receive(result: state.Optimised) -> None:
    """Store the answer of a job that has finished."""
    if (answer := job_status.finished(SLOT)) is not None:
        adopt(result, answer.value)
        results.keep_measurement(result, SLOT, KIND, KIND, answer.value)


def start(model: state.OpenModel, result: state.Optimised) -> None:
    """Start to compare the nodes of the model as opened and optimised."""
    spec, blobs = predict.default_feeds(model)
    args = {
        **request(model, result, [OPTIMISED]),
        "feeds": spec,
        "batch": None,
        "tolerance": TOLERANCE,
        "part_bytes": PART_BYTES,
        "every": True,
    }
    st.session_state.pop(ANSWER, None)
    kind = kind_of(model, KIND)
    job_status.start(SLOT, kind, args, model.source, "Comparing nodes", blobs=blobs)


def adopt(result: state.Optimised, value: dict[str, Any]) -> None:
    """Show a comparison of this result."""
    answer = cast("BlameJson", value)
    blamed = Blame.from_dict(answer, step_of(result.value["steps"], answer))
    st.session_state[ANSWER] = (str(result.folder), blamed)


def blame(result: state.Optimised) -> Blame | None:
    """The comparison of this result; None before it was made."""
    stored = st.session_state.get(ANSWER)
    return stored[1] if stored is not None and stored[0] == str(result.folder) else None


def errors(blamed: Blame | None, difference: Difference, figure: str) -> dict[str, float]:
    """Node of the picture to its error; empty before the comparison.

    Args:
        figure: A key of `error_overlay.LABELS`.
    """
    values: dict[str, float] = {}
    for item in [] if blamed is None else blamed.nodes:
        error = item.local if figure == error_overlay.LOCAL else item.accumulated
        if error is not None:
            values[shown_name(item, difference)] = relative(error)
    return values


def figures(blamed: Blame | None) -> list[str]:
    """The keys of `error_overlay.LABELS` that the picture can show."""
    if blamed is None:
        return []
    is_local = any(item.local is not None for item in blamed.nodes)
    return [figure for figure in error_overlay.LABELS if is_local or figure != error_overlay.LOCAL]


def relative(error: TensorError) -> float:
    """The error by the largest value; infinite for what is no number or has another shape."""
    return math.inf if error.not_finite else error.max_rel


def shown_name(item: NodeError, difference: Difference) -> str:
    """The name of a pair in the picture of both graphs: that of the second."""
    return difference.renamed.get(item.before, item.after)


def _first(blamed: Blame, difference: Difference, show: Callable[[str], None]) -> None:
    """The node to blame as sentences, and a button that shows it."""
    if blamed.first is None:
        st.success("No node differs by more than rounding.", icon=":material/check:")
    else:
        first = blamed.first
        error = first.accumulated if first.local is None else first.local
        what = _note(error) or f"by {100 * error.max_rel:.2g} % of its largest value"
        causes = "; ".join(
            f"{text.escape(name)}: {text.escape(', '.join(fields))}"
            for name, fields in list(blamed.causes.items())[:5]
        )
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(
            f"**{text.escape(first.before)}** ({text.escape(first.op)}) is the first node that "
            f"differs by itself: {what}."
            + (f" The step: {text.escape(blamed.step)}." if blamed.step else "")
            + (f" What differs there: {causes}." if causes else "")
        )
        row.button(
            "Show it",
            key="blame_show",
            icon=":material/my_location:",
            on_click=show,
            args=(shown_name(first, difference),),
        )
    if blamed.first_not_finite is not None:
        name = text.escape(blamed.first_not_finite.before)
        st.warning(f"The first NaN or infinity is in **{name}**.", icon=":material/warning:")


def _table(blamed: Blame, difference: Difference, show: Callable[[str], None]) -> None:
    order = sorted(enumerate(blamed.nodes, 1), key=lambda row: _rank(row[1]))[:MAX_ROWS]
    nodes = [item for _, item in order]
    frame = pd.DataFrame([{"place": place, **_row(item)} for place, item in order])
    if "note" in frame and not frame["note"].any():
        frame = frame.drop(columns="note")
    number = st.column_config.NumberColumn
    tables.selectable(
        frame,
        key="blame_nodes",
        on_select=lambda row: show(shown_name(nodes[row], difference)),
        columns={
            "place": number(width="small", help="In the order in which A computes its nodes"),
            "alone": number(format="%.2g", help="Of B's node alone, fed what A's nodes give"),
            "in the run": number(format="%.2g", help="Of both models run as a whole"),
        },
    )
    line = "Errors are relative to the largest value of A. Click a title to sort, a row to show it."
    if len(blamed.nodes) > len(nodes):
        line += f" The largest {text.number(MAX_ROWS)} of {text.count(len(blamed.nodes), 'node')}."
    if blamed.not_compared:
        line += f" {text.count(len(blamed.not_compared), 'node')} could not be compared."
    st.caption(line)


def _rank(item: NodeError) -> tuple[bool, float]:
    """The node that differs most by itself first; behind these, those that cannot run alone."""
    return item.local is None, -relative(item.local or item.accumulated)


def _row(item: NodeError) -> dict[str, Any]:
    return {
        "node": text.shorten(item.before),
        "op": item.op,
        "alone": None if item.local is None else _finite(item.local),
        "in the run": _finite(item.accumulated),
        "note": _note(item.accumulated),
        "paired with": "" if item.before == item.after else text.shorten(item.after),
        "paired by": item.by,
    }


def _finite(error: TensorError) -> float | None:
    return error.max_rel if math.isfinite(error.max_rel) else None


def _note(error: TensorError) -> str:
    if error.not_finite:
        return _NOT_FINITE
    return "" if math.isfinite(error.max_abs) else _OTHER_SHAPE
