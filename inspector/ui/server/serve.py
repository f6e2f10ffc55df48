"""Start the web app in this process, from any folder, with the settings of ``.streamlit/``.

Streamlit looks for its settings in the current folder, which may be any. So this module reads the
file and passes each setting like a command line option, which also overrides the settings that the
user has for other apps.
"""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import importlib.resources
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
import tomllib
import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspector import extras, locations
from inspector import settings as operator
from inspector.errors import InspectorError, MissingFile
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.sandbox.policy import RunPolicy, is_loopback
from inspector.ui.server import base_url, early_pictures, uploads, web_guard
from inspector.ui.server.base_url import BaseUrl
from inspector.ui.server.early_pictures import EarlyPictures
from inspector.ui.server.stale_reruns import StaleReruns
from inspector.ui.server.web_guard import Address

DEFAULT_PORT = 8501
PORTS_TRIED = 50
START_SECONDS = 60.0
EVERYWHERE = ("0.0.0.0", "::", "")
"""Hosts that mean all addresses of this machine."""


def app_file() -> Path:
    """The script that Streamlit runs."""
    return locations.app_root() / "app.py"


def settings(host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> dict[str, Any]:
    """Every Streamlit setting of the app, e.g. ``{"server.address": "127.0.0.1"}``."""
    file = locations.app_root() / ".streamlit" / "config.toml"
    options = dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))
    options["server.address"] = host
    options["server.port"] = port
    return options


def addresses(host: str, port: int) -> frozenset[Address]:
    """The addresses of the app: those it listens on, and those of ``INSPECTOR_PUBLIC_URLS``.

    For 127.0.0.1 this excludes ``[::1]``, where another program may listen.

    Raises: InspectorError for a malformed public URL.
    """
    own = {Address("http", name, port) for name in _names_of(host)}
    return frozenset(own | public_addresses())


def public_addresses() -> set[Address]:
    """The addresses of ``INSPECTOR_PUBLIC_URLS``. Raises: InspectorError for a malformed one."""
    public = set()
    for url in operator.PUBLIC_URLS():
        address = web_guard.address_of(url)
        if address is None:
            why = "is no http(s)://name[:port] without a path"
            raise InspectorError(operator.PUBLIC_URLS.name, url[:100], why)
        public.add(address)
    return public


def serve(
    model: str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = True,
) -> None:
    """Run the app until Ctrl-C or SIGTERM.

    Args:
        model: A path or a URL that the first page opens.
        host: The address to listen on; ``0.0.0.0`` for all of this machine's.
        port: The port; None for the first free one from 8501, with a notice if that is another.
        open_browser: Open the app in the user's browser once it answers.

    Raises: MissingFile for a missing model; InspectorError for a malformed setting, a taken port,
        a host that is no address of this machine.
    """
    operator.check()
    _log_to_standard_error()
    public_addresses()
    if model is not None and "://" not in model:
        path = Path(model).expanduser().resolve()
        if not path.exists():
            raise MissingFile(path.name, "model", "there is no such file or folder")
        model = str(path)
    port = free_port(host, port)
    if model is None:
        os.environ.pop(locations.START_MODEL, None)
    else:
        os.environ[locations.START_MODEL] = model
    is_exposed = not is_loopback(host) or bool(operator.PUBLIC_URLS())
    default_runner().policy = RunPolicy(exposed=is_exposed)
    url = address(host, port)
    threading.Thread(target=_announce, args=(host, port, url, open_browser), daemon=True).start()
    _run(settings(host, port))


def free_port(host: str, port: int | None) -> int:
    """The port to listen on: the given one, or the first free one from 8501 on."""
    first = DEFAULT_PORT if port is None else port
    if _is_free(host, first):
        return first
    if port is not None:
        why = "another program listens there; choose another --port, or none to take a free one"
        raise InspectorError(f"port {port}", host, why)
    for other in range(first + 1, first + PORTS_TRIED):
        if _is_free(host, other):
            print(f"port {first} is taken, so port {other} is used", file=sys.stderr)
            return other
    last = first + PORTS_TRIED - 1
    raise InspectorError(f"ports {first} to {last}", host, "all are taken; choose one with --port")


