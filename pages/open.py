"""Open: a sample by one click, an upload, or a path of the server."""

import streamlit as st

from inspector import locations, settings
from inspector.ui import browsing, opening, running, state, text

st.title("Open a model")

if (answer := running.finished(opening.SLOT)) is not None:
    page = opening.adopt(answer)
    if (opened := state.model()) is not None:
        opening.lay_out_ahead(opened.hierarchy)
    st.switch_page(page)
if (answer := running.finished(opening.FETCH)) is not None:
    opening.attempt(opening.fetched, answer)
start = locations.start_model()
if start is not None and "started" not in st.session_state:
    st.session_state["started"] = True
    opening.attempt(opening.open_start, start)
running.show(opening.FETCH)
running.show(opening.SLOT)

st.caption(
    "Nothing in a model is run to look at it: files are read in a process of their own that may "
    "neither take more than its share nor pull the app down with it."
)

st.subheader("Samples")
samples = opening.samples()
cells = [cell for _ in samples[::3] for cell in st.columns(3)]
for cell, sample in zip(cells, samples, strict=False):
    with cell.container(border=True, height="stretch", key=f"card_{sample['id']}"):
        st.markdown(f"**{text.escape(sample['title'])}**")
        st.caption(f"{sample['format']} · {text.size(sample.get('bytes'))}")
        st.write(sample["shows"])
        st.space("stretch")
        if st.button("Open", key=f"sample_{sample['id']}", icon=":material/folder_open:"):
            opening.attempt(opening.open_sample, sample)

st.subheader("Your own")
tabs = ["A file", "A folder", "A path on the server", *(["A URL"] if settings.URLS() else [])]
file_tab, folder_tab, path_tab, *url_tab = st.tabs(tabs)
with file_tab:
    st.caption(
        "A GraphDef `.pb` or `.pbtxt`, a `.meta`, a Keras `.h5` or `.keras`, a `.tflite`, or a "
        "`.zip`, `.tar`, `.tar.gz` of any model. The content decides what it is, not the suffix."
    )
    single = st.file_uploader("File", key="upload_file", label_visibility="collapsed")
    if single is not None and st.button("Open the file", key="open_file", type="primary"):
        opening.attempt(opening.open_upload, [single], folder=False)
with folder_tab:
    st.caption(
        "A SavedModel: `saved_model.pb` with its `variables` and `assets`. Or a checkpoint: its "
        "`.index` and data files, and its `.meta`."
    )
    several = st.file_uploader(
        "Folder",
        accept_multiple_files="directory",
        key="upload_folder",
        label_visibility="collapsed",
    )
    if several and st.button("Open the folder", key="open_folder", type="primary"):
        opening.attempt(opening.open_upload, several, folder=True)
with path_tab:
    st.caption("Below the folders that the operator allowed; by default where the app was started.")
    typed = st.text_input("Path", key="open_path_text", placeholder="export/my_model")
    if typed and st.button("Open the path", key="open_path", type="primary"):
        opening.attempt(opening.open_path, typed)
    if (clicked := browsing.browser()) is not None:
        opening.attempt(opening.open_path, str(clicked))
for tab in url_tab:
    tab.caption(f"Below {text.escape(', '.join(settings.URLS()), 300)}")
    url = tab.text_input("URL", key="open_url_text", placeholder=settings.URLS()[0])
    if url and tab.button("Fetch and open", key="open_url", type="primary"):
        opening.attempt(opening.open_url, url)

if (model := state.model()) is not None:
    st.page_link(
        "pages/overview.py", label=f"Back to {text.escape(model.name, 40)}", icon=":material/undo:"
    )
