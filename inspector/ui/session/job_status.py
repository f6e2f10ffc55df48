"""Long jobs of a page: start one, show its progress, cancel it, receive its answer once.

A page calls `finished` first, then `show`. While a job runs, `show` draws its progress and a
Cancel button and ends the page; a fragment polls every 0.4 s and reruns the page at the end. The
page waits `PATIENCE_S` for a new job, so that quick answers do not flicker.

The address holds the ids of the running jobs and of those whose answer the page shows. A reloaded
page takes them over: `take_over`, then `resume`.
"""

from __future__ import annotations

import concurrent.futures
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from inspector.errors import (
    AmbiguousModel,
    ConversionFailed,
    InspectorError,
    JobCancelled,
    JobFailed,
    WorkerUnavailable,
)
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job, JobResult
from inspector.jobs.store.workspace import ModelKey
from inspector.jobs.tasks import fetch as fetching
from inspector.ui.server import early_openings, model_links
from inspector.ui.session import abandoned_jobs, job_links, state
from inspector.ui.session.job_links import LinkedJob
from inspector.ui.session.page_end import end_page
from inspector.ui.widgets import text

PATIENCE_S = 0.7
"""Seconds a page waits for a new job before it shows a progress bar."""
POLL_S = 0.4
"""Seconds between two polls of a running job; half of them are spent waiting for its end."""
PARAM = "job"
"""The parameter of the address that holds ids of jobs."""
_MAX_LINKED = 8
_SLOTS = "job_slots"
"""Session key of the slots that have had a job: going through all keys computes all values."""
_LINKED_BY_MODEL = ("open",)
"""Slots whose job is linked by the model in the address and not by its id."""
_OPENING = ("open", "fetch")
"""Slots whose answer opens a model, so that no page shows it."""


def sandbox_notice() -> str | None:
    """One line on what the sandbox lacks on this machine; None for a complete one."""
    return default_runner().policy.notice()


def submit(kind: str, args: dict[str, Any], source: ModelKey, **options: Any) -> Job:
    """Queue a job of this session that reads a model, or join the one that opens it already.

    Raises: the errors of `model_links.submit`.
    """
    abandoned_jobs.watch()
    if kind == "open" and (job := early_openings.join(source, args, _session())) is not None:
        return job
    return model_links.submit(kind, args, source, _session(), **options)


def start(
    slot: str, kind: str, args: dict[str, Any], source: ModelKey, title: str, **options: Any
) -> None:
    """Start a job in a slot of this session, after cancelling the running job of the slot."""
    cancel(slot)
    forget(slot)
    try:
        job = submit(kind, args, source, **options)
    except InspectorError as err:
        fail(slot, err)
    else:
        choice = {key: args.get(key) for key in ("tag_set", "signature")}
        _register(LinkedJob(slot, title, job, _model_key(source, choice), time.monotonic()))


def fetch(slot: str, url: str, allowed: list[str] | None, title: str) -> None:
    """Start to fetch a URL in a slot of this session.

    Raises: InspectorError for a setting that cannot be read.
    """
    cancel(slot)
    forget(slot)
    args = {"url": url, "allowed": allowed}
    limits = fetching.limits()
    abandoned_jobs.watch()
    job = default_runner().submit("fetch", args, limits=limits, session=_session())
    _register(LinkedJob(slot, title, job, "", time.monotonic()))


def take_over(job_ids: Iterable[str]) -> list[LinkedJob]:
    """The jobs that an address names, each as a new job of this session for the same run."""
    linked_jobs = map(job_links.find, list(job_ids)[:_MAX_LINKED])
    abandoned_jobs.watch()
    return [
        replace(linked, job=default_runner().join(linked.job, _session()))
        for linked in linked_jobs
        if linked is not None
    ]


def resume(linked_jobs: Iterable[LinkedJob], model: state.OpenModel | None) -> None:
    """Adopt jobs from `take_over` as if this session had started them.

    Args:
        model: The open model; jobs of other models are cancelled.
    """
    model_key = "" if model is None else _model_key(model.source, model.graph_choice)
    for linked in linked_jobs:
        if linked.model in ("", model_key):
            cancel(linked.slot)
            _register(linked)
        else:
            linked.job.cancel()


def linked_ids() -> list[str]:
    """The ids of the jobs that run for this session or whose answers it shows."""
    slots: set[str] = st.session_state.get(_SLOTS, set())
    jobs = [st.session_state.get(f"job:{slot}") for slot in slots - {*_LINKED_BY_MODEL}]
    running = [linked.job.id for linked in jobs if linked is not None]
    answered = [st.session_state.get(f"answered:{slot}") for slot in slots]
    return sorted({*running, *filter(None, answered)})


def cancel(slot: str) -> None:
    """Cancel the slot's job, if one runs."""
    linked: LinkedJob | None = st.session_state.pop(f"job:{slot}", None)
    if linked is not None:
        abandoned_jobs.take_back(linked.job)