def address(host: str, port: int) -> str:
    """The URL for a browser on this machine."""
    browser_host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, host)
    if ":" in browser_host and not browser_host.startswith("["):
        browser_host = f"[{browser_host}]"
    return f"http://{browser_host}:{port}"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``{"theme": {"light": {"textColor": c}}}`` as ``("theme.light.textColor", c)``."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _names_of(host: str) -> set[str]:
    """The names and addresses under which a browser reaches this host, as in `Address.name`."""
    if host not in EVERYWHERE:
        names = {host, "localhost"} if host in ("127.0.0.1", "::1") else {host}
    else:
        machine = socket.gethostname()
        names = {machine, socket.getfqdn(), "localhost", "127.0.0.1", "::1"}
        # A machine that does not know its own name is still reached as localhost.
        with contextlib.suppress(OSError):
            names.update(str(info[4][0]) for info in socket.getaddrinfo(machine, None))
    hosts = [web_guard.parse_host(f"[{name}]" if ":" in name else name) for name in names]
    return {parsed[0] for parsed in hosts if parsed is not None}


def _is_free(host: str, port: int) -> bool:
    """Whether this process can listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError as err:
            why = "this user may not listen there; choose a --port above 1023"
            raise InspectorError(f"port {port}", host, why) from err
        except socket.gaierror as err:
            raise InspectorError("--host", host, "is no address of this machine") from err
        except OSError as err:
            if err.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise InspectorError("--host", host, "is no address of this machine") from err
            return False
    return True


def _announce(host: str, port: int, url: str, open_browser: bool) -> None:
    """Print the URL once the app answers, and open it in the browser."""
    local_host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((local_host, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            print(f"Inspector is at {url} (stop it with Ctrl-C)", flush=True)
            if not is_loopback(host):
                print(_exposed(host), flush=True)
            if (line := default_runner().policy.notice()) is not None:
                print(line, flush=True)
            if open_browser:
                webbrowser.open(url)
            return


def _exposed(host: str) -> str:
    """A notice for an address that other machines reach."""
    sign_in = "whoever signs in" if operator.SIGN_IN() else "anybody, without signing in,"
    return f"Other machines reach it at {host}: {sign_in} may use it (docs/serving.md)"


def _run(options: dict[str, Any]) -> None:
    """Run Streamlit; returns when the server has stopped."""
    # Here, so that a wrong model or port is reported before Streamlit loads, which takes a second.
    with extras.needed("app"):
        import streamlit as st
        from starlette.middleware import Middleware
        from starlette.routing import Route

        from inspector.ui.server import sign_in

    host, port = options["server.address"], options["server.port"]
    own_addresses = addresses(host, port)
    secrets = sign_in.check(own_addresses)
    # TensorFlow takes seconds to import: its template does so while the user reads the first page.
    default_runner().warm()
    guard = Middleware(
        web_guard.WebGuard,
        own_addresses,
        own_port=port if host in EVERYWHERE else None,
        csp=web_guard.policy(_script_hashes()),
        hidden=_hidden(),
    )
    receiver = Route(uploads.PATH, uploads.Uploads(lambda: default_runner().workspace))
    early = EarlyPictures()
    pictures = Route(f"{early_pictures.PATH}/{{name}}", early)
    # Who has not signed in opens no model.
    tag = {} if operator.SIGN_IN() else {"tag": early.tag}
    middleware = [guard, Middleware(BaseUrl, **tag), Middleware(StaleReruns)]
    app = st.App(app_file(), routes=[receiver, pictures], middleware=middleware, secrets=secrets)
    # Until the first call of `st.navigation` Streamlit takes a folder called pages for the
    # navigation: a first request for the link of a page would run that page without app.py.
    logging.disable(logging.WARNING)  # the warning that there is no script run context
    st.navigation([st.Page(app_file())], position="hidden")
    logging.disable(logging.NOTSET)
    signal.signal(signal.SIGTERM, _end)
    with contextlib.suppress(KeyboardInterrupt):
        app.run(config=options)


def _log_to_standard_error() -> None:
    logger = logging.getLogger("inspector")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _end(signal_number: int, _frame: object) -> None:
    """Exit as after Ctrl-C, so that exit handlers run."""
    raise SystemExit(128 + signal_number)


def _script_hashes() -> list[str]:
    """Hashes of the inline scripts of the page, for the content security policy."""
    page = (importlib.resources.files("streamlit") / "static" / "index.html").read_bytes()
    scripts = [*re.findall(rb"<script>(.*?)</script>", page, re.DOTALL), base_url.SCRIPT]
    digests = [base64.b64encode(hashlib.sha256(script).digest()).decode() for script in scripts]
    return [f"sha256-{digest}" for digest in digests]


def _hidden() -> dict[bytes, bytes]:
    """The path of the script, which Streamlit sends to browsers, and its replacement."""
    path = str(app_file()).encode()
    return {path: app_file().name.encode().rjust(len(path), b"/")}
