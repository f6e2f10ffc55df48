"""Operations: every operation with its tensors; a row opens its attributes."""

import streamlit as st

from inspector.ui.screens import operations
from inspector.ui.session import availability, state

st.title("Operations")
model = state.require_model()
availability.require(model, "operations")

table_column, details_column = st.columns([5, 3])
with table_column:
    name = operations.table(model)
with details_column:
    if name is None:
        st.caption("Select a row to see the operation's attributes, value and consumers.")
    else:
        operations.actions_of(model, name)
        operations.details(model, name)
