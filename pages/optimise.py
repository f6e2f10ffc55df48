"""Optimise: outputs, the list of transforms, run."""

import streamlit as st

from inspector.ui import choosing, lite, optimising, pipeline, running, state

st.title("Optimise")
model = state.require_model()
if lite.is_lite(model):
    lite.not_transformed()
choosing.tag_set_and_signature(model, "optimise")
if (answer := running.finished(optimising.SLOT)) is not None:
    optimising.adopt(answer)
    st.toast("Done: compare before and after.", icon=":material/check_circle:")

left, right = st.columns([1, 1], gap="large")
with left:
    st.subheader("Outputs")
    optimising.choose_outputs(model)
    st.subheader("Transforms")
    pipeline.editor(model.transforms)
with right:
    st.subheader("Run")
    st.caption(
        "Freezes the variables if there are any, keeps what the outputs need, then transforms."
    )
    optimising.check_options()
    if st.button("Run", key="run", type="primary", icon=":material/play_arrow:", width="stretch"):
        optimising.start(model)
        st.rerun()
    running.show(optimising.SLOT)
    optimising.hint_of_failure()
    result = state.result()
    if result is not None and running.idle(optimising.SLOT):
        st.success(optimising.gain(result), icon=":material/check_circle:")
        st.page_link(
            "pages/compare.py", label="Compare and download", icon=":material/compare_arrows:"
        )
        optimising.record(model, result)
