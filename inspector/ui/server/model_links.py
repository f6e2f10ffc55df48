"""The models that an address of the app names, and the jobs that read them.

An address is untrusted: a path must be below the allowed folders, an upload is named by its hash.
What the session of a page may open and what the server opens before there is one is the same, since
both ask here.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from inspector import locations
from inspector.errors import MissingFile
from inspector.files.paths import is_url
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import Job
from inspector.jobs.store.workspace import ModelKey
from inspector.text import shorten
from inspector.ui.server import server_paths

Params = Mapping[str, Sequence[str]]
REFS = ("sample", "model", "path", "start")
"""The parameters that name a model: one of ours, an upload, a path, that of the command line."""
PART, TAGS, SIGNATURE = "part", "tags", "signature"
"""The parameters with `ModelKey.part`, and with the graph that is meant of those in the files."""
_HASH = re.compile("[0-9a-f]{64}").fullmatch


@dataclass(frozen=True)
class ModelLink:
    """What an address says of a model.

    Attributes:
        kind: One of `REFS`.
        choice: ``tag_set`` and ``signature``, for a job.
    """

    kind: str
    ref_id: str
    part: str
    choice: dict[str, Any]


def read(params: Params) -> ModelLink | None:
    """The model that the parameters of an address name; None if they name none."""
    kind = next((kind for kind in REFS if kind in params), None)
    if kind is None:
        return None
    tags = params.get(TAGS)
    choice = {
        "tag_set": None if tags is None else list(tags),
        "signature": next(iter(params.get(SIGNATURE, ())), None),
    }
    return ModelLink(kind, params[kind][-1], next(iter(params.get(PART, ())), ""), choice)


def source_of(link: ModelLink) -> ModelKey:
    """The files of a model.

    Raises: MissingFile for a model that is gone; the errors of `path_key`.
    """
    start = locations.start_model()
    upload = stored(link.ref_id) if link.kind == "model" else None
    if link.kind == "sample" and (of_ours := sample(link.ref_id)) is not None:
        return sample_key(of_ours)
    if link.kind == "start" and start is not None and not is_url(start):
        return path_key(start, link.part, trusted=True)
    if link.kind == "path":
        return path_key(link.ref_id, link.part)
    if upload is not None:
        return replace(upload, part=link.part)
    why = "this model is no longer on the server, please open it again"
    raise MissingFile("link", shorten(link.ref_id, 24), why)


@functools.cache
def samples() -> list[dict[str, Any]]:
    """The manifest of the models that come with Inspector."""
    manifest = json.loads((locations.sample_models() / "manifest.json").read_text("utf-8"))
    entries: list[dict[str, Any]] = manifest["samples"]
    return entries


def sample(identifier: str) -> dict[str, Any] | None:
    """One of `samples`; None if there is none of this name."""
    return next((item for item in samples() if item["id"] == identifier), None)


def sample_key(of_ours: Mapping[str, Any]) -> ModelKey:
    """One of `samples`, in the workspace."""
    runner = default_runner()
    source = runner.workspace.add_folder(locations.sample_models() / of_ours["path"])
    runner.policy.allow_sample(source)
    return source


def stored(identifier: str) -> ModelKey | None:
    """What was uploaded or fetched, by the hash that an address has; None where it is gone."""
    return default_runner().workspace.model(identifier) if _HASH(identifier) else None


def path_key(typed: str, part: str = "", *, trusted: bool = False) -> ModelKey:
    """The files of a path of the server; their key changes with any of them.

    Args:
        part: Of a folder or an archive that holds several models: the path of one in it.
        trusted: The operator named it on the command line, so any path is allowed.
    Raises: MissingFile, UnsupportedModel, LimitExceeded: see `server_paths`.
    """
    path = Path(typed).expanduser().resolve() if trusted else server_paths.resolve(typed)
    if not trusted and is_private(path):
        raise MissingFile(path.name, "path", "there is no such file or folder")
    files = server_paths.check(path, part, trusted=trusted)
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(files)]
    key = hashlib.sha256(repr(stats).encode()).hexdigest()
    return ModelKey(key, path.name, path, sum(size for _, size, _ in stats), part)


def is_private(path: Path) -> bool:
    """Whether the path is in the workspace, where uploads of others are opened by link only."""
    return path.is_relative_to(default_runner().workspace.root.resolve())


def submit(kind: str, args: dict[str, Any], source: ModelKey, session: str, **options: Any) -> Job:
    """Queue a job that reads a model; for a model in the workspace the answer is cached there.

    For a model elsewhere the paths are checked again each time, since the allowed folders and their
    links may have changed.

    Raises: UnsupportedModel, MissingFile, LimitExceeded: see `server_paths.check`.
    """
    runner = default_runner()
    if source.path.is_relative_to(runner.workspace.root):
        return runner.submit(kind, args, model=source, session=session, **options)
    server_paths.check(source.path, source.part, trusted=_is_started_on(source.path))
    part = {"part": source.part} if source.part else {}
    args = {**args, **part, "path": str(source.path)}
    return runner.submit(kind, args, session=session, **options)


def _is_started_on(path: Path) -> bool:
    """Whether the operator named this path on the command line."""
    named = locations.start_model()
    return named is not None and Path(named) == path
