"""Graph: the picture; click to see, pick outputs."""

import streamlit as st

from inspector.ui import picture, state

st.title("Graph")
model = state.require_model()
if "serving" in model.facts:
    st.caption(
        "The serving function, its calls inlined. Names are those the frozen graph will have."
    )
picture.board(model)
