"""Search: goals, the search for the best pipelines, and what to do with one."""

import streamlit as st

from inspector.ui.screens import pipeline_search
from inspector.ui.session import availability, state

st.title("Search")
model = state.require_model()
availability.require(model, "search")
st.caption(
    "Tries every preset, weight quantisation, Grappler and TFLite recipe, compares the outputs "
    "with those of the frozen model, measures latency, and marks the best within your limits."
)
pipeline_search.rows_and_labels(model)
pipeline_search.goals()
pipeline_search.start_button(model)
pipeline_search.outcome(model)
