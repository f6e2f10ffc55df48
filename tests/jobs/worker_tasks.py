"""Tasks for the tests of jobs: well behaved, failing, hanging, dying and hostile ones."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from inspector.errors import BadFeed
from inspector.jobs.request_types import RunAnswer
from inspector.jobs.requests import MIB, Limits, Request, table
from inspector.jobs.worker import JobContext, TaskResult

Args = dict[str, Any]


def echo(args: Args, job: JobContext) -> TaskResult:
    return TaskResult(args, job.blobs)


def who(args: Args, job: JobContext) -> TaskResult:
    """What the process sees of the world it was started from."""
    import resource

    import __main__ as main_module

    limits = {
        name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
        for name in ("AS", "CPU", "FSIZE", "CORE", "STACK")
    }
    descriptors = {}
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists the folder
            descriptors[entry.name] = str(entry.readlink())
    status = Path("/proc/self/status").read_text()
    return TaskResult(
        {
            "pid": os.getpid(),
            "parent": os.getppid(),
            "session": os.getsid(0),
            "limits": limits,
            "descriptors": descriptors,
            "no_new_privileges": "NoNewPrivs:\t1" in status,
            "main": getattr(main_module, "__file__", None),
            "modules": sorted({name.partition(".")[0] for name in sys.modules}),
            "environment": dict(os.environ),
            "random": _random(),
            "niceness": int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[16]),
        }
    )


def _random() -> list[float]:
    import numpy as np

    return [float(x) for x in np.random.random(3)]


def progress(args: Args, job: JobContext) -> TaskResult:
    for i in range(args["steps"]):
        job.progress(i / args["steps"], f"step {i}")
        time.sleep(args["seconds"])
    job.progress(None, "tidying up")
    time.sleep(args["seconds"])
    return TaskResult({"done": True})


def big_result(args: Args, job: JobContext) -> TaskResult:
    return TaskResult({"n": args["bytes"]}, {"a": os.urandom(args["bytes"]), "b": b"", "c": b"xyz"})


def bad_feed(args: Args, job: JobContext) -> TaskResult:
    raise BadFeed("x", "shape", "needs (N, 4)")


def bug(args: Args, job: JobContext) -> TaskResult:
    raise KeyError("/srv/secret/path")


def exit_early(args: Args, job: JobContext) -> TaskResult:
    sys.exit(3)


def exit_hard(args: Args, job: JobContext) -> TaskResult:
    print("last words", file=sys.stderr, flush=True)
    os._exit(7)


def print_and_die(args: Args, job: JobContext) -> TaskResult:
    os.write(2, args["text"].encode(errors="surrogateescape"))
    os._exit(9)


def say(args: Args, job: JobContext) -> TaskResult:
    job.progress(0.5, args["text"])
    return TaskResult({})


def signalled(args: Args, job: JobContext) -> TaskResult:
    os.kill(os.getpid(), args["signal"])
    return TaskResult({"survived": args["signal"]})


def not_json(args: Args, job: JobContext) -> TaskResult:
    return TaskResult({"x": object()})


def segfault(args: Args, job: JobContext) -> TaskResult:
    ctypes.string_at(0)
    raise AssertionError


def abort(args: Args, job: JobContext) -> TaskResult:
    os.abort()


def killed(args: Args, job: JobContext) -> TaskResult:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def use_memory(args: Args, job: JobContext) -> TaskResult:
    return TaskResult({"n": len(bytearray(args["bytes"]))})


def use_cpu(args: Args, job: JobContext) -> TaskResult:
    while True:
        pass


def sleep(args: Args, job: JobContext) -> TaskResult:
    job.progress(0.0, "sleeping")
    if "file" in args:
        Path(args["file"]).write_text(str(os.getpid()))
    time.sleep(args["seconds"])
    return TaskResult({"slept": args["seconds"]})


def start_children(args: Args, job: JobContext) -> TaskResult:
    child = subprocess.Popen(["sleep", "100"])
    Path(args["file"]).write_text(str(child.pid))
    child.returncode = 0
    return TaskResult({"child": child.pid})


_lines: list[socket.socket] = []


def _line() -> socket.socket:
    """The socket to the runner, as code that took over its worker would find it."""
    for descriptor in range(3, 64):
        try:
            _lines.append(socket.socket(fileno=descriptor))
        except OSError:
            continue
        return _lines[0]
    raise AssertionError("no line")


def hang_up(args: Args, job: JobContext) -> TaskResult:
    _line().close()
    time.sleep(100)
    raise AssertionError


def stop_itself(args: Args, job: JobContext) -> TaskResult:
    os.kill(os.getpid(), signal.SIGSTOP)
    raise AssertionError


def half_a_head(args: Args, job: JobContext) -> TaskResult:
    _line().sendall(b"V\x01")
    time.sleep(100)
    raise AssertionError


def half_a_value(args: Args, job: JobContext) -> TaskResult:
    _line().sendall(struct.pack(">cQ", b"V", 100) + b'{"value"')
    time.sleep(100)
    raise AssertionError


def blobs_missing(args: Args, job: JobContext) -> TaskResult:
    body = b'{"value":{},"blobs":[["a",10]]}'
    _line().sendall(struct.pack(">cQ", b"V", len(body)) + body)
    time.sleep(100)
    raise AssertionError


def flood(args: Args, job: JobContext) -> TaskResult:
    line = _line()
    line.sendall(struct.pack(">cQ", b"V", 1 << 60))
    while True:
        line.sendall(b"x" * MIB)


def flood_progress(args: Args, job: JobContext) -> TaskResult:
    body = b'{"fraction":0.5,"text":"' + b"x" * 60_000 + b'"}'
    message = struct.pack(">cQ", b"P", len(body)) + body
    line = _line()
    while True:
        line.sendall(message)


def flood_stderr(args: Args, job: JobContext) -> TaskResult:
    for _ in range(200):
        sys.stderr.write("y" * MIB)
    sys.stderr.write("the end")
    return TaskResult({})


RAW = {
    "pickle": b"V" + struct.pack(">Q", 4) + b"\x80\x04N.",
    "unknown letter": b"Z" + struct.pack(">Q", 1) + b"x",
    "value is a list": b"V" + struct.pack(">Q", 2) + b"[]",
    "deep json": b"V" + struct.pack(">Q", 200_000) + b"[" * 200_000,
    "bad blob list": b"V" + struct.pack(">Q", 29) + b'{"value":{},"blobs":[["a",-1]',
    "job back": b"J" + struct.pack(">Q", 2) + b"{}",
    "unasked blob": b"B" + struct.pack(">Q", 2) + b"{}",
}


def raw(args: Args, job: JobContext) -> TaskResult:
    _line().sendall(RAW[args["which"]])
    time.sleep(100)
    raise AssertionError


def ahead(args: Args, job: JobContext) -> TaskResult:
    """One blob of so many bytes before the answer, and one with it."""
    job.send_ahead({"first": b"x" * args["bytes"]})
    time.sleep(args.get("seconds", 0))
    return TaskResult({"done": True}, {args.get("name", "second"): b"y" * args["bytes"]})


def ahead_twice(args: Args, job: JobContext) -> TaskResult:
    job.send_ahead({"first": b"x"})
    job.send_ahead({"second": b"x"})
    raise AssertionError


def forged_error(args: Args, job: JobContext) -> TaskResult:
    body = b'{"type":"SystemExit","what":"a","where":"b","why":"c"}'
    _line().sendall(struct.pack(">cQ", b"E", len(body)) + body)
    time.sleep(100)
    raise AssertionError


def write_huge_file(args: Args, job: JobContext) -> TaskResult:
    with (job.folder / "huge").open("wb") as file:
        for _ in range(args["mib"]):
            file.write(bytes(MIB))
    return TaskResult({})


def write_files(args: Args, job: JobContext) -> TaskResult:
    for name, text in args["files"].items():
        file = job.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return TaskResult({"count": len(args["files"])}, {"note": b"beside the files"})


def write_link(args: Args, job: JobContext) -> TaskResult:
    if args["hard"]:
        (job.folder / "link").hardlink_to(args["target"])
    else:
        (job.folder / "link").symlink_to(args["target"])
    return TaskResult({})


def read_path(args: Args, job: JobContext) -> TaskResult:
    return TaskResult({"text": Path(args["path"]).read_text(), "stamp": time.time_ns()})


def tensorflow_op(args: Args, job: JobContext) -> TaskResult:
    import tensorflow as tf

    value = tf.reduce_sum(tf.constant(args["x"], tf.float32))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        again = session.run(tf.reduce_sum(tf.constant(args["x"], tf.float32)))
    return TaskResult({"eager": float(value), "session": float(again), "pid": os.getpid()})


def self_test_ok() -> None:
    """A self-test that a fork passes."""


def self_test_bad() -> None:
    raise RuntimeError("this one does not work in a fork")


def self_test_hangs() -> None:
    time.sleep(1000)


def _request(name: str, **options: Any) -> Request:
    return Request(name, f"tests.jobs.worker_tasks:{name}", **options)


SHORT = Limits(wall_s=20, cpu_s=20, stall_s=0.5)

_SHORT_TASKS = """
    echo who progress big_result bad_feed bug exit_early exit_hard not_json segfault abort killed
    sleep start_children half_a_head half_a_value blobs_missing hang_up flood flood_progress
    flood_stderr raw forged_error ahead ahead_twice write_files write_link read_path
    print_and_die say signalled
"""

UNCONFINED = ("sleep", "start_children", "write_link")
"""Tasks that write outside of their folder or fork, to test the runner's own precautions."""

TASKS = table(
    *(
        _request(name, limits=SHORT, confined=name not in UNCONFINED)
        for name in _SHORT_TASKS.split()
    ),
    _request("use_memory", limits=Limits(wall_s=20, memory_bytes=1024 * MIB)),
    _request("stop_itself", limits=Limits(wall_s=1)),
    _request("use_cpu", limits=Limits(wall_s=20, cpu_s=1)),
    _request("write_huge_file", limits=Limits(wall_s=20, file_bytes=2 * MIB)),
    _request("tensorflow_op", tensorflow=True, limits=Limits(wall_s=60, memory_bytes=8 << 30)),
    Request(
        "echo_run", "tests.jobs.worker_tasks:echo", RunAnswer, frozenset({"outputs"}), limits=SHORT
    ),
    Request("no_module", "tests.jobs.nowhere:task"),
)
