"""Graph: the picture; click to see, pick outputs."""

import streamlit as st

from inspector.ui.screens import graph
from inspector.ui.session import availability, state

graph.style()
with st.container(key="graph_title"):
    st.title("Graph")
model = state.require_model()
availability.require(model, "graph")
graph.board(model)
