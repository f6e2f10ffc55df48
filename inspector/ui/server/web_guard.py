"""The ASGI middleware in front of Streamlit: refuses foreign requests, adds security headers.

A request is answered only if its ``Host`` and its ``Origin`` (scheme, name and port) are addresses
of this app. Others get 403 before a byte of their body is read: pages of other sites, of other
ports of this machine, and names that somebody points at this machine (DNS rebinding). ``Forwarded``
and ``X-Forwarded-*`` headers are ignored: with a reverse proxy the operator sets
``INSPECTOR_PUBLIC_URLS`` to the public address.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

CLOSED_PATHS = (
    "/_stcore/metrics",
    "/_stcore/upload_file",
    "/_stcore/agent",
    "/_stcore/script-health-check",
    "/component",
    "/metrics",
)
"""Routes of Streamlit that no page uses; some reveal server details, one fills its memory."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "SAMEORIGIN",
}

_POLICY = {
    "default-src": "'none'",
    # Streamlit loads components from blob: URLs, and its protobuf library compiles a few bytes of
    # WebAssembly for 64-bit numbers.
    "script-src": "'self' blob: 'wasm-unsafe-eval'",
    "worker-src": "'self' blob:",
    # Streamlit's scripts create its styles.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'self'",
}

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?").fullmatch
_PORT = re.compile(r"[0-9]{1,5}").fullmatch


@dataclass(frozen=True)
class Address:
    """An address of the app as browsers see it: the parts of an ``Origin`` header."""

    scheme: str
    name: str
    """Lower case, without a final dot; an IPv6 address in its shortest form, without brackets."""
    port: int

    @property
    def netloc(self) -> str:
        """The ``Host`` header of a browser: without the port where it is the scheme's default."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port == DEFAULT_PORTS[self.scheme] else f"{name}:{self.port}"


def parse_host(text: str) -> tuple[str, int | None] | None:
    """A ``Host`` header as name and port; None for a malformed one."""
    name, port = text, ""
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return None
        port = rest[1:]
        if rest == ":":
            return None
        try:
            name = str(ipaddress.IPv6Address(name))
        except ValueError:
            return None
    else:
        name, colon, port = text.partition(":")
        if colon and not port:
            return None
        name = name.lower().removesuffix(".")
        if not _NAME(name):
            return None
    if port and not (_PORT(port) and 0 < int(port) < 65536):
        return None
    return name, int(port) if port else None


def parse_origin(text: str) -> Address | None:
    """An ``Origin`` header or a URL without a path; None for ``null`` and malformed ones."""
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    host = parse_host(rest) if separator and scheme in ("http", "https") else None
    return Address(scheme, host[0], host[1] or DEFAULT_PORTS[scheme]) if host else None


def address_of(url: str) -> Address | None:
    """The address of an operator's URL; None unless it is ``http(s)://name[:port]``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return parse_origin(f"{parts.scheme}://{parts.netloc}")


def policy(script_hashes: Iterable[str] = ()) -> str:
    """The content security policy of every answer.

    Args:
        script_hashes: Hashes of the inline scripts of Streamlit's page, e.g. ``sha256-...``.
    """
    parts = dict(_POLICY)
    parts["script-src"] += "".join(f" '{digest}'" for digest in script_hashes)
    return "; ".join(f"{name} {value}" for name, value in parts.items())


