"""Operations: every operation with its tensors; a row opens its attributes."""

import streamlit as st

from inspector.ui.screens import operations
from inspector.ui.session import availability, state

st.title("Operations")
model = state.require_model()
availability.require(model, "operations")

before = st.session_state.get(operations.SELECTED)
table_column, details_column = st.columns([5, 3] if before else [7, 2])
with table_column:
    name = operations.table(model)
if (name is None) != (before is None):
    st.rerun()  # the details take or leave their room
with details_column:
    if name is None:
        st.caption("Select a row to see the operation's attributes, value and consumers.")
    else:
        operations.actions_of(model, name)
        operations.details(model, name)
