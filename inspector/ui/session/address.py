"""The address bar: a link or a reload shows the same model and the same view again.

An address names the model (a sample, a path below the allowed folders, or the hash of an upload),
the view, and the jobs of the page. It is untrusted: paths are checked against the allowed folders
like typed ones, names are looked up, and an address can join jobs that run but starts none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from inspector.errors import InspectorError
from inspector.ui.session import job_status, open_model, results, state, view_state
from inspector.view.state import links

REFS = ("sample", "model", "path", "start")
_FOLLOWED, _PENDING, _JOBS = "link_followed", "link_pending", "link_jobs"


def follow(*, on_open_page: bool) -> None:
    """Open the model that the address names, once in a session without a model; then its view.

    While the model opens, the page shows the progress and ends.

    Args:
        on_open_page: The address is that of the Open page: go to the model's page, as after opening
            it by hand.
    """
    if not st.session_state.get(_FOLLOWED):
        st.session_state[_FOLLOWED] = True
        _open_linked_model()
    pending: dict[str, list[str]] | None = st.session_state.get(_PENDING)
    if pending is None:
        return
    if (answer := job_status.finished(open_model.SLOT)) is not None:
        del st.session_state[_PENDING]
        page = open_model.adopt(answer)
        model = state.model()
        if model is not None:
            view_state.from_address(model, pending)
        job_status.resume(st.session_state.pop(_JOBS, []), model)
        results.receive()
        if on_open_page and page is not None:
            open_model.go_to(page)
        return
    if job_status.stopped(open_model.SLOT):
        del st.session_state[_PENDING]
        job_status.resume(st.session_state.pop(_JOBS, []), None)
    job_status.show(open_model.SLOT)


def write(model: state.OpenModel, view: Mapping[str, list[str]] | None = None) -> None:
    """Write the model and its view into the address."""
    kind, which = model.ref
    params: dict[str, Any] = {kind: which} if kind else {}
    if len(model.facts["tag_sets"]) > 1:
        params["tags"] = list(model.tag_set)
    if model.signature is not None and len(model.facts["signatures"]) > 1:
        params["signature"] = model.signature
    if job_ids := job_status.linked_ids():
        params[job_status.PARAM] = job_ids
    params |= view or {}
    current = {key: st.query_params.get_all(key) for key in st.query_params}
    if current != {
        key: value if isinstance(value, list) else [value] for key, value in params.items()
    }:
        st.query_params.from_dict(params)


def close() -> None:
    """Close the model and clear the address."""
    st.query_params.clear()
    open_model.close()


def _open_linked_model() -> None:
    linked_jobs = job_status.take_over(st.query_params.get_all(job_status.PARAM))
    ref_kind = next((kind for kind in REFS if kind in st.query_params), None)
    if ref_kind is None or state.model() is not None or open_model.PENDING in st.session_state:
        job_status.resume(linked_jobs, state.model())
        return
    choice = {
        "tag_set": st.query_params.get_all("tags") or None,
        "signature": st.query_params.get("signature"),
    }
    open_model.skip_start()
    try:
        open_model.open_ref(ref_kind, st.query_params[ref_kind], choice)
    except InspectorError as err:
        job_status.resume(linked_jobs, None)
        state.error(err)
        return
    st.session_state[_JOBS] = linked_jobs
    st.session_state[_PENDING] = {key: st.query_params.get_all(key) for key in links.KEYS}