def clear() -> None:
    """Cancel all jobs of this session and forget all endings: the model is closed."""
    for key in [str(key) for key in st.session_state]:
        if key.startswith("job:"):
            cancel(key.removeprefix("job:"))
        elif key.startswith(("failed:", "failed_nodes:", "parts:", "cancelled:", "answered:")):
            del st.session_state[key]


def fail(slot: str, error: InspectorError) -> None:
    """Store an error for `show`, as if a job of the slot had ended with it."""
    is_internal = isinstance(error, JobFailed | WorkerUnavailable)
    hint = "; the server's log has the details" if is_internal else ""
    st.session_state[f"failed:{slot}"] = f"{error}{hint}"
    if isinstance(error, ConversionFailed):
        st.session_state[f"failed_nodes:{slot}"] = error.nodes
    if isinstance(error, AmbiguousModel):
        st.session_state[f"parts:{slot}"] = error.parts
        # The page has buttons in place of the advice to name a path.
        st.session_state[f"failed:{slot}"] = str(error).rpartition("; ")[0]


def failed_nodes(slot: str) -> list[Mapping[str, str]]:
    """The nodes that the slot's last job failed at, as in `ConversionFailed.nodes`."""
    return list(st.session_state.get(f"failed_nodes:{slot}", ()))


def parts(slot: str) -> list[Mapping[str, Any]]:
    """The models that the slot's last job found in place of one, as in `AmbiguousModel.parts`."""
    return list(st.session_state.get(f"parts:{slot}", ()))


def forget(slot: str) -> None:
    """Forget how the slot's last job ended."""
    for ending in ("failed", "failed_nodes", "parts", "cancelled", "answered"):
        st.session_state.pop(f"{ending}:{slot}", None)


def finished(slot: str) -> JobResult | None:
    """The answer of the slot's job, once; None while there is none.

    A failure or cancellation is stored for `show`.
    """
    linked: LinkedJob | None = st.session_state.get(f"job:{slot}")
    if linked is None:
        return None
    job = linked.job
    concurrent.futures.wait([job], timeout=max(0.0, PATIENCE_S - linked.seconds))
    if not job.done():
        return None
    del st.session_state[f"job:{slot}"]
    try:
        answer = job.result(0)
    except (JobCancelled, concurrent.futures.CancelledError):
        st.session_state[f"cancelled:{slot}"] = f"Cancelled after {linked.seconds:.0f} s."
        return None
    except InspectorError as err:
        fail(slot, err)
        return None
    if slot not in _OPENING:
        st.session_state[f"answered:{slot}"] = job.id
    return answer


def idle(slot: str) -> bool:
    """True if nothing runs in the slot and its last job, if any, ended well."""
    return f"job:{slot}" not in st.session_state and not stopped(slot)


def failed(slot: str) -> bool:
    """True if the slot's last job failed."""
    return f"failed:{slot}" in st.session_state


def stopped(slot: str) -> bool:
    """True if the slot's last job failed or was cancelled."""
    return failed(slot) or f"cancelled:{slot}" in st.session_state


def show(slot: str, *, stop: bool = True) -> None:
    """Show the failure or cancellation of the slot's last job, or the progress of the running one.

    Args:
        stop: End the page here while the job runs.
    """
    failed = st.session_state.get(f"failed:{slot}")
    if failed is not None and parts(slot):
        st.info(text.escape(failed, 700), icon=":material/folder_zip:")
    elif failed is not None:
        state.error(failed)
    cancelled = st.session_state.get(f"cancelled:{slot}")
    if cancelled is not None:
        st.info(cancelled, icon=":material/cancel:")
    if f"job:{slot}" in st.session_state:
        _progress(slot)
        if stop:
            end_page()


@st.fragment(run_every=POLL_S)
def _progress(slot: str) -> None:
    linked: LinkedJob | None = st.session_state.get(f"job:{slot}")
    if linked is None or linked.job.done():
        st.rerun()
    write_address()
    job = linked.job
    fraction, step = job.progress
    place = default_runner().place(job)
    if place is not None:
        step = f"place {place.number} of {place.of} in the queue"
    with st.container(border=True):
        st.progress(
            min(max(fraction or 0.0, 0.0), 1.0),
            text=f"**{linked.title}** · {text.escape(step or 'starting')} · {linked.seconds:.0f} s",
        )
        if st.button("Cancel", key=f"cancel:{slot}", icon=":material/close:"):
            abandoned_jobs.take_back(job)
    concurrent.futures.wait([job], timeout=POLL_S / 2)
    if job.done():
        st.rerun()


def write_address() -> None:
    """Write the ids of this session's jobs into the address, where they are missing."""
    ids = linked_ids()
    if st.query_params.get_all(PARAM) != ids:
        st.query_params[PARAM] = ids


def _register(linked: LinkedJob) -> None:
    st.session_state[f"job:{linked.slot}"] = linked
    st.session_state.setdefault(_SLOTS, set()).add(linked.slot)
    job_links.remember(linked)


def _model_key(source: ModelKey, choice: dict[str, Any]) -> str:
    chosen = [choice.get("tag_set"), choice.get("signature")]
    return json.dumps([source.hash, source.part, *chosen])


def _session() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
