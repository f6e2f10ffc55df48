"""The app is served with its own settings, to its own hosts, on a port that is free."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.support.serving import ROOT, fetch, running, unused_port
from benchmarks.support.web_process import Web
from inspector import locations
from inspector.errors import InspectorError, MissingFile
from inspector.ui.server import serve


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def test_the_settings_that_matter_are_set() -> None:
    options = serve.settings()
    assert options["runner.postScriptGC"] is False
    assert options["server.fileWatcherType"] == "none"
    assert options["browser.gatherUsageStats"] is False
    assert options["client.showErrorDetails"] == "none"
    assert options["client.allowedOrigins"] == []
    assert options["server.address"] == "127.0.0.1"
    assert options["server.headless"] is True


def test_every_setting_is_one_that_streamlit_knows() -> None:
    from streamlit import config

    unknown = set(serve.settings()) - set(config._config_options_template)
    assert not unknown


def test_the_addresses_are_those_that_it_listens_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def texts(host: str) -> set[str]:
        return {f"{own.scheme}://{own.netloc}" for own in serve.addresses(host, 8501)}

    assert texts("127.0.0.1") == {"http://127.0.0.1:8501", "http://localhost:8501"}
    assert texts("::1") == {"http://[::1]:8501", "http://localhost:8501"}
    assert texts("192.0.2.7") == {"http://192.0.2.7:8501"}
    everywhere = texts("0.0.0.0")
    assert f"http://{socket.gethostname().lower()}:8501" in everywhere
    assert "http://0.0.0.0:8501" not in everywhere
    monkeypatch.setenv("INSPECTOR_PUBLIC_URLS", "https://Models.Example.org/ http://box:8080")
    public = {"https://models.example.org", "http://box:8080"}
    assert texts("192.0.2.7") == {"http://192.0.2.7:8501", *public}


@pytest.mark.parametrize("url", ["models.example.org", "https://a/b", "ftp://a", "https://a:x"])
def test_a_public_url_that_is_none_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("INSPECTOR_PUBLIC_URLS", url)
    with pytest.raises(InspectorError, match=r"INSPECTOR_PUBLIC_URLS: .*without a path"):
        serve.serve(open_browser=False)


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
    start = f"serve.serve(port={unused_port()}, open_browser=False)"
    call = f"from inspector.ui.server import serve; {start}"
    env = {"INSPECTOR_WORKSPACE": str(folder / "workspace")}
    with running([sys.executable, "-c", call], cwd=folder, env=env) as url:
        yield url


def test_the_app_answers_from_any_folder(app: str) -> None:
    assert fetch(f"{app}/_stcore/health") == "ok"
    assert "<html" in fetch(app)


def test_the_event_loop_is_that_of_uvloop(tmp_path: Path) -> None:
    """Which uvicorn loads to use it."""
    port = unused_port()
    command = [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(port)]
    env = {"INSPECTOR_WORKSPACE": str(tmp_path / "workspace")}
    with running(command, cwd=ROOT, env=env):
        assert "uvloop" in Path(f"/proc/{Web(port).pid}/maps").read_text(encoding="utf-8")
