"""The address bar: a link or a reload shows the same model and the same page again.

An address names the model (a sample, a path below the allowed folders, or the hash of an upload),
what was chosen and what is shown, and the jobs of the page. It is untrusted: paths are checked
against the allowed folders like typed ones, names are looked up, and an address can open a model
and join jobs that run, but starts nothing else.

Browsers step back and forward between pages and models. What is chosen on a page replaces the
entry of the history (`widgets/address_bar.js`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from inspector.errors import InspectorError
from inspector.ui.server import model_links
from inspector.ui.session import job_status, open_model, results, searches, state

Params = Mapping[str, list[str]]
Restore = Callable[[state.OpenModel, Params], None]
"""Restores what an address says of an open model, as `write` was given it."""

RESULT = "result"
"""The parameter with the link to a result, see `result_links`."""
MEASURED = "measured"
"""The parameter with what was measured of the result, see `Optimised.measured`."""
MAX_TEXT = 6000
"""Most characters of an address, about; servers and proxies refuse lines above 8 KB."""
_FOLLOWED, _PENDING, _JOBS, _CLOSED = "link_followed", "link_pending", "link_jobs", "closed_model"
_MAX_VALUES, _MAX_VALUE = 200, 4000


def follow(restore: Restore, *, on_open_page: bool) -> None:
    """Open the model that the address names, at the start of a session and after Back or Forward.

    While the model opens, the page shows the progress and ends.

    Args:
        restore: Called with the model, once it is open, and the parameters of the address.
        on_open_page: The address is that of the Open page: go to the model's page, as after opening
            it by hand.
    """
    if not st.session_state.get(_FOLLOWED):
        st.session_state[_FOLLOWED] = True
        if state.model() is None and open_model.PENDING not in st.session_state:
            _open_linked_model()
        else:
            job_status.resume(_linked_jobs(), state.model())
    elif _is_history_step() and not on_open_page:
        _follow_history()
    pending: Params | None = st.session_state.get(_PENDING)
    if pending is None:
        return
    if (answer := job_status.finished(open_model.SLOT)) is not None:
        del st.session_state[_PENDING]
        page = open_model.adopt(answer)
        model = state.model()
        job_status.resume(st.session_state.pop(_JOBS, []), model)
        results.receive()
        if model is not None:
            _follow_result(model, pending)
            restore(model, pending)
            searches.resume(model, _last(pending, searches.PARAM))
        if on_open_page and page is not None:
            open_model.go_to(page)
        return
    if job_status.stopped(open_model.SLOT):
        del st.session_state[_PENDING]
        job_status.resume(st.session_state.pop(_JOBS, []), None)
    job_status.show(open_model.SLOT)


def write(model: state.OpenModel, view: Params | None = None) -> None:
    """Write the model and the view of it into the address.

    Args:
        view: Further parameters, the most important first: what makes the address longer than
            `MAX_TEXT` is left out.
    """
    params: dict[str, list[str]] = _model_params(model)
    if (result := state.result()) is not None and result.link:
        params[RESULT] = [result.link]
        params |= {MEASURED: sorted(result.measured.values())} if result.measured else {}
    if job_ids := job_status.linked_ids():
        params[job_status.PARAM] = job_ids
    if (search := searches.current()) is not None:
        params[searches.PARAM] = [search.id]
    length = sum(map(_length, params.items()))
    for item in (view or {}).items():
        length += _length(item)
        if length <= MAX_TEXT:
            params[item[0]] = item[1]
    if _current() != params:
        st.query_params.from_dict(params)


def close() -> None:
    """Close the model and clear the address; `reopen_closed` takes it back."""
    if (model := state.model()) is not None:
        st.session_state[_CLOSED] = (model.name, _current())
    st.query_params.clear()
    open_model.close()


def closed_model() -> str:
    """The name of the model that was closed last; empty without one, or once another is open."""
    name: str = st.session_state.get(_CLOSED, ("", {}))[0]
    return name if state.model() is None else ""


def reopen_closed() -> None:
    """Open the model that was closed last, with what was chosen and its result."""
    _, params = st.session_state.pop(_CLOSED)
    st.query_params.from_dict(params)
    st.session_state.pop(_FOLLOWED, None)


def _open_linked_model() -> None:
    params, jobs = _current(), _linked_jobs()
    searches.claim(_last(params, searches.PARAM))
    link = model_links.read(params)
    if link is None:
        job_status.resume(jobs, state.model())
        return
    open_model.skip_start()
    try:
        open_model.open_ref(link)
    except InspectorError as err:
        job_status.resume(jobs, None)
        state.error(err)
        return
    st.session_state[_JOBS] = jobs
    st.session_state[_PENDING] = params


def _last(params: Params, key: str) -> str:
    return next(reversed(params.get(key, ())), "")


def _follow_history() -> None:
    """Show what an entry of the browser's history named: its model, and on it its result."""
    model, params = state.model(), _current()
    named = {key: params[key] for key in _MODEL_KEYS if key in params}
    if not any(kind in named for kind in model_links.REFS):
        return
    if model is None or named != _model_params(model):
        _open_linked_model()
    elif (link := params.get(RESULT)) and getattr(state.result(), "link", "") != link[-1]:
        _follow_result(model, params)
        st.session_state.pop(state.LOST_RESULT, None)  # the result of this session stays


def _follow_result(model: state.OpenModel, params: Params) -> None:
    if link := params.get(RESULT):
        results.follow(model, link[-1])


def _linked_jobs() -> list[Any]:
    return job_status.take_over(st.query_params.get_all(job_status.PARAM))


def _is_history_step() -> bool:
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


_MODEL_KEYS = (*model_links.REFS, model_links.PART, model_links.TAGS, model_links.SIGNATURE)


def _model_params(model: state.OpenModel) -> dict[str, list[str]]:
    kind, ref_id = model.ref
    params = {kind: [ref_id]} if kind else {}
    if model.source.part:
        params[model_links.PART] = [model.source.part]
    if len(model.facts["tag_sets"]) > 1:
        params[model_links.TAGS] = list(model.tag_set)
    if model.signature is not None and len(model.facts["signatures"]) > 1:
        params[model_links.SIGNATURE] = [model.signature]
    return params


def _current() -> dict[str, list[str]]:
    """The parameters of the address, without values that no page writes: too many or too long."""
    params = {key: st.query_params.get_all(key)[:_MAX_VALUES] for key in st.query_params}
    return {key: [value[:_MAX_VALUE] for value in values] for key, values in params.items()}


def _length(item: tuple[str, list[str]]) -> int:
    key, values = item
    return sum(len(key) + len(quote(value, safe="")) + 2 for value in values)
