"""Turns a request into an Order: validates it, sets limits, and computes its cache keys."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspector.errors import JobFailed
from inspector.jobs.job import Order
from inspector.jobs.requests import Limits, Request
from inspector.jobs.store.workspace import ModelKey, Workspace


def complete(
    workspace: Workspace,
    requests: Mapping[str, Request],
    kind: str,
    args: dict[str, Any],
    blobs: Mapping[str, bytes],
    model: ModelKey | None,
    limits: Limits | None,
    *,
    shared: bool,
) -> Order:
    """The order for a request.

    Args:
        shared: Work out the key under which the same request of others is the same run.
    Raises: JobFailed for an unknown kind.
    """
    if kind not in requests:
        raise JobFailed(kind, "job", "there is no such kind of job")
    request = requests[kind]
    if model is not None and model.part:
        args = {**args, "part": model.part}
    content: dict[str, Any] = {}
    if shared or model is not None:
        digests = {name: hashlib.sha256(blob).hexdigest() for name, blob in blobs.items()}
        content = {"args": args, "blobs": digests}
    key = None
    if model is not None:
        if request.cached:
            key = workspace.result_key(model.hash, kind, content, _code_version())
        args = {**args, "path": str(model.path)}
    path = args.get("path")
    files = _files(Path(path)) if isinstance(path, str) and model is None else []
    size = model.bytes if model is not None else sum(row[1] for row in files)
    size += sum(row[1] for other in args.get("against", {}).values() for row in _files(Path(other)))
    size += sum(map(len, blobs.values()))
    final = (limits or request.limits).for_input(size)
    share_key = None
    if shared:
        source = [model.hash] if model is not None else files
        share_key = _digest([kind, content, source, final.to_dict()])
    return Order(
        request=request,
        args=args,
        blobs=blobs,
        limits=final,
        model=model,
        key=key,
        share_key=share_key,
        memory=min(final.memory_bytes, request.expected_memory(size)),
        quick=size < request.quick_below,
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=repr).encode()).hexdigest()


def _files(path: Path) -> list[tuple[str, int, int]]:
    """Name, bytes and time of change of a file, or of all files in a folder."""
    files = sorted(_below(path)) if path.is_dir() else [path] if path.is_file() else []
    stats = [(str(file), file.stat()) for file in files]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _below(folder: Path) -> Iterator[Path]:
    for where, _folders, names in os.walk(folder):
        for name in names:
            file = Path(where, name)
            if file.is_file():
                yield file


@functools.cache
def _code_version() -> str:
    """A hash of Inspector's code, so that results of older code are not reused."""
    package = Path(__file__).resolve().parent.parent
    marks = [
        f"{file.relative_to(package)} {file.stat().st_size} {file.stat().st_mtime_ns}"
        for file in sorted(package.rglob("*.py"))
    ]
    return hashlib.sha256("\n".join(marks).encode()).hexdigest()
