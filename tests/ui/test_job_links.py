"""Jobs by the ids that addresses hold: found while they are of use, and never without bound."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from inspector.errors import JobCancelled
from inspector.jobs.job import Job, JobResult, Order, Run
from inspector.jobs.requests import MIB, Limits, Request
from inspector.ui.session import job_links
from inspector.ui.session.job_links import LinkedJob


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    job_links._table.clear()
    yield
    job_links._table.clear()


def linked(*, seconds_ago: float = 0.0) -> LinkedJob:
    order = Order(Request("x", "x:x"), {}, {}, Limits(), None, None, None, 0, False)
    job = Job(Run(order), "a session", lambda _job: False)
    linked_job = LinkedJob("predict", "Running", job, "", time.monotonic() - seconds_ago)
    job_links.remember(linked_job)
    return linked_job


def test_a_job_is_found_by_its_id_while_it_runs_and_when_it_is_done() -> None:
    one, other = linked(), linked()
    assert one.job.id != other.job.id
    assert len(one.job.id) >= 20
    assert job_links.find(one.job.id) is one
    one.job.set_result(JobResult({}))
    assert job_links.find(one.job.id) is one
    assert job_links.find("../x") is None
    other.job.set_exception(JobCancelled("x", "job", "cancelled"))
    assert job_links.find(other.job.id) is None


def test_what_ended_long_ago_is_forgotten_and_what_runs_is_not() -> None:
    runs = linked(seconds_ago=job_links.KEPT_S + 1)
    ended = linked(seconds_ago=job_links.KEPT_S + 1)
    ended.job.set_result(JobResult({}))
    linked()
    assert job_links.find(ended.job.id) is None
    assert job_links.find(runs.job.id) is runs


def test_answers_are_kept_within_bounds_of_number_and_bytes() -> None:
    large = [linked() for _ in range(4)]
    for item in large:
        item.job.set_result(JobResult({}, {"x": bytes(100 * MIB)}))
    linked()
    assert [job_links.find(item.job.id) is not None for item in large] == [False] * 2 + [True] * 2
    small = [linked() for _ in range(200)]
    for item in small:
        item.job.set_result(JobResult({}))
    linked()
    assert sum(job_links.find(item.job.id) is not None for item in small) == 64
    assert job_links.find(small[-1].job.id) is small[-1]
