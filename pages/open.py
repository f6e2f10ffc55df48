"""Open: an upload, a path of the server or a URL; recent models; the samples."""

import streamlit as st

from inspector.ui.screens import open_forms
from inspector.ui.session import job_status, open_model

st.title("Open a model")
open_forms.receive()
open_model.open_start_once()
job_status.show(open_model.FETCH)
job_status.show(open_model.SLOT)
open_forms.choose_part()

st.markdown(
    "Inspector shows what is inside a TensorFlow, Keras or TFLite model, makes it smaller and "
    "faster, and measures what that changes."
)
open_forms.own_model()
if (line := job_status.sandbox_notice()) is not None:
    st.warning(line, icon=":material/shield:")
    st.caption("Opening a model never executes it.")
else:
    st.caption(
        "Opening a model never executes it. Files are parsed in a sandboxed process with limits."
    )
open_forms.offer_tour()
open_forms.recent_models()
st.header("Samples")
open_forms.samples()
