"""Overview: what the open model takes and gives, what to know of it, and what it consists of."""

import streamlit as st

from inspector.ui.screens import functions, model_files, overview, tflite, variables
from inspector.ui.session import state
from inspector.ui.widgets import tables, tag_set_picker

st.title("Overview")
model = state.require_model()
facts = model.facts

is_lite = tflite.is_lite(model)
overview.summary(model, tflite.caption(facts) if is_lite else overview.origin(facts))
tag_set_picker.part(model)
overview.warnings(facts)
tag_set_picker.tag_set_and_signature(model, "overview")

if model.drawn["nodes"]:  # else a checkpoint without its graph
    st.header("Signatures")
    overview.signatures(facts)
    st.header("Suggested outputs")
    overview.suggested(facts)
    overview.before_and_beside(facts)
    overview.scan_findings(facts)

    inputs_column, softmax_column = st.columns(2, gap="medium")
    with inputs_column:
        st.header("Inputs" if is_lite or "keras" in facts else "Placeholders")
        overview.tensors(model.drawn["placeholders"])
    with softmax_column:
        st.header("Softmax outputs")
        softmax = model.drawn.get("softmax", facts["softmax"])
        tables.table({"Node": softmax}) if softmax else st.caption("None.")

variables.section(model)
functions.functions(facts)
tflite.sections(facts)
model_files.section(model)
if not model.contents["files"]:
    st.header("Sizes")
    overview.sizes(facts)
overview.not_executed(facts)

if model.drawn["nodes"]:
    st.header("Layers by type" if "keras" in facts else "Operations by type")
    overview.figures(model)
    if "serving" in facts:
        st.caption(
            "The serving function with its calls inlined is what a request executes. "
            "The main graph of the file saves and restores the variables."
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
