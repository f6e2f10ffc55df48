"""A model is opened when its page is asked for: once, within bounds, and only for who may."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inspector import locations
from inspector.errors import JobCancelled, MissingFile, UnsupportedModel
from inspector.ui.server import early_openings, early_pictures, model_links
from inspector.ui.server.base_url import BaseUrl
from inspector.ui.server.early_openings import Opening
from inspector.ui.server.early_pictures import EarlyPictures
from inspector.ui.server.web_guard import Address, WebGuard
from tests.sending import run_async

PAGE = b'<html><script type="module" src="./static/js/index.js"></script></html>'
BROWSER = [(b"host", b"box:80"), (b"accept", b"text/html")]
PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _ended() -> Iterator[None]:
    yield
    for opening in list(early_openings._openings):
        opening.is_taken.set()
    deadline = time.monotonic() + PATIENCE_S
    while early_openings._openings and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not early_openings._openings


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """An address with a model below the allowed folders, whose answers no workspace has."""
    model = locations.sample_models() / "iris" / "saved_model" / "saved_model.pb"
    shutil.copy(model, tmp_path / "saved_model.pb")
    shutil.copytree(model.parent / "variables", tmp_path / "variables")
    (tmp_path.parent / "outside.pb").write_bytes(model.read_bytes())
    monkeypatch.setenv("INSPECTOR_ROOTS", str(tmp_path))
    return {"path": ["saved_model.pb"]}


def begun(params: dict[str, list[str]], *, with_picture: bool = False) -> Opening:
    opening = early_openings.begin(params, with_picture=with_picture)
    assert opening is not None
    return opening


def link_of(params: dict[str, list[str]]) -> model_links.ModelLink:
    link = model_links.read(params)
    assert link is not None
    return link


def test_a_session_gets_the_answer_of_the_one_job(params: dict[str, list[str]]) -> None:
    first = begun(params)
    first.tables.result(PATIENCE_S)
    second = begun(params)
    assert second.tables.result(PATIENCE_S) == first.tables.result()
    link = link_of(params)
    job = early_openings.join(model_links.source_of(link), link.choice, "a session")
    assert job is not None
    assert job.session == "a session"
    assert early_openings.tables(job.result())[1] is first.tables.result()[1]
    assert second.job is None  # one job for both


def test_a_session_that_comes_while_the_job_runs_has_it_from_then_on(
    params: dict[str, list[str]],
) -> None:
    opening, link = begun(params), link_of(params)
    source = model_links.source_of(link)
    deadline = time.monotonic() + PATIENCE_S
    while (job := early_openings.join(source, link.choice, "a session")) is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    assert opening.job is job
    assert job.run.sessions <= {"a session"}
    assert early_openings.tables(job.result(PATIENCE_S))[1] is opening.tables.result()[1]


def test_a_job_that_no_session_joins_is_cancelled(
    params: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_openings, "PATIENCE_S", 0.0)
    opening = begun(params, with_picture=True)
    assert isinstance(opening.tables.exception(PATIENCE_S), JobCancelled)
    assert opening.picture.result(PATIENCE_S) is None
    link = link_of(params)
    assert early_openings.join(model_links.source_of(link), link.choice, "a session") is None


def test_another_choice_is_not_joined(params: dict[str, list[str]]) -> None:
    begun(params).tables.result(PATIENCE_S)
    link = link_of(params)
    source = model_links.source_of(link)
    assert early_openings.join(source, {**link.choice, "signature": "x"}, "a session") is None


def test_what_an_address_may_not_open_is_refused_as_for_a_session(
    params: dict[str, list[str]],
) -> None:
    del params
    for path in ("../outside.pb", "/etc/passwd"):
        assert isinstance(begun({"path": [path]}).tables.exception(PATIENCE_S), UnsupportedModel)
    for gone in ({"path": ["nothing.pb"]}, {"model": ["0" * 64]}, {"sample": ["x"]}):
        assert isinstance(begun(gone).tables.exception(PATIENCE_S), MissingFile)


def test_there_is_a_limit_and_no_more_threads_than_that(
    params: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early_openings, "MOST", 2)
    one, two = begun(params), begun(params)
    assert early_openings.begin(params, with_picture=True) is None
    assert sum(thread.name == "early opening" for thread in threading.enumerate()) <= 2
    assert early_openings.find(one.token) is one
    assert one.token != two.token
    assert early_openings.find("") is None


def ask(path: str, query: bytes, headers: Any, method: str = "GET") -> tuple[int, bytes]:
    """Status and HTML of a page, as the app answers it."""
    sent: list[Any] = []

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        start = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": PAGE if method == "GET" else b""})

    async def send(message: Any) -> None:
        sent.append(message)

    guarded = WebGuard(BaseUrl(app, EarlyPictures().tag), [Address("http", "box", 80)])
    scope = {"type": "http", "method": method, "path": path, "query_string": query}
    run_async(guarded({**scope, "headers": headers}, None, send))  # type: ignore[arg-type]
    return sent[0]["status"], sent[1]["body"]


def test_a_page_names_the_picture_of_its_model(params: dict[str, list[str]]) -> None:
    query = f"path={params['path'][0]}&node=%22%3E%3Cscript%3E".encode()
    status, page = ask("/graph", query, BROWSER)
    assert status == 200
    ask("/graph", query, BROWSER)
    opening, again = early_openings._openings
    assert f'data-picture="/early/{opening.token}"'.encode() in page
    assert b"node" not in page  # nothing of the address
    picture = opening.picture.result(PATIENCE_S)
    assert picture is not None
    assert json.loads(picture)["fills"] is True
    assert again.picture.result(PATIENCE_S) == picture
    for token in (opening.token, again.token):
        assert received(f"/early/{token}") == (200, picture)


@pytest.mark.parametrize(
    ("path", "query", "headers", "method"),
    [
        ("/graph", b"path=saved_model.pb", [(b"host", b"evil.example"), BROWSER[1]], "GET"),
        ("/graph", b"path=saved_model.pb", [BROWSER[0], (b"accept", b"*/*")], "GET"),
        ("/graph", b"path=saved_model.pb", BROWSER, "HEAD"),
        ("/graph", b"path=saved_model.pb", [*BROWSER, (b"sec-purpose", b"prefetch")], "GET"),
        ("/graph", b"path=saved_model.pb", [*BROWSER, (b"sec-fetch-mode", b"cors")], "GET"),
        ("/nothing", b"path=saved_model.pb", BROWSER, "GET"),
        ("/graph", b"", BROWSER, "GET"),
        ("/graph", b"&".join(b"path=%d" % number for number in range(600)), BROWSER, "GET"),
    ],
)
def test_other_requests_open_nothing(
    params: dict[str, list[str]], path: str, query: bytes, headers: Any, method: str
) -> None:
    del params
    _, body = ask(path, query, headers, method)
    assert not early_openings._openings
    assert b"early" not in body


def test_pages_without_a_picture_open_their_model_too(
    params: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = ask("/overview", b"path=saved_model.pb", BROWSER)
    (opening,) = early_openings._openings
    assert b"early" not in page
    assert opening.tables.result(PATIENCE_S)
    monkeypatch.setenv(locations.START_MODEL, str(Path(params["path"][0]).resolve()))
    ask("/", b"", BROWSER)
    assert [it.link.kind for it in early_openings._openings][-1] == "start"


def received(path: str) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    run_async(EarlyPictures()(scope, None, send))  # type: ignore[arg-type]
    return sent[0]["status"], sent[1]["body"]


def test_the_route_has_the_script_and_no_picture_of_others() -> None:
    script = EarlyPictures().script_path
    status, body = received(script)
    assert status == 200
    assert body == early_pictures.script()
    assert b"export default" not in body
    assert received("/early/guessed") == (204, b"")
    assert received("/early/") == (204, b"")
