"""Operations: every operation with its tensors; a row opens its attributes."""

import streamlit as st

from inspector.ui.screens import operations
from inspector.ui.session import availability, state

st.title("Operations")
model = state.require_model()
availability.require(model, "operations")

before = st.session_state.get(operations.SELECTED)
# Without a selection the table has the page; it stays in its column, so that it is not drawn anew.
table_column, details_column = st.columns([5, 3] if before else [99, 1])
with table_column:
    name = operations.table(model)
if (name is None) != (before is None):
    st.rerun()  # the details take or leave their room
with details_column:
    if name is not None:
        operations.actions_of(model, name)
        operations.details(model, name)
