"""Opens the model of an address when its page is asked for, before the page has a session.

A browser loads Streamlit's scripts for a second before it connects. Meanwhile a job opens the model
that the address names, the picture is laid out, and the browser draws it (`early_pictures`). The
session that comes joins this job. Whoever asks for a page may be anybody: an opening is one that a
session may make as well, at most `MOST` are kept, together they have one session's share of the
machine, and one that no session joins within `PATIENCE_S` is cancelled.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from inspector.errors import InspectorError, JobCancelled
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job, JobResult
from inspector.jobs.store.workspace import ModelKey
from inspector.ui.server import model_links
from inspector.ui.server.model_links import ModelLink, Params
from inspector.view.canvas.content import CanvasContent, pick_marks
from inspector.view.layout import layout
from inspector.view.state import actions, links
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import Hierarchy

MOST = 4
"""Most openings at once; further pages open their model when their session is there."""
PATIENCE_S = 10.0
"""Seconds after which the job of an opening that no session has joined is cancelled."""
KEPT_S = 15.0
"""Seconds after its end for which an opening is kept for a session."""
SESSION = "early"
"""Whose jobs they are: of one session, so that all together take one turn in the queue."""
_log = logging.getLogger(__name__)
_openings: list[Opening] = []
_lock = threading.Lock()


class Opening:
    """A model that is opened for a page.

    Attributes:
        token: What the page's browser names it by; cannot be guessed.
        is_taken: Set when a session has what it came for.
        tables: Node table and hierarchy, once the job has ended.
        picture: What the canvas draws, as JSON; None where there is nothing to draw.
    """

    def __init__(self, link: ModelLink, view: Params | None) -> None:
        self.token: str = secrets.token_urlsafe(16)
        self.link: ModelLink = link
        self.view: Params | None = view
        self.identity: str = ""
        self.job: Job | None = None
        self.is_joined: bool = False
        self.is_taken: threading.Event = threading.Event()
        self.tables: Future[tuple[NodeTable, Hierarchy]] = Future()
        self.picture: Future[bytes | None] = Future()

    def work(self) -> None:
        """Open the model and lay out its picture, then wait until a session had time to come."""
        error: Exception = JobCancelled("open", "job", "no session asked for it")
        try:
            self._open()
        except InspectorError as err:
            error = err  # the session meets it too, and shows it
        except Exception as err:
            _log.exception("the model of a page could not be opened before its session")
            error = err
        finally:
            if not self.tables.done():
                self.tables.set_exception(error)
            if not self.picture.done():
                self.picture.set_result(None)
        if self.tables.exception() is None:
            self.is_taken.wait(KEPT_S)
        if self.job is not None and self.is_joined:
            wait([self.job])
            self.is_taken.wait(KEPT_S)
        elif self.job is not None:
            self.job.cancel()  # no effect on one that is done

    def _open(self) -> None:
        source = model_links.source_of(self.link)
        identity = _identity(source, self.link.choice)
        with _lock:
            same = next((other for other in _openings if other.identity == identity), None)
            if same is None:
                self.identity = identity
        if same is not None:
            table, tree = same.tables.result()
        else:
            self.job = model_links.submit("open", self.link.choice, source, SESSION)
            table, tree = _tables(self._picture_blobs())
        self.tables.set_result((table, tree))
        if self.view is not None and len(table):
            self.picture.set_result(_picture(tree, self.view))

    def _picture_blobs(self) -> Mapping[str, bytes]:
        """Wait for what the picture is made from, which comes before the rest of the answer.

        The job is another one once a session has joined.
        """
        while True:
            job = self.job
            assert job is not None
            ahead = job.run.ahead
            patience = None if self.is_joined else PATIENCE_S
            either: list[Future[Any]] = [job, ahead]
            wait(either, timeout=patience, return_when=FIRST_COMPLETED)
            with _lock:
                if ahead.done():
                    return ahead.result()
                if self.job is not job:
                    continue
                if job.done():
                    return job.result().blobs
            job.cancel()


def begin(params: Params, *, with_picture: bool) -> Opening | None:
    """Open the model that an address names, in the background.

    Returns: The opening; None without a model in the address, or if there are too many.
    """
    link = model_links.read(params)
    if link is None:
        return None
    view = {key: params[key] for key in links.KEYS if key in params} if with_picture else None
    opening = Opening(link, view)
    with _lock:
        if len(_openings) >= MOST:
            return None
        _openings.append(opening)
    threading.Thread(target=_work, args=(opening,), name="early opening", daemon=True).start()
    return opening


def find(token: str) -> Opening | None:
    """The opening with this token, while it is kept."""
    with _lock:
        return next((it for it in _openings if secrets.compare_digest(it.token, token)), None)


def join(source: ModelKey, choice: dict[str, Any], session: str) -> Job | None:
    """A job of this session that has the answer of an opening.

    Args:
        source: As the session found it itself, so that it may have the answer.
    Returns: None if no page with this model was asked for lately, or if its job did not end well.
    """
    identity = _identity(source, choice)
    with _lock:
        opening = next((it for it in _openings if it.identity == identity), None)
        if opening is None or (job := opening.job) is None:
            return None
        if job.done() and job.exception() is not None:
            return None
        opening.job, opening.is_joined = default_runner().join(job, session), True
    job.cancel()  # from here on it is the session's, which may cancel it
    return opening.job


def tables(answer: JobResult) -> tuple[NodeTable, Hierarchy]:
    """Node table and hierarchy of the answer of an ``open`` job, of an opening if it has them.

    Raises: CorruptModel.
    """
    with _lock:
        opened = [it for it in _openings if it.job is not None and it.job.done()]
    for opening in opened:
        assert opening.job is not None
        if opening.job.exception() is None and opening.job.result() is answer:
            opening.is_taken.set()
            return opening.tables.result()
    return _tables(answer.blobs)


def _tables(blobs: Mapping[str, bytes]) -> tuple[NodeTable, Hierarchy]:
    table = NodeTable.from_json(blobs["summary"])
    return table, Hierarchy.from_json(table, blobs["hierarchy"])


def _work(opening: Opening) -> None:
    try:
        opening.work()
    finally:
        with _lock:
            _openings.remove(opening)


def _identity(source: ModelKey, choice: dict[str, Any]) -> str:
    chosen = [choice.get("tag_set"), choice.get("signature")]
    return json.dumps([source.hash, source.part, *chosen])


def _picture(tree: Hierarchy, view: Params) -> bytes:
    """What the Graph page shows first, for its canvas.

    Raises: LayoutError.
    """
    state = links.from_params(tree, view) if view else actions.first(tree)
    drawn = layout.picture_of(tree, state.opened, keep=state.last)
    marks = pick_marks(
        actions.drawn_names(tree, state.outputs), actions.drawn_names(tree, state.inputs)
    )
    content = CanvasContent(drawn.layout, marks=marks, trace=state.trace, fills=True)
    return json.dumps(content.message(), separators=(",", ":")).encode()
