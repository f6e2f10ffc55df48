"""Long jobs in a page: start one, watch its progress, take it back, receive its answer once.

A page calls `finished` first, then `show`. While a job runs, `show` draws its progress and a
Cancel button and ends the page; a fragment looks again every 0.4 s and runs the page anew at the
end. Jobs under `PATIENCE` are simply waited for, so that quick answers do not flicker.
"""

from __future__ import annotations

import concurrent.futures
import time
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from inspector import locations, server_paths
from inspector.errors import InspectorError, JobCancelled
from inspector.jobs import fetching
from inspector.jobs.job import Job, JobResult
from inspector.jobs.runner import default_runner
from inspector.jobs.workspace import ModelKey
from inspector.ui import state, text

PATIENCE = 0.7
"""Seconds a page waits for a new job before it shows a progress bar."""
LOOK_AGAIN = 0.4
"""Seconds between two looks at a job that runs; in half of them its end is awaited."""


def submit(kind: str, args: dict[str, Any], source: ModelKey, **options: Any) -> Job:
    """Queue a job that reads a model; the answer is kept where the model lies in the workspace.

    A model that lies elsewhere is looked at again each time: what may be read of it is what the
    folders of the operator hold now.

    Raises: UnsupportedModel, MissingFile, LimitExceeded: see `server_paths.check`.
    """
    runner = default_runner()
    if source.path.is_relative_to(runner.workspace.root):
        return runner.submit(kind, args, model=source, session=_session(), **options)
    server_paths.check(source.path, trusted=_is_started_on(source.path))
    args = {**args, "path": str(source.path)}
    return runner.submit(kind, args, session=_session(), **options)


def start(
    slot: str, kind: str, args: dict[str, Any], source: ModelKey, title: str, **options: Any
) -> None:
    """Start a job in a slot of this session; one that still runs there is cancelled."""
    cancel(slot)
    st.session_state.pop(f"failed:{slot}", None)
    try:
        job = submit(kind, args, source, **options)
    except InspectorError as err:
        fail(slot, err)
    else:
        st.session_state[f"job:{slot}"] = (job, title, time.monotonic())


def fetch(slot: str, url: str, allowed: list[str] | None, title: str) -> None:
    """Start to fetch a URL in a slot of this session.

    Raises: InspectorError for a setting that cannot be read.
    """
    cancel(slot)
    st.session_state.pop(f"failed:{slot}", None)
    args = {"url": url, "allowed": allowed}
    limits = fetching.limits()
    job = default_runner().submit("fetch", args, limits=limits, session=_session())
    st.session_state[f"job:{slot}"] = (job, title, time.monotonic())


def cancel(slot: str) -> None:
    """Take back the slot's job, if one runs."""
    entry = st.session_state.pop(f"job:{slot}", None)
    if entry is not None:
        entry[0].cancel()


def clear() -> None:
    """Take back every job of this session and forget what failed: the model they read is closed."""
    for key in [str(key) for key in st.session_state]:
        if key.startswith("job:"):
            cancel(key.removeprefix("job:"))
        elif key.startswith("failed:"):
            del st.session_state[key]


def fail(slot: str, error: InspectorError) -> None:
    """Keep an error for `show`, as if a job of the slot had ended with it."""
    st.session_state[f"failed:{slot}"] = str(error)


def forget(slot: str) -> None:
    """Forget what failed in the slot."""
    st.session_state.pop(f"failed:{slot}", None)


def finished(slot: str) -> JobResult | None:
    """The answer of the slot's job, once; None while there is none. An error is kept for `show`."""
    entry = st.session_state.get(f"job:{slot}")
    if entry is None:
        return None
    job: Job = entry[0]
    concurrent.futures.wait([job], timeout=max(0.0, entry[2] + PATIENCE - time.monotonic()))
    if not job.done():
        return None
    del st.session_state[f"job:{slot}"]
    try:
        return job.result(0)
    except (JobCancelled, concurrent.futures.CancelledError):
        st.toast("Cancelled.", icon=":material/cancel:")
    except InspectorError as err:
        st.session_state[f"failed:{slot}"] = str(err)
    return None


def idle(slot: str) -> bool:
    """True if nothing runs in the slot and nothing failed there since it was last started."""
    return f"job:{slot}" not in st.session_state and f"failed:{slot}" not in st.session_state


def failed(slot: str) -> bool:
    """True if the slot's last job failed."""
    return f"failed:{slot}" in st.session_state


def show(slot: str, *, stop: bool = True) -> None:
    """Show the error of the slot's last job, or the progress of its job.

    Args:
        stop: While the job runs, the page ends here.
    """
    failed = st.session_state.get(f"failed:{slot}")
    if failed is not None:
        state.error(failed)
    if f"job:{slot}" in st.session_state:
        _watch(slot)
        if stop:
            st.stop()


@st.fragment(run_every=LOOK_AGAIN)
def _watch(slot: str) -> None:
    entry = st.session_state.get(f"job:{slot}")
    if entry is None or entry[0].done():
        st.rerun()
    job, title, since = entry
    fraction, step = job.progress
    seconds = time.monotonic() - since
    with st.container(border=True):
        st.progress(
            min(max(fraction or 0.0, 0.0), 1.0),
            text=f"**{title}** · {text.escape(step or 'waiting')} · {seconds:.0f} s",
        )
        if st.button("Cancel", key=f"cancel:{slot}", icon=":material/close:"):
            job.cancel()
    concurrent.futures.wait([job], timeout=LOOK_AGAIN / 2)
    if job.done():
        st.rerun()


def _is_started_on(path: Path) -> bool:
    """Whether the operator named this path on the command line."""
    named = locations.start_model()
    return named is not None and Path(named) == path


def _session() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
