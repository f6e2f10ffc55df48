"""A search of a browser session: a thread that asks for its jobs, one after the other.

The jobs belong to the session, so that they end with its browser, and the thread with them. It also
ends when the search is dropped from the session: the model was closed, or another search started.
"""

from __future__ import annotations

import secrets
import threading
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from inspector.errors import InspectorError, JobCancelled
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job
from inspector.jobs.result_files import SAVED_MODEL
from inspector.jobs.runner import LocalRunner
from inspector.jobs.store.workspace import ModelKey
from inspector.optimisation.feed_source import FeedsJson
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.searching.job_batch import Asker, joined
from inspector.searching.outcome import SearchResult
from inspector.searching.stages import Search, Setup
from inspector.ui.session import job_status, state

KEY = state.OF_MODEL + "search"
"""The session's key of its `RunningSearch`."""
PARAM = "searching"
"""The parameter of an address with the id of a search."""


@dataclass(eq=False)
class _Work:
    """What the thread shares with the pages.

    Attributes:
        model: The key of the model that is searched.
        session: The browser session whose jobs it asks for.
        owner: Of the `RunningSearch` that ends it: the one that was made last.
    """

    model: str
    session: str
    id: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    owner: object = None
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread = field(default_factory=threading.Thread)
    search: Search | None = None
    error: InspectorError | None = None
    progress: tuple[float | None, str] = (0.0, "freeze the model")


_works: weakref.WeakValueDictionary[str, _Work] = weakref.WeakValueDictionary()
"""By id, for as long as they run or a session shows them: Streamlit keeps the session before a
reload for some minutes."""


class RunningSearch:
    """A search that runs or has ended, as one session shows it.

    It ends when the session drops it, unless a reloaded page has taken it over.
    """

    def __init__(self, work: _Work) -> None:
        self._work = work
        owner = work.owner = object()
        weakref.finalize(self, _release, work, owner)

    @property
    def id(self) -> str:
        """What an address names it by; too long to guess."""
        return self._work.id

    @property
    def thread(self) -> threading.Thread:
        """The thread that asks for its jobs."""
        return self._work.thread

    @property
    def is_running(self) -> bool:
        """Whether its thread has not ended."""
        return self.thread.is_alive()

    @property
    def error(self) -> InspectorError | None:
        """Why it could not go on, if so."""
        return self._work.error

    @property
    def progress(self) -> tuple[float | None, str]:
        """How far it is, and what was done last."""
        return self._work.progress

    def result(self) -> SearchResult | None:
        """What is known by now; None while the model is being frozen."""
        search = self._work.search
        return None if search is None else search.result()

    def stop(self) -> None:
        """End it; it keeps what it has."""
        self._work.stop.set()


def _release(work: _Work, owner: object) -> None:
    if work.owner is owner:
        work.stop.set()


def current() -> RunningSearch | None:
    """The search of the open model, if there is one."""
    running: RunningSearch | None = st.session_state.get(KEY)
    return running


def claim(identifier: str) -> None:
    """Make the jobs of a search those of this session, before the one before a reload is dropped.

    Args:
        identifier: Of an address.
    """
    if (work := _works.get(identifier)) is not None:
        work.session = _session()


def resume(model: state.OpenModel, identifier: str) -> None:
    """Take over a search of this model from the session before a reload; nothing where it is gone.

    Args:
        identifier: Of an address.
    """
    work = _works.get(identifier)
    running = current()
    if work is None or work.model != model.key or (running and running.id == identifier):
        return
    claim(identifier)
    st.session_state[KEY] = RunningSearch(work)


def _session() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""


def start(
    model: state.OpenModel,
    options: OptimiseOptions,
    feeds: tuple[Mapping[str, Any], Mapping[str, bytes]],
    limits: Mapping[str, float],
    *,
    is_lite: bool,
) -> None:
    """Start a search, in place of the one before.

    Args:
        options: What is frozen: inputs, outputs and signature.
        feeds: As the Predict page gives them; among the blobs may be labels.
    Raises: InspectorError where no job may be started.
    """
    before = current()
    if before is not None:
        before.stop()
    # Opening checks again that the path may be read; its answer is in the workspace.
    kind = "open" if is_lite else "candidate"
    args: dict[str, Any] = dict(model.graph_choice)
    if not is_lite:
        args |= {"options": options.to_json(), "to": "saved_model"}
    first = job_status.submit(kind, args, model.source)
    spec, blobs = feeds
    work = _Work(model.key, _session())
    request = _Request(model, spec, blobs, limits, is_lite)
    work.thread = threading.Thread(
        target=_run, args=(work, first, request), name="search", daemon=True
    )
    _works[work.id] = work
    st.session_state[KEY] = RunningSearch(work)
    work.thread.start()


@dataclass(frozen=True)
class _Request:
    model: state.OpenModel
    spec: Mapping[str, Any]
    blobs: Mapping[str, bytes]
    limits: Mapping[str, float]
    is_lite: bool


def _run(work: _Work, first: Job, request: _Request) -> None:
    """The thread. It holds nothing of the session, which may end meanwhile."""
    runner = default_runner()
    try:
        base = _base(work, first, request, runner)
        feeds: FeedsJson = request.spec  # type: ignore[assignment]  # of the Predict page
        setup = Setup(
            name=request.model.name,
            base=base,
            is_lite=request.is_lite,
            feeds=feeds,
            blobs=request.blobs,
            limits=request.limits,
        )
        asker = Asker(runner, base, session=lambda: work.session, cancelled=work.stop.is_set)
        work.search = Search(setup, asker)

        def report(fraction: float | None, text: str) -> None:
            work.progress = (fraction, text)

        work.search.run(report)
    except JobCancelled:
        pass
    except InspectorError as err:
        work.error = err


def _base(work: _Work, first: Job, request: _Request, runner: LocalRunner) -> ModelKey:
    """The model that the search starts from, in the workspace."""
    while not first.done():
        if first.session != work.session:
            first = joined(runner, first, work.session)
        if work.stop.wait(0.1):
            first.cancel()
    answer = first.result()
    source = request.model.source
    if request.is_lite:
        path: Path = source.path
        if path.is_relative_to(runner.workspace.root):
            return source
    else:
        assert answer.folder is not None
        path = answer.folder / SAVED_MODEL
    base = runner.workspace.add_folder(path)
    if request.is_lite:
        base = replace(base, part=source.part)
    runner.policy.allow_derived(base, source)
    return base
