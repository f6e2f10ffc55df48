"""URLs in the browser: off, unless the operator names what may be fetched."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from inspector import locations
from tests.pages import app


class Quiet(SimpleHTTPRequestHandler):
    """Files of a folder, without a word."""

    def log_message(self, *_args: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(locations.sample_models()))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        threading.Thread(target=http_server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http_server.server_address[1]}"
        http_server.shutdown()


def test_without_the_setting_there_is_no_place_for_a_url(server: str) -> None:
    at = app.started()
    assert "open_url_text" not in {box.key for box in at.text_input}
    at.text_input(key="open_path_text").set_value(f"{server}/iris/saved_model/saved_model.pb").run()
    at.button(key="open_path").click()
    app.settled(at.run())
    assert at.error


def test_an_allowed_url_is_fetched_and_opened(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_URLS", f"https://models.example.org/ {server}/iris/")
    at = app.started()
    for url, reason in (
        (f"{server}/shapes/saved_model/saved_model.pb", "only URLs that begin as INSPECTOR_URLS"),
        (f"{server}/iris/nothing.pb", "nothing.pb: URL: the server answers 404"),
        ("file:///etc/passwd", "a path is given as such"),
    ):
        at.text_input(key="open_url_text").set_value(url).run()
        at.button(key="open_url").click()
        app.settled(at.run())
        (error,) = at.error
        assert reason in error.value.replace("\\", "")
    at.text_input(key="open_url_text").set_value(f"{server}/iris/saved_model/saved_model.pb").run()
    at.button(key="open_url").click()
    at = app.on(app.settled(app.settled(at.run()).run()), "overview")
    assert not at.exception
    assert app.metrics(at)["Operations"] == "252"
