"""Jobs by id, so that a reloaded page finds its jobs and their answers by the ids in the address.

Streamlit gives a reloaded page a new session with an empty state. The id of a job is random and too
long to guess. Whoever has the address may watch the job and see its answer, just as whoever has a
model's address may see the model.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from inspector.jobs.job import Job

KEPT_S = 1800.0
"""Seconds for which an ended job is kept."""
_MAX_ENDED = 64
_MAX_ANSWER_BYTES = 256 << 20


@dataclass(frozen=True)
class LinkedJob:
    """A job of a page."""

    slot: str
    """The slot of the page, e.g. ``optimise``."""
    title: str
    job: Job
    model: str
    """The model and the choice of its graph; empty for a job that reads no model."""
    started: float
    """``time.monotonic()`` at submission."""

    @property
    def seconds(self) -> float:
        """Seconds since submission."""
        return time.monotonic() - self.started


_lock = threading.Lock()
_table: OrderedDict[str, LinkedJob] = OrderedDict()


def remember(linked: LinkedJob) -> None:
    """Store the job under its id."""
    with _lock:
        _table[linked.job.id] = linked
        _drop_old()


def find(job_id: str) -> LinkedJob | None:
    """The job of this id; None for an unknown id and for a cancelled job."""
    with _lock:
        linked = _table.get(job_id)
    return None if linked is None or linked.job.cancelled() else linked


def _drop_old() -> None:
    """Drop ended jobs, the oldest first, that exceed the limits of age, number or answer bytes."""
    ended = [(job_id, linked) for job_id, linked in _table.items() if linked.job.done()]
    sizes = {job_id: _answer_bytes(linked.job) for job_id, linked in ended}
    total, number = sum(sizes.values()), len(ended)
    for job_id, linked in ended:
        if total <= _MAX_ANSWER_BYTES and number <= _MAX_ENDED and linked.seconds < KEPT_S:
            continue
        del _table[job_id]
        total, number = total - sizes[job_id], number - 1


def _answer_bytes(job: Job) -> int:
    if job.exception() is not None:
        return 0
    return sum(map(len, job.result().blobs.values()))
