"""Predict: run the model and the optimised graphs on the same feeds."""

import streamlit as st

from inspector.ui.screens import predict, prediction, tflite
from inspector.ui.session import availability, job_status, state
from inspector.ui.widgets import tag_set_picker, text

st.title("Predict")
model = state.require_model()
availability.require(model, "predict")
tag_set_picker.tag_set_and_signature(model, "predict")
result = state.result()

with st.container(border=True, key="feeds"):
    feeds_column, run_column = st.columns([3, 1], gap="large")
    with feeds_column:
        feeds, missing = predict.feeds_editor(model)
    with run_column:
        runs = st.slider("Timed runs", 1, 50, 15, key="runs")
        run = st.button(
            "Run",
            key="predict",
            type="primary",
            icon=":material/play_arrow:",
            disabled=feeds is None or bool(tflite.cannot_run(model)),
            width="stretch",
        )
        if missing:
            st.caption(text.escape(missing))
tflite.require_runnable(model)
if run and feeds is not None:
    st.session_state.pop(predict.ANSWER, None)
    predict.start(predict.SLOT, model, result, feeds, runs)
    st.rerun()
if result is None and not tflite.is_lite(model):
    st.caption("Optimise the model to see before and after side by side.")
if (answer := job_status.finished(predict.SLOT)) is not None:
    st.session_state[predict.ANSWER] = answer.value
    st.session_state[predict.FILES] = dict(answer.blobs)
job_status.show(predict.SLOT)
predict.hint_of_failure()
if (value := st.session_state.get(predict.ANSWER)) is not None:
    prediction.answers(value, st.session_state.get(predict.FILES, {}))
