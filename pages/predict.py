"""Predict: the same feeds through the model and what was made of it."""

import streamlit as st

from inspector.ui import predicting, running, state

st.title("Predict")
model = state.require_model()
result = state.result()

left, right = st.columns([1, 2], gap="large")
with left:
    st.subheader("Feeds")
    feeds = predicting.feeds_editor(model)
    if result is None:
        st.caption("Optimise the model to see before and after side by side.")
    runs = st.slider("Timed runs", 1, 50, 15, key="runs")
    if st.button(
        "Run", key="predict", type="primary", icon=":material/play_arrow:", disabled=feeds is None
    ):
        predicting.start(predicting.SLOT, model, result, feeds or ({}, {}), runs)
        st.rerun()
with right:
    if (answer := running.finished(predicting.SLOT)) is not None:
        st.session_state[predicting.ANSWER] = answer.value
    running.show(predicting.SLOT)
    if (value := st.session_state.get(predicting.ANSWER)) is not None:
        predicting.answers(value)
    else:
        st.caption("Choose what to feed, then Run.")
