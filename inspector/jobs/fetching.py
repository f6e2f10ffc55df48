"""Models behind a URL: fetched into a folder, within limits of size, number and time.

The web is read by Python itself, so that every step of a redirect is looked at; all else by fsspec,
which the extra ``urls`` installs. What a server says of itself (names, lengths, where to go next)
is not believed. For the browser only URLs below the operator's prefixes are fetched: a server that
fetches whatever it is told reaches what its user cannot.
"""

from __future__ import annotations

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

from inspector import settings
from inspector.errors import (
    CorruptModel,
    InspectorError,
    LimitExceeded,
    MissingFile,
    UnsupportedModel,
)
from inspector.jobs.requests import MIB, Limits
from inspector.jobs.worker import JobContext, TaskResult
from inspector.jobs.workspace import safe_relative
from inspector.paths import is_url

Progress = Callable[[float | None, str], None]

_WEB = ("http", "https")
_PATHS = ("file", "local")
_CHUNK = 1 << 18
_SILENCE_S = 30.0
_SAVED_MODEL = ("saved_model.pb", "saved_model.pbtxt")
_PARTS = ("variables/", "assets/", "assets.extra/", "fingerprint.pb", "keras_metadata.pb")


def check(url: str, allowed: Sequence[str] | None = None) -> str:
    """The URL's scheme, if it may be fetched.

    Args:
        allowed: What it must begin with, one of several; None for whoever may name any.
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
    """The last part of the URL's path: what the model is called."""
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
        folder: Where to put it; what is in it after an error is the caller's to remove.
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


def fetch_task(args: dict[str, Any], job: JobContext) -> TaskResult:
    """Fetch a URL into the job's folder.

    Args: url; allowed. Value: ``name`` of the file or folder.
    """
    made = fetch(args["url"], job.folder, allowed=args["allowed"], progress=job.progress)
    return TaskResult({"name": made.name})


def limits() -> Limits:
    """What a job that fetches may use: as the settings say, and a moment to end by itself."""
    size = settings.FETCH_SIZE() + MIB
    return Limits(wall_s=settings.FETCH_TIME() + 30.0, file_bytes=size, folder_bytes=size)


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Budget:
    """What is left of bytes and seconds, and how far it is."""

    def __init__(self, name: str, progress: Progress) -> None:
        self.name = name
        self._progress = progress
        self._most = settings.FETCH_SIZE()
        self._seconds = settings.FETCH_TIME()
        self._end = time.monotonic() + self._seconds
        self._bytes = 0

    def left(self) -> float:
        """Seconds. Raises: LimitExceeded when there are none."""
        rest = self._end - time.monotonic()
        if rest <= 0:
            raise LimitExceeded(self.name, "URL", f"not fetched within {self._seconds} seconds")
        return rest

    def expect(self, size: int) -> None:
        """Raises: LimitExceeded for a size that is announced and too much."""
        if size > self._most:
            raise LimitExceeded(self.name, "URL", f"larger than {self._most // MIB:,} MiB")

    def copy(self, read: Callable[[int], bytes], out: IO[bytes], total: int | None) -> int:
        """Copy to the end; gives the number of bytes."""
        copied = 0
        while chunk := read(_CHUNK):
            self.left()
            copied += len(chunk)
            self._bytes += len(chunk)
            self.expect(self._bytes)
            out.write(chunk)
            fraction = min(1.0, copied / total) if total else None
            self._progress(fraction, f"fetch: {self._bytes / MIB:.1f} MiB")
        return copied


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to where one may go, and nowhere else."""

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
    budget_s = min(_SILENCE_S, budget.left())
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
        told = f"cannot be fetched ({type(reason).__name__}: {reason})"
        raise MissingFile(budget.name, "URL", told[:300]) from err
    if total is not None and copied != total:
        raise CorruptModel(budget.name, "URL", f"cut short: {copied} of {total} bytes came")


def _by_fsspec(url: str, target: Path, budget: _Budget) -> None:
    scheme = url.partition("://")[0].lower()
    try:
        import fsspec
    except ImportError as err:
        why = f'{scheme}:// needs fsspec: pip install "tf-graph-inspector[urls]"'
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
        told = f"cannot be fetched ({type(err).__name__}: {err})"
        raise MissingFile(budget.name, "URL", told[:300]) from err


def _folder(system: Any, path: str, target: Path, budget: _Budget) -> None:
    found: Mapping[str, Mapping[str, Any]] = system.find(path, detail=True)
    inside = {name.removeprefix(path).lstrip("/"): (name, info) for name, info in found.items()}
    if any(name in inside for name in _SAVED_MODEL):
        wanted = (*_SAVED_MODEL, *_PARTS)
        inside = {name: entry for name, entry in inside.items() if name.startswith(wanted)}
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
    budget.left()
    with system.open(path, "rb") as stream, place.open("xb") as out:
        budget.copy(stream.read, out, size)


def _begins(url: str, prefix: str) -> bool:
    """Whether a URL is the prefix or lies below it, as every reader of URLs will see it."""
    try:
        asked, given = urlsplit(url), urlsplit(prefix)
        same = (asked.scheme.lower(), asked.hostname, asked.port) == (
            given.scheme.lower(),
            given.hostname,
            given.port,
        )
    except ValueError:
        return False
    plain = unquote(unquote(asked.path))
    if not same or "@" in asked.netloc or "\\" in plain or "#" in url:
        return False
    if any(part in (".", "..") for part in plain.split("/")):
        return False
    below = given.path if given.path.endswith("/") else f"{given.path}/"
    return asked.path == given.path or asked.path.startswith(below)
