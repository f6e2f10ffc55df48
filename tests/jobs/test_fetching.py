"""URLs: files and folders fetched within limits, and what a server may try."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from inspector import locations, open_model
from inspector.errors import (
    CorruptModel,
    InspectorError,
    LimitExceeded,
    MissingFile,
    UnsupportedModel,
)
from inspector.jobs.tasks import fetch

MODEL = locations.sample_models() / "iris" / "saved_model"


class Handler(BaseHTTPRequestHandler):
    """Answers by the path: a model, lies, and floods."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        kind = self.path.partition("?")[0].split("/")[1]
        data = (MODEL / "saved_model.pb").read_bytes()
        if kind in ("redirect", "away", "loop"):
            self.send_response(302)
            to = {"redirect": "/m.pb", "away": "file:///etc/passwd", "loop": "/loop"}[kind]
            self.send_header("Location", to)
            self.end_headers()
            return
        if kind == "gone":
            self.send_error(404, "<b>gone</b>")
            return
        self.send_response(200)
        if kind in ("short", "m.pb", "a%20b.pb"):
            self.send_header("Content-Length", str(len(data) + (100 if kind == "short" else 0)))
        if kind == "huge":
            self.send_header("Content-Length", str(1 << 50))
        self.end_headers()
        try:
            if kind == "endless":
                while True:
                    self.wfile.write(bytes(1 << 16))
            if kind == "slow":
                for _ in range(100):
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.1)
            self.wfile.write(data)
        except OSError:
            pass

    def log_message(self, *_args: object) -> None:
        """Nothing is printed."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        found.daemon_threads = True
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


def test_a_url_is_opened_like_a_file(server: str) -> None:
    for path in ("m.pb", "redirect", "a%20b.pb"):
        model = open_model(f"{server}/{path}")
        assert len(model.graph) == 252
    assert model.name == "a b.pb"


@pytest.mark.parametrize(
    ("path", "error", "told"),
    [
        ("gone", MissingFile, "the server answers 404"),
        ("short", CorruptModel, "cut short"),
        ("huge", LimitExceeded, "larger than 1 MiB"),
        ("endless", LimitExceeded, "larger than 1 MiB"),
        ("slow", LimitExceeded, "not fetched within 1 seconds"),
        ("away", UnsupportedModel, "redirects to where"),
        ("loop", UnsupportedModel, "in circles"),
    ],
)
def test_what_a_server_may_try_is_one_error(
    server: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    error: type[InspectorError],
    told: str,
) -> None:
    monkeypatch.setenv("INSPECTOR_FETCH_SIZE", "1 MiB")
    monkeypatch.setenv("INSPECTOR_FETCH_TIME", "1")
    start = time.monotonic()
    with pytest.raises(error, match=told):
        fetch.fetch(f"{server}/{path}", tmp_path)
    assert time.monotonic() - start < 20
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 1 << 20


def test_nobody_there_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match="cannot be fetched"):
        fetch.fetch("http://127.0.0.1:9/m.pb", tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "local:///etc/passwd",
        "simplecache::file:///etc/passwd",
        "zip://x::file:///a.zip",
        "memory://m",
        "http://allowed.example/models-secret/m.pb",
        "http://allowed.example/models/../secret/m.pb",
        "http://allowed.example/models/%2e%2e/secret/m.pb",
        "http://allowed.example/models/%252e%252e/secret/m.pb",
        "http://allowed.example/models/..%5csecret",
        "http://allowed.example\\@evil.example/models/m.pb",
        "http://user@allowed.example/models/m.pb",
        "http://allowed.example@evil.example/models/m.pb",
        "http://allowed.example:8080/models/m.pb",
        "https://allowed.example/models/m.pb",
        "http://allowed.example.evil.example/models/m.pb",
        "http://allowed.example/models/\nm.pb",
        "//allowed.example/models/m.pb",
        "http://[/models/",
        "/etc/passwd",
    ],
)
def test_only_what_begins_as_allowed_is_fetched(url: str) -> None:
    allowed = ["http://allowed.example/models"]
    assert fetch.check("http://allowed.example/models/m.pb", allowed) == "http"
    assert fetch.check("http://ALLOWED.example/models/a/b", allowed) == "http"
    with pytest.raises(UnsupportedModel):
        fetch.check(url, allowed)
    with pytest.raises(UnsupportedModel):
        fetch.check("http://allowed.example/models/m.pb", [])


def test_a_redirect_leads_only_to_where_one_may_go(server: str, tmp_path: Path) -> None:
    Handler.asked.clear()
    with pytest.raises(UnsupportedModel, match="INSPECTOR_URLS"):
        fetch.fetch(f"{server}/redirect", tmp_path, allowed=[f"{server}/redirect"])
    assert Handler.asked == ["/redirect"]


def test_a_folder_is_fetched_with_what_belongs_to_the_model(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    for file in MODEL.rglob("*"):
        if file.is_file():
            system.pipe(f"/bucket/iris/{file.relative_to(MODEL)}", file.read_bytes())
    system.pipe("/bucket/iris/checkpoints/big", bytes(1000))
    try:
        model = open_model("memory://bucket/iris")
        assert model.name == "iris"
        assert model.variables
        made = fetch.fetch("memory://bucket/iris", tmp_path)
        assert not (made / "checkpoints").exists()
        one = open_model("memory://bucket/iris/saved_model.pb")
        assert len(one.graph) == 252
        with pytest.raises(MissingFile, match="no such file"):
            open_model("memory://bucket/nothing")
    finally:
        system.rm("/bucket", recursive=True)


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(UnsupportedModel, match="needs a package that is not installed"):
        fetch.fetch("adl://store/m.pb", tmp_path)
    with pytest.raises(MissingFile, match="cannot be fetched"):
        fetch.fetch("nosuchthing://m.pb", tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(UnsupportedModel, match=r"pip install 'tf-graph-inspector\[urls\]'"):
        fetch.fetch("s3://bucket/m.pb", tmp_path)
