"""The app is served with its own settings, to its own hosts, on a port that is free."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector import locations
from inspector.errors import InspectorError, MissingFile
from inspector.ui import serve
from tests.serving import fetch, running, unused_port


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_the_settings_that_matter_are_set() -> None:
    found = serve.settings()
    assert found["runner.postScriptGC"] is False
    assert found["server.fileWatcherType"] == "none"
    assert found["browser.gatherUsageStats"] is False
    assert found["client.showErrorDetails"] == "none"
    assert found["server.maxUploadSize"] == 500
    assert found["server.address"] == "127.0.0.1"
    assert found["server.headless"] is True
    assert found["server.allowedHosts"] == ["127.0.0.1", "::1", "localhost"]


def test_every_setting_is_one_that_streamlit_knows() -> None:
    from streamlit import config

    unknown = set(serve.settings()) - set(config._config_options_template)
    assert not unknown


def test_a_host_of_ones_own_is_allowed_beside_the_local_names() -> None:
    assert "192.0.2.7" in serve.settings("192.0.2.7")["server.allowedHosts"]
    everywhere = serve.settings("0.0.0.0")["server.allowedHosts"]
    assert socket.gethostname() in everywhere
    assert "0.0.0.0" not in everywhere
    assert "*" not in everywhere


def test_a_taken_port_that_was_asked_for_is_an_error_that_says_what_to_do(taken_port: int) -> None:
    with pytest.raises(InspectorError, match=f"port {taken_port}: 127.0.0.1: .*--port"):
        serve.free_port("127.0.0.1", taken_port)


def test_without_a_wish_the_next_free_port_is_taken_and_said(
    taken_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serve, "DEFAULT_PORT", taken_port)
    port = serve.free_port("127.0.0.1", None)
    assert port > taken_port
    assert capsys.readouterr().err == f"port {taken_port} is taken, so port {port} is used\n"


@pytest.mark.parametrize("host", ["203.0.113.9", "no.such.host.invalid"])
def test_a_host_that_is_not_ours_is_an_error(host: str) -> None:
    with pytest.raises(InspectorError, match="--host"):
        serve.free_port(host, unused_port())


def test_a_model_that_is_not_there_is_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"absent\.pb"):
        serve.serve(str(tmp_path / "absent.pb"), open_browser=False)


def test_the_model_reaches_the_app_as_a_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str | None] = []
    monkeypatch.setattr(serve, "_run", lambda options: ran.append(locations.start_model()))
    monkeypatch.setattr(serve, "_announce", lambda *args: None)
    monkeypatch.setenv(locations.START_MODEL, "of an earlier start")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.pb").touch()
    serve.serve("m.pb", open_browser=False)
    serve.serve("https://example.org/m.zip", open_browser=False)
    serve.serve(None, open_browser=False)
    assert ran == [str(tmp_path / "m.pb"), "https://example.org/m.zip", None]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("box.example", "http://box.example:80"),
    ],
)
def test_the_address_is_one_that_a_browser_takes(host: str, url: str) -> None:
    assert serve.address(host, 80) == url


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("elsewhere")
    # Settings for other apps, which must not leak into this one.
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_text(
        '[server]\nallowedHosts = ["*"]\nheadless = false\nbaseUrlPath = ""\n', encoding="utf-8"
    )
    call = f"from inspector.ui import serve; serve.serve(port={unused_port()}, open_browser=False)"
    env = {"INSPECTOR_WORKSPACE": str(folder / "workspace")}
    with running([sys.executable, "-c", call], cwd=folder, env=env) as url:
        yield url


def handshake(url: str, host: str) -> str:
    """The first line of the answer to a WebSocket that a page of ``host`` opens."""
    address, port = url.removeprefix("http://").split(":")
    request = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    with socket.create_connection((address, int(port)), timeout=10) as connection:
        connection.sendall(request.encode())
        return connection.recv(1000).decode().splitlines()[0]


def test_the_app_answers_from_any_folder(app: str) -> None:
    assert fetch(f"{app}/_stcore/health") == "ok"
    assert "<html" in fetch(app)


def test_a_page_that_rebinds_its_name_gets_no_socket(app: str) -> None:
    port = app.rpartition(":")[2]
    for ours in (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"):
        assert " 101 " in handshake(app, ours)
    assert " 403 " in handshake(app, f"rebound.example:{port}")
