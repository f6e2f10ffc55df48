"""Requests of other hosts and origins are refused at once, by the server as it is started."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPResponse

import pytest

from benchmarks.support.serving import running, unused_port
from inspector.ui.server import web_guard
from inspector.ui.server.web_guard import Address

KEY = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
AT_ONCE_S = 8.0


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an app that listens on 127.0.0.1 and is at https://models.example as well."""
    folder = tmp_path_factory.mktemp("guarded")
    number = unused_port()
    command = [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(number)]
    env = {
        "INSPECTOR_WORKSPACE": str(folder / "workspace"),
        "INSPECTOR_PUBLIC_URLS": "https://models.example",
    }
    with running(command, cwd=folder, env=env):
        yield number


def raw(port: int, request: str) -> str:
    """The answer's first line to what is sent as it stands."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.encode("latin-1"))
        answer = connection.recv(2000).decode("latin-1")
    if " 403 " in answer[:20]:
        assert time.monotonic() - began < AT_ONCE_S
    return answer.partition("\r\n")[0]


def handshake(port: int, host: str, origin: str | None, *more: str) -> str:
    """The first line of the answer to a WebSocket."""
    lines = [f"Host: {host}", *([f"Origin: {origin}"] if origin else []), *more]
    head = "\r\n".join(["GET /_stcore/stream HTTP/1.1", *lines])
    return raw(port, f"{head}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{KEY}\r\n")


def request(
    port: int,
    path: str = "/",
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (),
) -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    named = dict(headers)
    named.setdefault("Host", f"127.0.0.1:{port}")
    connection.request(method, path, headers=named)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


OWN = [
    ("127.0.0.1:{port}", "http://127.0.0.1:{port}"),
    ("localhost:{port}", "http://localhost:{port}"),
    ("LOCALHOST:{port}", "http://localhost:{port}"),
    ("localhost.:{port}", "http://localhost.:{port}"),
    ("models.example", "https://models.example"),
    ("models.example:443", "https://models.example"),
    ("127.0.0.1:{port}", "https://models.example"),  # a proxy that names the server behind it
]
FOREIGN_HOSTS = [
    "rebound.example:{port}",
    "127.0.0.1",
    "127.0.0.1:1",
    "localhost:{other}",
    "[::1]:{port}",
    "models.example:{port}",
    "models.example.evil.example",
    "user@127.0.0.1:{port}",
    "127.0.0.1:{port}.evil.example",
    "127.0.0.1:",
    "",
]
FOREIGN_ORIGINS = [
    "http://evil.example",
    "http://127.0.0.1:{other}",
    "http://localhost:{other}",
    "http://localhost",
    "https://127.0.0.1:{port}",
    "http://[::1]:{port}",
    "http://models.example",
    "https://models.example:8443",
    "https://models.example.evil.example",
    "null",
    "file://",
    "http://127.0.0.1:{port}@evil.example",
    "http://127.0.0.1:{port}/",
]


def put(text: str, port: int) -> str:
    return text.format(port=port, other=port + 1)


@pytest.mark.parametrize(("host", "origin"), OWN)
def test_its_own_addresses_are_answered(port: int, host: str, origin: str) -> None:
    host, origin = put(host, port), put(origin, port)
    assert " 101 " in handshake(port, host, origin)
    assert request(port, headers=[("Host", host)]).status == 200
    assert request(port, headers=[("Host", host), ("Origin", origin)]).status == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_another_host_is_refused_at_once(port: int, host: str) -> None:
    host = put(host, port)
    assert " 403 " in handshake(port, host, f"http://{host}")
    assert " 403 " in handshake(port, host, f"http://127.0.0.1:{port}")
    for path in ("/", "/_stcore/health", "/_stcore/host-config", "/static/index.html", "/media/x"):
        assert " 403 " in raw(port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_another_origin_is_refused_at_once(port: int, origin: str) -> None:
    origin = put(origin, port)
    assert " 403 " in handshake(port, f"127.0.0.1:{port}", origin)
    for method in ("GET", "OPTIONS", "POST", "PUT", "DELETE"):
        assert request(port, method=method, headers=[("Origin", origin)]).status == 403


def test_what_changes_something_names_its_origin(port: int) -> None:
    host = f"127.0.0.1:{port}"
    assert " 403 " in handshake(port, host, None)
    assert request(port, method="POST").status == 403
    assert request(port, method="POST", headers=[("Origin", f"http://{host}")]).status == 405


def test_headers_that_stand_twice_are_refused(port: int) -> None:
    host = f"127.0.0.1:{port}"
    twice = f"Origin: http://{host}\r\nOrigin: http://evil.example"
    assert " 403 " in raw(port, f"GET / HTTP/1.1\r\nHost: {host}\r\n{twice}\r\n\r\n")
    hosts = f"GET / HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"
    assert raw(port, hosts).split()[1] in ("400", "403")


def test_forwarded_headers_change_nothing(port: int) -> None:
    host = f"127.0.0.1:{port}"
    forged = ["X-Forwarded-Host: evil.example", "Forwarded: host=evil.example;proto=https"]
    forged += ["X-Forwarded-Proto: https", "X-Forwarded-For: 127.0.0.1"]
    assert " 403 " in handshake(port, "evil.example", "https://evil.example", *forged)
    assert " 403 " in handshake(port, host, "https://evil.example", *forged)
    assert " 403 " in handshake(port, host, f"https://{host}", *forged)
    assert " 101 " in handshake(port, host, f"http://{host}", *forged)


def test_the_body_of_a_refused_request_is_not_awaited(port: int) -> None:
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://evil.example\r\n"
    assert " 403 " in raw(port, f"{head}Content-Length: 1000000000\r\n\r\n")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_other_sites_may_link_to_a_page_but_not_include_it(port: int, site: str) -> None:
    def status(mode: str, dest: str) -> int:
        sent = [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest)]
        return request(port, headers=sent).status

    assert status("navigate", "document") == 200
    assert status("navigate", "iframe") == 403
    assert status("no-cors", "image") == 403
    assert status("no-cors", "script") == 403
    assert status("cors", "empty") == 403


def test_every_answer_carries_the_headers(port: int) -> None:
    refused = [("Host", "evil.example")]
    for answer in (request(port), request(port, "/none"), request(port, headers=refused)):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'self'" in policy
        assert "'unsafe-eval'" not in policy
        assert answer.headers.get_all("x-content-type-options") == ["nosniff"]
        assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/metrics", "/_stcore/metrics", "/_stcore/agent/openapi.json"])
def test_what_no_page_uses_is_closed(port: int, path: str) -> None:
    assert request(port, path).status == 404


def test_no_other_page_is_heard(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/_stcore/host-config")
    assert b'"allowedOrigins":[]' in connection.getresponse().read()
    connection.close()


def test_streamlits_own_upload_route_is_closed(port: int) -> None:
    origin = [("Origin", f"http://127.0.0.1:{port}")]
    assert request(port, "/_stcore/upload_file/a/b", method="PUT", headers=origin).status == 404


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Box.Example.", ("box.example", None)),
        ("[::0:1]:80", ("::1", 80)),
        ("[::1", None),
        ("[::1]x", None),
        ("[::1]:", None),
        ("[127.0.0.1]:80", None),
        ("a:0", None),
        ("a:65536", None),
        ("a:8_0", None),
        ("a b", None),
        ("a..", None),
        ("a/b", None),
        ("ä", None),
    ],
)
def test_a_host_is_read_as_browsers_write_it(text: str, host: object) -> None:
    assert web_guard.parse_host(text) == host


def test_an_address_that_is_the_connections_own_is_right_only_everywhere() -> None:
    async def unused(*_: object) -> None:
        raise AssertionError

    everywhere = web_guard.WebGuard(unused, [], own_port=8501)
    one = web_guard.WebGuard(unused, [Address("http", "127.0.0.1", 8501)])

    def refusal(guard: web_guard.WebGuard, host: str, server: str) -> str:
        headers = [(b"host", host.encode()), (b"origin", f"http://{host}".encode())]
        scope = {"type": "websocket", "headers": headers, "server": (server, 8501)}
        return guard._refusal(scope)

    assert not refusal(everywhere, "192.0.2.7:8501", "192.0.2.7")
    assert not refusal(everywhere, "192.0.2.7:8501", "::ffff:192.0.2.7")
    assert refusal(everywhere, "192.0.2.8:8501", "192.0.2.7")
    assert refusal(everywhere, "192.0.2.7:8502", "192.0.2.7")
    assert refusal(everywhere, "evil.example:8501", "192.0.2.7")
    assert refusal(one, "192.0.2.7:8501", "192.0.2.7")
