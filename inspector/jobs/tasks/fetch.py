"""Fetches models from URLs into a folder, within limits of size, number of files and time.

Python's own client reads the web, so that every redirect is checked; fsspec, which the extra
``urls`` installs, reads the rest. Names, lengths and redirects of a server are untrusted. A
browser may name only URLs below the operator's prefixes: with others, this server would reach hosts
that the user cannot (server-side request forgery).
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from inspector import extras, settings
from inspector.errors import (
    CorruptModel,
    InspectorError,
    LimitExceeded,
    MissingFile,
    UnsupportedModel,
)
from inspector.files.paths import is_url
from inspector.formats.file_names import SAVED_MODEL, SAVED_MODEL_PARTS
from inspector.jobs.request_types import FetchAnswer, FetchArgs
from inspector.jobs.requests import MIB, Limits
from inspector.jobs.store.names import safe_relative
from inspector.jobs.worker import JobContext, TaskResult

if TYPE_CHECKING:
    from inspector.passes.pipeline import Progress

_WEB = ("http", "https")
_PATHS = ("file", "local")
_CHUNK = 1 << 18
_SILENCE_S = 30.0


def check(url: str, allowed: Sequence[str] | None = None) -> str:
    """The scheme of a URL that may be fetched.

    Args:
        allowed: Prefixes one of which it must have; None allows every URL.
    Raises: UnsupportedModel.
    """
    name, scheme = name_of(url), url.partition("://")[0].lower()
    if not is_url(url) or "::" in url or re.search(r"[\x00-\x20\x7f\\]", url):
        raise UnsupportedModel(name, "URL", "not a plain URL such as https://example.org/m.pb")
    if scheme in _PATHS:
        raise UnsupportedModel(name, "URL", "a path is given as such, without file://")
    if allowed is not None and not any(_begins(url, prefix) for prefix in allowed):
        why = f"only URLs that begin as {settings.URLS.name} says are fetched by this server"
        raise UnsupportedModel(name, "URL", why)
    return scheme


def name_of(url: str) -> str:
    """The last part of the URL's path: the name of the model."""
    try:
        last = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
        return str(safe_relative(last)) if last else "model"
    except (InspectorError, ValueError):
        return "model"


