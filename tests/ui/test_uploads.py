"""What browsers send arrives whole in the workspace, or not at all, and never in memory."""

from __future__ import annotations

import contextlib
import gc
import json
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from inspector.jobs.store.workspace import Incoming, Workspace
from inspector.ui.server import uploads
from tests.conftest import ROOT
from tests.sending import body_of, post, run_async

MIB = 1 << 20


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def endpoint(workspace: Workspace, stall_s: float = 30.0) -> uploads.Uploads:
    return uploads.Uploads(lambda: workspace, stall_s)


def nothing_is_left(workspace: Workspace) -> bool:
    return not list((workspace.root / "tmp").iterdir()) and workspace.size() == 0


@contextlib.contextmanager
def served(target: uploads.Uploads) -> Iterator[int]:
    """The endpoint behind a real server; gives the port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        config = uvicorn.Config(Starlette(routes=[Route(uploads.PATH, target)]), log_level="error")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(20)


def head(inbox: uploads.Inbox, size: int) -> bytes:
    return (
        f"POST {uploads.PATH} HTTP/1.1\r\nHost: x\r\n{uploads.TOKEN_HEADER}: {inbox.token}\r\n"
        f"Content-Length: {size}\r\n\r\n"
    ).encode()


def status_of(connection: socket.socket) -> tuple[int, str]:
    answer = b""
    while chunk := connection.recv(65536):
        answer += chunk
        if b"}" in answer:
            break
    text = answer.decode()
    return int(text.split()[1]), text.partition("\r\n\r\n")[2]


def test_a_file_arrives_whole(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    content = bytes(range(256)) * 20_000
    status, answer = post(inbox.token, body_of([("m.pb", content)]), endpoint=endpoint(workspace))
    assert (status, answer) == (200, {"name": "m.pb", "bytes": len(content)})
    assert inbox.model is not None
    assert inbox.model.path.read_bytes() == content


def test_a_folder_arrives_with_its_names(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    files = {"top/a.pb": b"a" * 70_000, "top/sub/empty": b"", "top/sub/b": b"bb"}
    body = body_of(list(files.items()), folder=True)
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 200
    model = inbox.model
    assert model is not None
    assert model.name == "top"
    for name, content in files.items():
        assert (model.path / name.removeprefix("top/")).read_bytes() == content


def test_loose_files_become_a_folder(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    body = body_of([("x.index", b"1"), ("x.data", b"2")], folder=True)
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 200
    assert inbox.model is not None
    assert sorted(file.name for file in inbox.model.path.iterdir()) == ["x.data", "x.index"]


@pytest.mark.parametrize(
    "names",
    [
        ["t/../../evil"],
        ["/etc/passwd", "/etc/group"],
        ["t/a", "t//b"],
        ["t/.", "t/a"],
        ["..\\..\\evil", "..\\b"],
        ["t/a\0b"],
        ["C:/a", "C:/b/../../c"],
        ["t/" + "a/" * 40 + "b"],
        ["t/" + "n" * 300],
        ["t/a", "t/a"],
        ["t/a", "t/a/b"],
        ["../x/a", "../x/b"],
        ["t/\ud800"],
    ],
)
def test_names_that_lead_elsewhere_are_refused(workspace: Workspace, names: list[str]) -> None:
    inbox = uploads.Inbox()
    body = body_of([(name, b"x") for name in names], folder=True)
    status, answer = post(inbox.token, body, endpoint=endpoint(workspace))
    assert status == 422, answer
    assert inbox.model is None
    assert nothing_is_left(workspace)
    assert not (workspace.root.parent / "evil").exists()


@pytest.mark.parametrize("name", ["..", ".", "a/..", ""])
def test_a_file_without_a_name_is_refused(workspace: Workspace, name: str) -> None:
    inbox = uploads.Inbox()
    status, _answer = post(inbox.token, body_of([(name, b"x")]), endpoint=endpoint(workspace))
    assert status == 422
    assert nothing_is_left(workspace)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"[]",
        b'{"folder": false, "files": []}',
        b'{"folder": false, "files": [["a"]]}',
        b'{"folder": false, "files": [["a", -1]]}',
        b'{"folder": false, "files": [["a", 1.5]]}',
        b'{"folder": false, "files": [["a", true]]}',
        b'{"folder": false, "files": [[1, 1]]}',
        b'{"folder": false, "files": [["a", 1], ["b", 1]]}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_listing_that_is_none_is_refused(workspace: Workspace, line: bytes) -> None:
    inbox = uploads.Inbox()
    status, answer = post(inbox.token, line + b"\nx", endpoint=endpoint(workspace))
    assert status == 400, answer
    assert nothing_is_left(workspace)


def test_a_listing_without_an_end_is_not_collected(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    body = b"a" * (uploads.MAX_LISTING + 2 * MIB)
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 400


@pytest.mark.parametrize(("size", "sent"), [(10, 9), (10, 11), (0, 1)])
def test_what_differs_from_the_listing_is_refused(
    workspace: Workspace, size: int, sent: int
) -> None:
    inbox = uploads.Inbox()
    line = json.dumps({"folder": False, "files": [["m.pb", size]]}).encode()
    body = line + b"\n" + b"x" * sent
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 400
    assert nothing_is_left(workspace)


def test_too_much_is_refused_before_it_is_sent(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_UPLOAD_SIZE", "1 MiB")
    inbox = uploads.Inbox()
    # By the length of the body, then by what the listing says.
    size = [(b"content-length", str(10 * MIB).encode())]
    status, answer = post(inbox.token, b"", endpoint=endpoint(workspace), headers=size)
    assert status == 413
    assert "larger than 1 MiB" in answer["error"]
    body = body_of([("m.pb", b"x" * (MIB + 1))])
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 413
    line = json.dumps({"folder": False, "files": [["m.pb", MIB + 1]]}).encode()
    assert post(inbox.token, line + b"\nx", endpoint=endpoint(workspace))[0] == 413
    assert post(inbox.token, body_of([("m", b"x" * MIB)]), endpoint=endpoint(workspace))[0] == 200


def test_too_many_files_are_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_FILES", "3")
    inbox = uploads.Inbox()
    body = body_of([(f"t/{place}", b"") for place in range(4)], folder=True)
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 413


def test_files_are_made_beside_the_loop(workspace: Workspace, monkeypatch: Any) -> None:
    """Thousands of empty ones took seconds, in which nobody was served."""
    threads: set[int] = set()
    make = Incoming.file
    monkeypatch.setattr(
        Incoming, "file", lambda *args: threads.add(threading.get_ident()) or make(*args)
    )
    inbox = uploads.Inbox()
    body = body_of([(f"m/{number}", b"") for number in range(20)], folder=True)
    assert post(inbox.token, body, endpoint=endpoint(workspace))[0] == 200
    assert threads
    assert threading.get_ident() not in threads  # `post` runs the loop in this thread


@pytest.mark.parametrize("token", ["", "guess", "a" * 43])
def test_a_token_that_no_session_has_is_refused(workspace: Workspace, token: str) -> None:
    status, answer = post(token, body_of([("m.pb", b"x")]), endpoint=endpoint(workspace))
    assert status == 403
    assert "Reload it" in answer["error"]


def test_a_token_ends_with_its_session(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    token = inbox.token
    del inbox
    gc.collect()
    assert post(token, body_of([("m.pb", b"x")]), endpoint=endpoint(workspace))[0] == 403


def test_an_upload_that_stalls_is_given_up(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    body = body_of([("m.pb", b"x" * 1000)])
    with (
        served(endpoint(workspace, stall_s=0.5)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        connection.sendall(head(inbox, len(body)) + body[:-500])
        status, _text = status_of(connection)
    assert status == 408
    assert nothing_is_left(workspace)


def test_an_upload_that_trickles_is_given_up(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MIN_RATE", 10_000)
    inbox = uploads.Inbox()
    body = body_of([("m.pb", b"x" * 10_000)])
    with (
        served(endpoint(workspace, stall_s=1.0)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        connection.sendall(head(inbox, len(body)) + body[:-9000])
        for _ in range(60):
            if select.select([connection], [], [], 0.1)[0]:
                break
            connection.sendall(b"x")
        else:
            pytest.fail("the server still waits after 6 s")
        status, _text = status_of(connection)
    assert status == 408
    assert inbox.model is None
    assert nothing_is_left(workspace)


def test_a_browser_that_goes_away_leaves_nothing(workspace: Workspace) -> None:
    inbox = uploads.Inbox()
    body = body_of([("m.pb", b"x" * (3 * MIB))])
    with served(endpoint(workspace)) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head(inbox, len(body)) + body[: 2 * MIB])
            end = time.monotonic() + 10
            while not list((workspace.root / "tmp").iterdir()):
                assert time.monotonic() < end
                time.sleep(0.02)
            assert inbox.is_receiving
        end = time.monotonic() + 10
        while inbox.is_receiving or not nothing_is_left(workspace):
            assert time.monotonic() < end
            time.sleep(0.02)
        # The next one of the same session is taken in.
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(head(inbox, len(body)) + body)
            assert status_of(connection)[0] == 200


def test_a_session_sends_one_at_a_time_and_all_of_them_a_few(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "TURN_S", 0.1)
    monkeypatch.setattr(uploads, "MAX_RUNNING", 2)
    body = body_of([("m.pb", b"x" * 1000)])
    one, other, third = uploads.Inbox(), uploads.Inbox(), uploads.Inbox()
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(served(endpoint(workspace)))

        def opened(inbox: uploads.Inbox, part: bytes) -> socket.socket:
            connection = stack.enter_context(
                socket.create_connection(("127.0.0.1", port), timeout=10)
            )
            connection.sendall(head(inbox, len(body)) + part)
            return connection

        first = opened(one, body[:-10])
        end = time.monotonic() + 10
        while not one.is_receiving:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert status_of(opened(one, body))[0] == 409
        second = opened(other, body[:-10])
        while not other.is_receiving:
            assert time.monotonic() < end
            time.sleep(0.02)
        assert status_of(opened(third, body))[0] == 503
        for connection in (first, second):
            connection.sendall(body[-10:])
            assert status_of(connection)[0] == 200
        assert status_of(opened(third, body))[0] == 200


MEMORY = """
import asyncio, json, sys
from pathlib import Path
from inspector.jobs.store.workspace import Workspace
from inspector.ui.server import uploads

