"""Optimise: outputs, the list of transforms, run."""

import streamlit as st

from inspector.ui.screens import optimise, tflite
from inspector.ui.session import job_status, results, state
from inspector.ui.widgets import pipeline, tag_set_picker, text

st.title("Optimise")
model = state.require_model()
if tflite.is_lite(model):
    tflite.not_transformed()
tag_set_picker.tag_set_and_signature(model, "optimise")
if results.receive():
    st.toast("Done: compare before and after.", icon=":material/check_circle:")

list_column, run_column = st.columns([1, 1], gap="large")
with list_column:
    st.header("Outputs")
    optimise.choose_outputs(model)
    st.header("Transforms")
    pipeline.editor(model.transforms)
with run_column:
    st.header("Run")
    st.caption(
        "Freezes the variables if there are any, keeps what the outputs need, then transforms."
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
    optimise.hint_of_failure()
    result = state.result()
    if result is not None and not blocker and not job_status.failed(results.SLOT):
        st.success(optimise.gain(result), icon=":material/check_circle:")
        st.page_link(
            "pages/compare.py", label="Compare and download", icon=":material/compare_arrows:"
        )
        optimise.record(model, result)
