"""Measured time on the picture: a job runs the model a few times and times every node.

The model is run as the Predict page runs it: frozen to the picked outputs, on a sample's own rows
or on random ones.
"""

from __future__ import annotations

import streamlit as st

from inspector.ui import predicting, running, seen, state, text

SLOT = "profile"
ROWS = 32
"""Random rows, where the model did not come with any."""


def times(model: state.OpenModel) -> None:
    """Take in what was measured; measure where nothing was; say how it stands."""
    if (answer := running.finished(SLOT)) is not None:
        value = answer.value
        seen.set_measured(model, value["times"], (value["rows"], value["runs"]))
    rows_and_runs = seen.measured_on(model)
    if rows_and_runs is None:
        if running.idle(SLOT):
            start(model)
        running.show(SLOT, stop=False)
        if running.failed(SLOT):
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
    """Start to measure the graph that the picked outputs need, or the signature's."""
    if model.feeds is not None:
        spec, blobs = predicting.sample_feeds(model.feeds)
    else:
        spec, blobs = {"kind": "random", "batch": ROWS, "seed": 0}, {}
    seen.forget_measured()
    args = {**model.meant, "outputs": state.outputs(), "feeds": spec}
    running.start(SLOT, "profile", args, model.source, "Measuring", blobs=blobs)
