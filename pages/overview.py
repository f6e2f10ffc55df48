"""Overview: the figures of the open model."""

import streamlit as st

from inspector.ui import (
    choosing,
    files,
    functions,
    lite,
    overview,
    shown,
    state,
    text,
    variables,
)

st.title("Overview")
model = state.require_model()
facts = model.facts

overview.warnings(facts)
overview.figures(model)
line = overview.origin(facts)
if facts["functions"]:
    line += f"; {text.count(facts['functions'], 'function')} in its library"
st.caption(lite.caption(facts) if lite.is_lite(model) else text.escape(line))
choosing.tag_set_and_signature(model, "overview")

st.subheader("Layers by type" if "keras" in facts else "Operations by type")
if "serving" in facts:
    st.caption(
        "The serving function, its calls inlined: what runs on a request. "
        "The file's own main graph saves and restores the variables."
    )
    views = {"Serving function": facts["serving"], "Main graph": facts}
    picked = st.segmented_control(
        "Count",
        list(views),
        default="Serving function",
        key="counted",
        label_visibility="collapsed",
    )
    overview.op_types(views[picked or "Serving function"]["op_counts"], "ops")
else:
    overview.op_types(facts["op_counts"], "ops")

left, right = st.columns(2, gap="medium")
with left:
    st.subheader("Placeholders")
    overview.tensors(model.drawn["placeholders"])
    st.subheader("Softmax outputs")
    softmax = model.drawn.get("softmax", facts["softmax"])
    shown.table({"node": softmax}) if softmax else st.caption("None.")
with right:
    st.subheader("Suggested outputs")
    overview.suggested(facts)
    st.subheader("Sizes")
    overview.sizes(facts)

st.subheader("Signatures")
overview.signatures(facts)
variables.section(model)
functions.functions(facts)
lite.tables(facts)
files.section(model)
