"""Compare: what freezing and the transforms did, and the files to take away."""

import streamlit as st

from inspector.ui import agreement, compare, compare_picture, state

st.title("Compare")
model = state.require_model()
result = compare.require_result()

compare.figures(result)
agreement.checked(model, result)

st.subheader("Take it away")
compare.downloads(result)

left, right = st.columns(2)
with left:
    st.subheader("Stages")
    compare.stages(result)
with right:
    st.subheader("Bytes per step")
    compare.steps(result)

st.subheader("Picture")
compare_picture.board(result)
diff = result.value["diff"]
st.subheader("Operations by type")
compare.op_counts(diff)
st.subheader("Nodes")
compare.nodes(diff, result.value["steps"])
