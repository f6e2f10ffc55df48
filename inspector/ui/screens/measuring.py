"""Measured time per node: a job runs the model several times and times each node.

It runs as on the Predict page: frozen to the picked outputs, on a sample's own rows or on random
ones. Operators of a TFLite model run one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import streamlit as st

from inspector.measurement.json_types import ProfileJson
from inspector.measurement.node_times import (
    PROFILE_S,
    NodeTime,
    OpTime,
    Profile,
    duration,
    profile_from,
)
from inspector.text import brief_size, metric, percent
from inspector.ui.screens import predict, tflite
from inspector.ui.session import job_status, state, view_state
from inspector.ui.widgets import tables, text

SLOT = "profile"
TOP = 10
"""Nodes and ops that the details list."""
_NAME = 24
BY_NODE, BY_OP = "Nodes", "Ops"


def times(model: state.OpenModel) -> dict[str, float]:
    """Store a finished measurement, start the first one, and show its state.

    Returns: Node to microseconds; empty before the first one.
    """
    if not tflite.require_runnable(model):
        return {}
    if (answer := job_status.finished(SLOT)) is not None:
        view_state.set_measured(model, profile_from(cast("ProfileJson", answer.value)))
    profile = view_state.measured(model)
    if profile is None:
        if job_status.idle(SLOT):
            start(model)
        job_status.show(SLOT, stop=False)
        if job_status.stopped(SLOT):
            st.button("Measure again", key="measure_again", on_click=start, args=(model,))
        return {}
    return {node.name: 1000 * node.ms for node in profile.nodes}


def start(model: state.OpenModel) -> None:
    """Start to measure the graph of the picked outputs, or of the signature."""
    spec, blobs = predict.default_feeds(model)
    view_state.forget_measured()
    is_lite = tflite.is_lite(model)
    outputs = None if is_lite else state.outputs() or None
    side = {"name": model.name, **model.graph_choice, "outputs": outputs}
    args: dict[str, Any] = {
        "sides": [side],
        "against": {},
        "feeds": spec,
        "batch": None,
        "budget_s": PROFILE_S,
    }
    kind = "profile_lite" if is_lite else "profile"
    job_status.start(SLOT, kind, args, model.source, "Measuring", blobs=blobs)


def slowest(model: state.OpenModel, show: Callable[[str], None]) -> None:
    """The slowest nodes, and ops, of the last measurement, and how they were measured.

    Args:
        show: Shows a node in the picture, when its row is clicked.
    """
    profile = view_state.measured(model)
    if profile is None:
        return
    by = st.segmented_control(
        "The slowest", (BY_NODE, BY_OP), default=BY_NODE, required=True, key="slowest_by"
    )
    if by == BY_OP:
        _ops(profile)
    else:
        _nodes(model, profile, show)
    st.caption(text.escape(profile.sentence(), 600))
    st.button("Measure again", key="measure_again", type="tertiary", on_click=start, args=(model,))


def _nodes(model: state.OpenModel, profile: Profile, show: Callable[[str], None]) -> None:
    nodes = [node for node in profile.nodes if node.name in model.summary.index][:TOP]
    rows = [
        {"time": duration(it.ms), "node": text.shorten(it.name, _NAME), "op": it.op, **_figures(it)}
        for it in nodes
    ]
    tables.selectable(
        rows,
        key="slowest_nodes",
        columns=_columns(profile),
        on_select=lambda row: show(nodes[row].name),
    )


def _ops(profile: Profile) -> None:
    rows = [
        {"time": duration(it.ms), "op": it.op, "nodes": it.nodes, **_figures(it)}
        for it in profile.ops[:TOP]
    ]
    columns = {name: column for name, column in _columns(profile).items() if name != "node"}
    tables.table(rows, key="slowest_ops", columns=columns)


def _figures(row: NodeTime | OpTime) -> dict[str, Any]:
    return {
        "share": percent(row.share),
        "FLOPs": metric(row.flops) if row.flops else "–",
        "parameters": row.parameters,
        "output": brief_size(row.output_bytes),
    }


def _columns(profile: Profile) -> dict[str, Any]:
    return {
        "node": st.column_config.TextColumn(width=170),
        "FLOPs": st.column_config.TextColumn("FLOPs", alignment="right", help="Of one row"),
        "output": st.column_config.TextColumn(
            alignment="right", help=f"Bytes that a run of {text.count(profile.rows, 'row')} writes"
        ),
        **{
            name: st.column_config.TextColumn(alignment="right", width=65)
            for name in ("time", "share")
        },
    }
