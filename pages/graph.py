"""Graph: the picture; click to see, pick outputs."""

import streamlit as st

from inspector.ui import choosing, picture, state

st.title("Graph")
model = state.require_model()
choosing.tag_set_and_signature(model, "graph")
if "serving" in model.facts:
    st.caption(
        "The serving function, its calls inlined. Names are those the frozen graph will have."
    )
picture.board(model)
