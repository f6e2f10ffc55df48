"""Measured time per node: a job runs the model several times with a profiler.

It runs as on the Predict page: frozen to the picked outputs, on a sample's own rows or on random
ones.
"""

from __future__ import annotations

import streamlit as st

from inspector.ui.screens import predict
from inspector.ui.session import job_status, state, view_state
from inspector.ui.widgets import text

SLOT = "profile"


def times(model: state.OpenModel) -> None:
    """Store a finished measurement, start the first one, and show its state."""
    if (answer := job_status.finished(SLOT)) is not None:
        value = answer.value
        view_state.set_measured(model, value["times"], (value["rows"], value["runs"]))
    rows_and_runs = view_state.measured_on(model)
    if rows_and_runs is None:
        if job_status.idle(SLOT):
            start(model)
        job_status.show(SLOT, stop=False)
        if job_status.stopped(SLOT):
            st.button("Measure again", key="measure_again", on_click=start, args=(model,))
        return
    rows, runs = rows_and_runs
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.caption(
        f"Median of {text.count(runs, 'run')} of {text.count(rows, 'row')}, "
        "the runtime's own optimiser off."
    )
    row.button("Measure again", key="measure_again", type="tertiary", on_click=start, args=(model,))


def start(model: state.OpenModel) -> None:
    """Start to measure the graph of the picked outputs, or of the signature."""
    spec, blobs = predict.default_feeds(model)
    view_state.forget_measured()
    args = {**model.graph_choice, "outputs": state.outputs(), "feeds": spec}
    job_status.start(SLOT, "profile", args, model.source, "Measuring", blobs=blobs)
