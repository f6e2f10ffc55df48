"""Optimise: outputs, the list of transforms, run."""

import streamlit as st

from inspector.ui.screens import optimise, tflite
from inspector.ui.screens.quantising import failed_nodes, layer_table, lite_result, target
from inspector.ui.session import availability, job_status, results, state
from inspector.ui.widgets import pipeline, tag_set_picker, text

st.title("Optimise")
model = state.require_model()
availability.require(model, "optimise")
tag_set_picker.tag_set_and_signature(model, "optimise")
results.receive()
if tflite.is_lite(model):
    lite_result.page(model)

list_column, run_column = st.columns([1, 1], gap="large")
with list_column:
    st.header("Outputs")
    optimise.choose_outputs(model)
    st.header("Transforms")
    pipeline.editor(model.transforms)
with run_column:
    st.header("Target")
    target.choose(model)
    layer_table.section(model)
    st.header("Run")
    st.caption(
        "Freezes variables if there are any, keeps what the outputs need, applies the transforms."
    )
    optimise.check_options()
    optimise.signature_options(model)
    blocker = optimise.blocker(model)
    clicked = st.button(
        "Run",
        key="run",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        disabled=bool(blocker),
    )
    if blocker:
        st.warning(text.escape(blocker, 700), icon=":material/block:")
    elif clicked:  # not where an edit that arrives with the click cannot be run
        optimise.start(model)
        st.rerun()
    if not blocker:
        optimise.copy_as(model)
    job_status.show(results.SLOT)
    failed_nodes.table(model)
    optimise.hint_of_failure()
    result = state.result()
    is_shown = result is not None and not blocker and not job_status.failed(results.SLOT)
    if result is not None and is_shown:
        optimise.done(result)
if result is not None and is_shown:
    st.header("Steps")
    optimise.record(model, result)
