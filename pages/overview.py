"""Overview: the figures of the open model."""

import streamlit as st

from inspector.ui.screens import functions, model_files, overview, tflite, variables
from inspector.ui.session import state
from inspector.ui.widgets import tables, tag_set_picker, text

st.title("Overview")
model = state.require_model()
facts = model.facts

overview.warnings(facts)
overview.figures(model)
line = overview.origin(facts)
if facts["functions"]:
    line += f"; {text.count(facts['functions'], 'function')} in its library"
st.caption(tflite.caption(facts) if tflite.is_lite(model) else text.escape(line))
tag_set_picker.tag_set_and_signature(model, "overview")

st.header("Layers by type" if "keras" in facts else "Operations by type")
if "serving" in facts:
    st.caption(
        "The serving function, its calls inlined: what runs on a request. "
        "The file's own main graph saves and restores the variables."
    )
    views = {"Serving function": facts["serving"], "Main graph": facts}
    shown_graph = st.segmented_control(
        "Count",
        list(views),
        default="Serving function",
        required=True,
        key="counted_graph",
        label_visibility="collapsed",
    )
    overview.op_types(views[shown_graph]["op_counts"], "ops")
else:
    overview.op_types(facts["op_counts"], "ops")

tensors_column, sizes_column = st.columns(2, gap="medium")
with tensors_column:
    st.header("Placeholders")
    overview.tensors(model.drawn["placeholders"])
    st.header("Softmax outputs")
    softmax = model.drawn.get("softmax", facts["softmax"])
    tables.table({"node": softmax}) if softmax else st.caption("None.")
with sizes_column:
    st.header("Suggested outputs")
    overview.suggested(facts)
    st.header("Sizes")
    overview.sizes(facts)

st.header("Signatures")
overview.signatures(facts)
overview.before_and_beside(facts)
overview.scan_findings(facts)
variables.section(model)
functions.functions(facts)
tflite.sections(facts)
model_files.section(model)
