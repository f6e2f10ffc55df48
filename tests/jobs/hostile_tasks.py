"""Tasks of a worker that a model has taken over, which uses up what it may reach."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Any

from inspector.jobs import protocol
from inspector.jobs.requests import MIB, Limits, Request, table
from inspector.jobs.worker import JobContext, TaskResult

Args = dict[str, Any]


def deep_folders(args: Args, job: JobContext) -> TaskResult:
    """Folders inside of each other, far deeper than a path can name."""
    here = os.open(job.folder, os.O_RDONLY)
    for _ in range(args["number"]):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    return TaskResult({})


def many_files(args: Args, job: JobContext) -> TaskResult:
    for number in range(args["number"]):
        if args["folders"]:
            (job.folder / f"d{number}").mkdir()
        else:
            (job.folder / f"f{number}").touch()
    return TaskResult({})


def closed_folder(args: Args, job: JobContext) -> TaskResult:
    """A folder without any permission, with a file below it."""
    inner = job.folder / "closed" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").write_text("x")
    (job.folder / "none").mkdir(mode=0)
    return TaskResult({})


def fill_disk(args: Args, job: JobContext) -> TaskResult:
    """Write until the disk is full, or the job is stopped; with or without names."""
    keep = []
    with contextlib.suppress(OSError):
        for number in range(args["mib"]):
            path = job.folder / f"f{number}"
            keep.append(path.open("wb", buffering=0))
            if args["nameless"]:
                path.unlink()
            keep[-1].write(bytes(MIB))
    time.sleep(15)
    return TaskResult({})


def many_threads(args: Args, job: JobContext) -> TaskResult:
    threading.stack_size(32 << 10)
    with contextlib.suppress(RuntimeError):
        while True:
            threading.Thread(target=time.sleep, args=(15,), daemon=True).start()
    time.sleep(15)
    return TaskResult({})


def flood_short_messages(args: Args, job: JobContext) -> TaskResult:
    messages = b"".join(protocol.message(protocol.PROGRESS, {})) * 10_000
    while True:
        job._channel._sock.sendall(messages)


LIMITS = Limits(wall_s=20, cpu_s=20, folder_bytes=64 * MIB)

TASKS = table(
    *(
        Request(name, f"tests.jobs.hostile_tasks:{name}", limits=LIMITS)
        for name in (
            *("deep_folders", "many_files", "closed_folder", "fill_disk", "many_threads"),
            "flood_short_messages",
        )
    )
)
