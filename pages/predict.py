"""Predict: the same feeds through the model and what was made of it."""

import streamlit as st

from inspector.ui import choosing, lite, predicting, running, state

st.title("Predict")
model = state.require_model()
choosing.tag_set_and_signature(model, "predict")
result = state.result()

with st.container(border=True, key="feeds"):
    left, right = st.columns([3, 1], gap="large")
    with left:
        feeds = predicting.feeds_editor(model)
    with right:
        runs = st.slider("Timed runs", 1, 50, 15, key="runs")
        run = st.button(
            "Run",
            key="predict",
            type="primary",
            icon=":material/play_arrow:",
            disabled=feeds is None,
            width="stretch",
        )
if run and feeds is not None:
    st.session_state.pop(predicting.ANSWER, None)
    predicting.start(predicting.SLOT, model, result, feeds, runs)
    st.rerun()
if result is None and not lite.is_lite(model):
    st.caption("Optimise the model to see before and after side by side.")
if (answer := running.finished(predicting.SLOT)) is not None:
    st.session_state[predicting.ANSWER] = answer.value
running.show(predicting.SLOT)
if (value := st.session_state.get(predicting.ANSWER)) is not None:
    predicting.answers(value)