def fetch(
    url: str,
    folder: Path,
    *,
    allowed: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Path:
    """Fetch a file, or a folder with what belongs to a model in it.

    Args:
        folder: Where to put it; after an error the caller removes what is in it.
    Returns: The file's or folder's path.
    Raises: UnsupportedModel, MissingFile, CorruptModel (cut short), LimitExceeded.
    """
    scheme = check(url, allowed)
    budget = _Budget(name_of(url), progress or (lambda _fraction, _text: None))
    target = folder / budget.name
    if scheme in _WEB:
        _from_web(url, target, budget, allowed)
    else:
        _by_fsspec(url, target, budget)
    return target


def fetch_task(args: FetchArgs, job: JobContext) -> TaskResult:
    """Fetch a URL into the job's folder."""
    path = fetch(args["url"], job.folder, allowed=args["allowed"], progress=job.progress)
    answer: FetchAnswer = {"name": path.name}
    return TaskResult(answer)


def limits() -> Limits:
    """Limits of a job that fetches: the settings, with a margin so that it ends by itself."""
    size = settings.FETCH_SIZE() + MIB
    return Limits(wall_s=settings.FETCH_TIME() + 30.0, file_bytes=size, folder_bytes=size)


class _Budget:
    """Counts bytes and seconds against the settings, and reports progress."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.name = name
        self._progress = progress
        self._most = settings.FETCH_SIZE()
        self._seconds = settings.FETCH_TIME()
        self._end = time.monotonic() + self._seconds
        self._bytes = 0

    def seconds_left(self) -> float:
        """Remaining seconds. Raises: LimitExceeded when there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise LimitExceeded(self.name, "URL", f"not fetched within {self._seconds} seconds")
        return seconds

    def expect(self, size: int) -> None:
        """Raises: LimitExceeded for a size, announced or counted, above the limit."""
        if size > self._most:
            raise LimitExceeded(self.name, "URL", f"larger than {self._most // MIB:,} MiB")

    def copy(self, read: Callable[[int], bytes], out: IO[bytes], total: int | None) -> int:
        """Copy to the end and return the number of bytes."""
        copied = 0
        while chunk := read(_CHUNK):
            self.seconds_left()
            copied += len(chunk)
            self._bytes += len(chunk)
            self.expect(self._bytes)
            out.write(chunk)
            fraction = min(1.0, copied / total) if total else None
            self._progress(fraction, f"fetch: {self._bytes / MIB:.1f} MiB")
        return copied


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to allowed web URLs only."""

    max_redirections = 5

    def __init__(self, allowed: Sequence[str] | None) -> None:
        self._allowed = allowed

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The next request. Raises: UnsupportedModel."""
        if check(newurl, self._allowed) not in _WEB:
            raise UnsupportedModel(name_of(req.full_url), "URL", "redirects away from the web")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _from_web(url: str, target: Path, budget: _Budget, allowed: Sequence[str] | None) -> None:
    opener = urllib.request.build_opener(_Redirects(allowed))
    request = urllib.request.Request(url, headers={"User-Agent": "inspector"})
    budget_s = min(_SILENCE_S, budget.seconds_left())
    try:
        with opener.open(request, timeout=budget_s) as answer, target.open("xb") as out:
            length = answer.headers.get("Content-Length", "")
            total = int(length) if re.fullmatch(r"\d{1,19}", length) else None
            budget.expect(total or 0)
            copied = budget.copy(answer.read1, out, total)
    except urllib.error.HTTPError as err:
        err.close()
        if 300 <= err.code < 400:
            why = "the server redirects to where one does not follow, or in circles"
            raise UnsupportedModel(budget.name, "URL", why) from err
        raise MissingFile(budget.name, "URL", f"the server answers {err.code}") from err
    except TimeoutError as err:
        raise LimitExceeded(budget.name, "URL", "the server is silent") from err
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as err:
        reason = getattr(err, "reason", None) or err
        if isinstance(reason, TimeoutError):
            raise LimitExceeded(budget.name, "URL", "the server is silent") from err
        why = f"cannot be fetched ({type(reason).__name__}: {reason})"
        raise MissingFile(budget.name, "URL", why[:300]) from err
    if total is not None and copied != total:
        raise CorruptModel(budget.name, "URL", f"cut short: {copied} of {total} bytes came")


def _by_fsspec(url: str, target: Path, budget: _Budget) -> None:
    scheme = url.partition("://")[0].lower()
    try:
        import fsspec
    except ImportError as err:
        why = f"{scheme}:// needs fsspec: {extras.advice('urls')}"
        raise UnsupportedModel(budget.name, "URL", why) from err
    try:
        system, path = fsspec.core.url_to_fs(url)
        if system.isdir(path):
            _folder(system, path.rstrip("/"), target, budget)
        else:
            _file(system, path, target, budget, None)
    except InspectorError:
        raise
    except ImportError as err:
        why = f"{scheme}:// needs a package that is not installed: {err}"
        raise UnsupportedModel(budget.name, "URL", why[:300]) from err
    except FileNotFoundError as err:
        raise MissingFile(budget.name, "URL", "there is no such file or folder") from err
    except Exception as err:  # each protocol has errors of its own
        why = f"cannot be fetched ({type(err).__name__}: {err})"
        raise MissingFile(budget.name, "URL", why[:300]) from err


def _folder(system: Any, path: str, target: Path, budget: _Budget) -> None:
    files: Mapping[str, Mapping[str, Any]] = system.find(path, detail=True)
    inside = {name.removeprefix(path).lstrip("/"): (name, info) for name, info in files.items()}
    if any(name in inside for name in SAVED_MODEL):
        parts = (*SAVED_MODEL, *SAVED_MODEL_PARTS)
        inside = {name: entry for name, entry in inside.items() if name.partition("/")[0] in parts}
    if len(inside) > (most := settings.FILES()):
        raise LimitExceeded(budget.name, "URL", f"more than {most} files")
    if not inside:
        raise MissingFile(budget.name, "URL", "the folder is empty")
    budget.expect(sum(int(info.get("size") or 0) for _name, info in inside.values()))
    for relative, (name, info) in sorted(inside.items()):
        place = target / safe_relative(relative)
        place.parent.mkdir(parents=True, exist_ok=True)
        _file(system, name, place, budget, info.get("size"))


def _file(system: Any, path: str, place: Path, budget: _Budget, size: int | None) -> None:
    budget.seconds_left()
    with system.open(path, "rb") as stream, place.open("xb") as out:
        budget.copy(stream.read, out, size)


def _begins(url: str, prefix: str) -> bool:
    """Whether a URL is the prefix or lies below it, however a client may parse it."""
    try:
        target, allowed = urlsplit(url), urlsplit(prefix)
        same = (target.scheme.lower(), target.hostname, target.port) == (
            allowed.scheme.lower(),
            allowed.hostname,
            allowed.port,
        )
    except ValueError:
        return False
    plain = unquote(unquote(target.path))
    if not same or "@" in target.netloc or "\\" in plain or "#" in url:
        return False
    if any(part in (".", "..") for part in plain.split("/")):
        return False
    below = allowed.path if allowed.path.endswith("/") else f"{allowed.path}/"
    return target.path == allowed.path or target.path.startswith(below)
