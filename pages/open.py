"""Open: a sample by one click, an upload, a path of the server, or a URL."""

import streamlit as st

from inspector.ui.screens import open_forms
from inspector.ui.session import job_status, open_model

st.title("Open a model")
open_forms.receive()
open_model.open_start_once()
job_status.show(open_model.FETCH)
job_status.show(open_model.SLOT)

st.caption(
    "Nothing in a model is run to look at it: files are read in a process of their own that may "
    "neither take more than its share nor pull the app down with it."
)
if (line := job_status.sandbox_notice()) is not None:
    st.warning(line, icon=":material/shield:")

st.header("Samples")
open_forms.samples()
st.header("Your own")
open_forms.own_model()
open_forms.link_back()
