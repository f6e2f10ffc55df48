"""Compare: what freezing and the transforms did, and the files to take away."""

import streamlit as st

from inspector.ui.screens import compare, compare_picture, latency, output_comparison
from inspector.ui.screens.reports import report_file
from inspector.ui.session import availability, state

st.title("Compare")
model = state.require_model()
availability.require(model, "compare")
result = compare.require_result()

top = st.container()
st.header("Predictions")
output_comparison.card(model, result)

st.header("Latency")
latency.section(model, result)
report_file.top_of_page(model, result, top)

st.header("Download")
compare.downloads(result)

st.header("Stages")
compare.stages(result)
st.header("Size per step")
compare.step_sizes(result)

st.header("Picture")
compare_picture.board(result)
diff = result.value["diff"]
st.header("Operations by type")
compare.op_counts(diff)
st.header("Nodes")
compare.nodes(diff, result.value["steps"])