def rss(name="VmRSS"):
    text = Path("/proc/self/status").read_text()
    return int(text.partition(name + ":")[2].split()[0]) // 1024

size, piece = 100 << 20, 1 << 16
workspace = Workspace(Path(sys.argv[1]))
endpoint = uploads.Uploads(lambda: workspace)
inbox = uploads.Inbox()

async def one(number):
    line = json.dumps({"folder": False, "files": [[f"m{number}.pb", size]]}).encode() + b"\\n"
    sent = 0
    async def receive():
        nonlocal sent
        if not sent:
            sent = 1
            return {"type": "http.request", "body": line, "more_body": True}
        sent += piece
        return {"type": "http.request", "body": bytes(piece), "more_body": sent <= size}
    async def send(message):
        assert message.get("status", 200) == 200, message
    headers = [(b"x-upload-token", inbox.token.encode())]
    await endpoint({"type": "http", "method": "POST", "headers": headers}, receive, send)

before = rss()
for number in range(4):
    asyncio.run(one(number))
print(json.dumps([before, rss("VmHWM"), rss()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_the_web_process_stays_flat(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "w")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    before, peak, after = json.loads(ran.stdout)
    assert peak - before < 30, f"{before} MiB before, {peak} at most, {after} after"


def test_the_script_names_the_route_and_the_header() -> None:
    script = (ROOT / "inspector" / "ui" / "widgets" / "uploader.js").read_text(encoding="utf-8")
    header = re.search(r'setRequestHeader\("(X-[\w-]+)"', script)
    assert header is not None
    assert header[1].lower() == uploads.TOKEN_HEADER


def test_only_posts_are_answered(workspace: Workspace) -> None:
    answers: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        answers.append(message)

    scope = {"type": "http", "method": "GET", "headers": []}
    run_async(endpoint(workspace)(scope, receive, send))
    assert answers[0]["status"] == 405
