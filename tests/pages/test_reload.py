"""A reloaded page is a new session with the old address: it finds its job again, and its answer."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.errors import JobCancelled
from inspector.jobs.job import Job
from inspector.ui.session import job_status
from tests.pages import app

MODEL = locations.sample_models() / "iris" / "saved_model" / "saved_model.pb"


class HeldModel(BaseHTTPRequestHandler):
    """Sends a model once it is let go."""

    may_go: ClassVar[threading.Event] = threading.Event()

    def do_GET(self) -> None:
        data = MODEL.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.may_go.wait(60)
        self.wfile.write(data)

    def log_message(self, *_args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    HeldModel.may_go.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), HeldModel) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        monkeypatch.setenv("INSPECTOR_URLS", address)
        yield f"{address}held.pb"
        HeldModel.may_go.set()
        server.shutdown()


def fetching(url: str) -> AppTest:
    at = app.started()
    at.text_input(key="open_url_text").set_value(url).run()
    return at.button(key="open_url").click().run()


def reloaded(job_ids: list[str], **params: str) -> AppTest:
    at = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    at.query_params[job_status.PARAM] = job_ids
    for key, value in params.items():
        at.query_params[key] = value
    return at.run()


def job_of(at: AppTest) -> Job:
    job: Job = at.session_state["job:fetch"].job
    return job


def test_a_reloaded_page_goes_on_with_its_job(url: str) -> None:
    first = fetching(url)
    job = job_of(first)
    assert first.query_params[job_status.PARAM] in (job.id, [job.id])
    second = reloaded([job.id])
    again = job_of(second)
    assert again.run is job.run
    assert again.id != job.id
    assert second.query_params[job_status.PARAM] in (again.id, [again.id])
    job.cancel()
    assert not again.done()
    HeldModel.may_go.set()
    assert app.settled(second.run()).session_state["model"].name == "held.pb"


def test_an_answer_that_came_meanwhile_is_found(url: str) -> None:
    job = job_of(fetching(url))
    HeldModel.may_go.set()
    job.result(30)
    for _reload in range(2):  # the second finds the model that the first took out of the folder
        assert app.settled(reloaded([job.id])).session_state["model"].name == "held.pb"


@pytest.mark.parametrize("job_id", ["", "x", "../../etc", "0" * 10_000])
def test_an_unknown_id_is_nothing(job_id: str) -> None:
    at = reloaded([job_id] * 20)
    assert not at.exception
    assert not at.error
    assert at.button(key="sample_iris")


def test_the_same_request_of_another_session_is_the_same_run(url: str) -> None:
    first, second = fetching(url), fetching(url)
    job = job_of(first)
    assert job.run is job_of(second).run
    second.button(key="cancel:fetch").click().run()
    assert second.info[0].value.startswith("Cancelled after")
    assert not job.done()
    first.button(key="cancel:fetch").click().run()
    assert isinstance(job.exception(5), JobCancelled)


def test_the_place_in_the_queue_is_shown_and_a_small_model_opens_meanwhile(url: str) -> None:
    busy = [fetching(f"{url}?{number}") for number in range(os.cpu_count() or 1)]
    waits, last = fetching(url), fetching(f"{url}?last")
    waits.run()
    assert "place 1 of 2 in the queue" in waits.get("progress")[0].proto.text
    assert "place 2 of 2 in the queue" in last.get("progress")[0].proto.text
    assert app.opened("iris").session_state["model"].name.startswith("Iris")
    assert not any(job_of(at).done() for at in [*busy, waits, last])


@pytest.mark.tensorflow
def test_a_result_is_found_again_and_not_for_another_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_status, "PATIENCE_S", app.PATIENCE_S)
    first = app.on(app.opened("iris"), "optimise")
    first.toggle(key="check_steps").set_value(False).run()
    app.settled(first.button(key="run").click().run())
    result = first.session_state["result"]
    second = reloaded([], sample="iris", result=result.link)
    assert second.session_state["result"].folder == result.folder
    other = reloaded([], sample="bikes", result=result.link)
    assert other.session_state["model"].name.startswith("Bike")
    assert "result" not in other.session_state
