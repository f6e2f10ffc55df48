"""Tasks for the tests of a cluster, among them one that takes its machine along."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from pathlib import Path
from typing import Any, TypedDict

from inspector.errors import BadFeed
from inspector.jobs.requests import Limits, Request, table
from inspector.jobs.worker import JobContext, TaskResult

Args = dict[str, Any]
HERE = "tests.jobs.cluster.tasks"
PRELOAD = "tests.jobs.cluster.preload"
"""What the Dask workers import."""


class ReadAnswer(TypedDict):
    digests: dict[str, str]
    words: list[str]


def read(args: Args, job: JobContext) -> TaskResult:
    """Reads what it was given, and writes two files."""
    path = Path(args["path"])
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    for name, other in args.get("against", {}).items():
        digests[name] = hashlib.sha256(Path(other).read_bytes()).hexdigest()
    (job.folder / "below").mkdir()
    (job.folder / "below" / "large").write_bytes(bytes(3 << 20))
    (job.folder / "empty").touch()
    value: ReadAnswer = {"digests": digests, "words": args.get("words", [])}
    return TaskResult(value, {"back": job.blobs.get("there", b"")})


def wrong(args: Args, job: JobContext) -> TaskResult:
    return TaskResult({"digests": 7, "words": []}, {"back": b""})


def refuse(args: Args, job: JobContext) -> TaskResult:
    raise BadFeed("model", "x", "has 3 columns in place of 4")


def die(args: Args, job: JobContext) -> TaskResult:
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


def slow(args: Args, job: JobContext) -> TaskResult:
    """Says who works, and ends once the file `go` is there."""
    mark = Path(args["marks"]) / f"{os.getpid()}-{args['name']}"
    mark.write_text(str(_machine()))
    job.progress(0.25, "half a half")
    while not (Path(args["marks"]) / "go").exists():
        time.sleep(0.02)
    return TaskResult({"pid": os.getpid()})


def take_machine_along(args: Args, job: JobContext) -> TaskResult:
    """What the system does that is short of memory."""
    with (Path(args["marks"]) / "deaths").open("a") as file:
        file.write(f"{_machine()}\n")
    os.kill(_machine(), signal.SIGKILL)
    time.sleep(60)
    raise AssertionError


def _machine() -> int:
    """The process of the Dask worker: it has started the template that this was forked from."""
    status = Path(f"/proc/{os.getppid()}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def _request(kind: str, **options: Any) -> Request:
    return Request(kind, f"{HERE}:{kind}", runs=True, cached=False, **options)


TASKS = table(
    _request("read", answer=ReadAnswer, blobs=frozenset(("back",)), reads=("path", "against")),
    _request("wrong", answer=ReadAnswer, blobs=frozenset(("back",))),
    _request("refuse"),
    _request("die"),
    _request("slow", confined=False, reads=(), limits=Limits(wall_s=60)),
    _request("take_machine_along", confined=False, reads=()),
)
