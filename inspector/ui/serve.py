"""Start the web app in this process, from any folder, with the settings of ``.streamlit/``.

Streamlit looks for its settings below the current folder, which is the user's and not ours. So the
file is read here and handed over as if each setting had been typed, which also outranks what the
user may have set for other apps.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
import threading
import time
import tomllib
import webbrowser
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspector import locations
from inspector import settings as operator
from inspector.errors import InspectorError, MissingFile

DEFAULT_PORT = 8501
PORTS_TRIED = 50
START_SECONDS = 60.0
_EVERYWHERE = ("0.0.0.0", "::", "")


def app_file() -> Path:
    """The script that Streamlit runs."""
    return locations.app_root() / "app.py"


def settings(host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> dict[str, Any]:
    """Every Streamlit setting of the app, e.g. ``{"server.address": "127.0.0.1"}``."""
    file = locations.app_root() / ".streamlit" / "config.toml"
    found = dict(_flat(tomllib.loads(file.read_text(encoding="utf-8"))))
    found["server.address"] = host
    found["server.port"] = port
    found["server.maxUploadSize"] = max(1, operator.UPLOAD_SIZE() >> 20)
    # A real list: the same as text on a command line becomes one bogus host that refuses everyone.
    found["server.allowedHosts"] = sorted({*found["server.allowedHosts"], *_names_of(host)})
    return found


def serve(
    model: str | None = None,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    open_browser: bool = True,
) -> None:
    """Run the app until it is stopped (Ctrl-C).

    Args:
        model: A path or a URL that the first page opens.
        host: The address to listen on; ``0.0.0.0`` for all of this machine's.
        port: Exactly this one; None takes 8501 or, said in a line, the next that is free.
        open_browser: Show the app in the user's browser once it answers.

    Raises: MissingFile (no such model); InspectorError (a setting cannot be read, the port is
        taken, the host is not ours).
    """
    operator.check()
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
    url = address(host, port)
    threading.Thread(target=_announce, args=(host, port, url, open_browser), daemon=True).start()
    _run(settings(host, port))


def free_port(host: str, port: int | None) -> int:
    """The port to listen on: the one asked for, or the first free one from 8501 on."""
    wanted = DEFAULT_PORT if port is None else port
    if _is_free(host, wanted):
        return wanted
    if port is not None:
        why = "another program listens there; choose another --port, or none to take a free one"
        raise InspectorError(f"port {port}", host, why)
    for other in range(wanted + 1, wanted + PORTS_TRIED):
        if _is_free(host, other):
            print(f"port {wanted} is taken, so port {other} is used", file=sys.stderr)
            return other
    last = wanted + PORTS_TRIED - 1
    raise InspectorError(f"ports {wanted} to {last}", host, "all are taken; choose one with --port")


def address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, host)
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return f"http://{name}:{port}"


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """``{"theme": {"light": {"textColor": c}}}`` as ``("theme.light.textColor", c)``."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _names_of(host: str) -> set[str]:
    """The names under which a browser may ask for this host."""
    if host not in _EVERYWHERE:
        return {host}
    name = socket.gethostname()
    names = {name, socket.getfqdn()}
    # A machine that does not know its own name is still reached as localhost.
    with contextlib.suppress(OSError):
        names.update(str(info[4][0]) for info in socket.getaddrinfo(name, None))
    return names


def _is_free(host: str, port: int) -> bool:
    """True if this process can listen there now."""
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
    """Say where the app is once it answers, and show it."""
    reachable = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((reachable, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            print(f"Inspector is at {url} (stop it with Ctrl-C)", flush=True)
            if open_browser:
                webbrowser.open(url)
            return


def _run(options: dict[str, Any]) -> None:
    """Hand over to Streamlit; returns when the server has stopped."""
    # Here, so that a wrong model or port is told without the second that Streamlit takes to load.
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import bootstrap

    from inspector.jobs.runner import default_runner

    # TensorFlow takes seconds to import: its template does so while the first page is read.
    default_runner().warm()
    log = logging.getLogger("inspector")
    log.addHandler(logging.StreamHandler())
    # Its flags are spelt server_port for server.port.
    flags = {name.replace(".", "_"): value for name, value in options.items()}
    bootstrap.load_config_options(flag_options=flags)
    # A folder called pages is taken for the navigation until app.py has run once: a link to a page,
    # as the first thing asked of a server, would run that page alone and find no model.
    PagesManager.uses_pages_directory = False
    bootstrap.run(str(app_file()), is_hello=False, args=[], flag_options=flags)