class WebGuard:
    """Refuses requests that are not for, or not from, the app's own addresses.

    Args:
        app: The ASGI application behind.
        addresses: Where browsers reach the app.
        own_port: The port of a server that listens on every address of the machine: then an IP
            address is also accepted as host if the request came to that very address.
        csp: The content security policy.
        hidden: Texts to replace in messages to browsers, each with a replacement of the same
            length, so that lengths inside of the message stay right.
    """

    def __init__(
        self,
        app: App,
        addresses: Iterable[Address],
        *,
        own_port: int | None = None,
        csp: str | None = None,
        hidden: Mapping[bytes, bytes] | None = None,
    ) -> None:
        self.app = app
        self.addresses: frozenset[Address] = frozenset(addresses)
        self.own_port = own_port
        self.hidden: dict[bytes, bytes] = dict(hidden or {})
        assert all(len(old) == len(new) for old, new in self.hidden.items())
        named = {**HEADERS, "content-security-policy": policy() if csp is None else csp}
        self.headers: list[tuple[bytes, bytes]] = [
            (name.encode(), value.encode()) for name, value in named.items()
        ]
        self._names = {name for name, _value in self.headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse one request or pass it on."""
        if scope["type"] == "websocket":
            if self._refusal(scope):
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self.app(self._plain(scope), receive, self._hiding(send))
        elif scope["type"] == "http":
            send = self._adding_headers(send)
            if reason := self._refusal(scope):
                await _respond(send, 403, reason)
            elif _is_closed(scope["path"]):
                await _respond(send, 404, "Not found.")
            else:
                await self.app(self._plain(scope), receive, send)
        else:
            await self.app(scope, receive, send)

    def _refusal(self, scope: Scope) -> str:
        """Why the request is refused; empty if it is accepted."""
        hosts, origins = _header_values(scope, b"host"), _header_values(scope, b"origin")
        if len(hosts) != 1 or not self._is_own_host(hosts[0], scope):
            return (
                "This server does not answer to this host name. If it is one of its own, "
                "the operator adds its URL to INSPECTOR_PUBLIC_URLS."
            )
        is_socket = scope["type"] == "websocket"
        if len(origins) > 1 or (origins and not self._is_own_origin(origins[0], scope)):
            return "Pages of other origins may not use this server."
        if not origins and (is_socket or scope["method"] not in SAFE_METHODS):
            return "A request that changes something must name its origin."
        if _is_foreign(scope):
            return "Pages of other sites may link to this server, not include it."
        return ""

    def _is_own_host(self, text: str, scope: Scope) -> bool:
        host = parse_host(text)
        if host is None:
            return False
        name, port = host
        for own in self.addresses:
            effective_port = DEFAULT_PORTS[own.scheme] if port is None else port
            if (name, effective_port) == (own.name, own.port):
                return True
        return self._is_reached_at(name, port or DEFAULT_PORTS["http"], scope)

    def _is_own_origin(self, text: str, scope: Scope) -> bool:
        origin = parse_origin(text)
        if origin is None:
            return False
        if origin in self.addresses:
            return True
        return origin.scheme == "http" and self._is_reached_at(origin.name, origin.port, scope)

    def _is_reached_at(self, name: str, port: int, scope: Scope) -> bool:
        """Whether name and port are the IP address and port that the connection came to."""
        local = (scope.get("server") or ("", 0))[0]
        if self.own_port is None or port != self.own_port:
            return False
        try:
            reached, host_address = ipaddress.ip_address(local), ipaddress.ip_address(name)
        except ValueError:
            return False
        mapped = getattr(reached, "ipv4_mapped", None)  # IPv4 on an IPv6 socket
        return host_address in (reached, mapped)

    def _plain(self, scope: Scope) -> Scope:
        """The request with the host of its origin, for Streamlit.

        Streamlit compares host and origin as text, and where they differ asks an outside server
        for its own address. Behind a proxy they may differ. HTTP requests lose their origin, which
        has been checked.
        """
        origins = _header_values(scope, b"origin")
        address = parse_origin(origins[0]) if origins else None
        if address is None:
            return scope
        dropped = (b"host",) if scope["type"] == "websocket" else (b"host", b"origin")
        headers = [(name, value) for name, value in scope["headers"] if name not in dropped]
        netloc = origins[0].partition("://")[2]
        return {**scope, "headers": [*headers, (b"host", netloc.encode("latin-1"))]}

    def _adding_headers(self, send: Send) -> Send:
        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message.get("headers", ()) if pair[0] not in self._names]
                message = {**message, "headers": [*others, *self.headers]}
            await send(message)

        return adding

    def _hiding(self, send: Send) -> Send:
        async def hiding(message: Message) -> None:
            data = message.get("bytes")
            if data is not None and any(text in data for text in self.hidden):
                for text, stand_in in self.hidden.items():
                    data = data.replace(text, stand_in)
                message = {**message, "bytes": data}
            await send(message)

        return hiding


def _header_values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _is_foreign(scope: Scope) -> bool:
    """Whether the browser reports a request of another site's page, other than a link to a page."""
    sites = _header_values(scope, b"sec-fetch-site")
    if not sites or all(site in ("same-origin", "none") for site in sites):
        return False
    is_link = _header_values(scope, b"sec-fetch-mode") == ["navigate"]
    is_page = _header_values(scope, b"sec-fetch-dest") == ["document"]
    return not (is_link and is_page and scope.get("method") in SAFE_METHODS)


def _is_closed(path: str) -> bool:
    return any(path == closed or path.startswith(f"{closed}/") for closed in CLOSED_PATHS)


async def _respond(send: Send, status: int, sentence: str) -> None:
    body = sentence.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
