"""Graph: the picture; click to see, pick outputs."""

import streamlit as st

from inspector.ui.screens import graph
from inspector.ui.session import state
from inspector.ui.widgets import tag_set_picker

st.title("Graph")
model = state.require_model()
tag_set_picker.tag_set_and_signature(model, "graph")
if "serving" in model.facts:
    st.caption(
        "The serving function, its calls inlined. Names are those the frozen graph will have."
    )
graph.board(model)
