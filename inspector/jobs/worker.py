"""The worker process: executes one job, answers, and ends.

`main` is the only place that catches every exception: what a task did not foresee goes to the
operator's log with its traceback, and to the user as `JobFailed` without one.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import shutil
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from inspector import extras
from inspector.errors import InspectorError, JobFailed, LimitExceeded, WorkerUnavailable
from inspector.jobs import protocol
from inspector.jobs.requests import MIB, Limits
from inspector.jobs.sandbox import enter
from inspector.jobs.sandbox.access import Access
from inspector.jobs.store import home
from inspector.jobs.store.names import safe_relative

_NICENESS = 5
"""Of a long job of the app: against a page it gets a quarter of a core that both want."""
_PROGRESS_EVERY_S = 0.05
_TEXT = 200
_TEMPORARY = "temporary"


@dataclass(frozen=True)
class TaskResult:
    """What a task hands back: JSON, and bytes by name."""

    value: Mapping[str, Any]
    blobs: Mapping[str, bytes] = field(default_factory=dict)


class JobContext:
    """What a task knows of its job."""

    def __init__(
        self,
        channel: protocol.Channel,
        folder: Path,
        limits: Limits,
        blobs: Mapping[str, bytes],
    ) -> None:
        self.folder = folder
        """An empty private folder; what the task leaves there is kept with the result."""
        self.limits = limits
        self.blobs = blobs
        """The bytes that came with the request."""
        self._channel = channel
        self._last_text = ""
        self._last_text_at = 0.0

    def progress(self, fraction: float | None, text: str) -> None:
        """Tell how far the job is; cheap enough to call in a loop.

        Args:
            fraction: 0 to 1, or None when it cannot be told.
            text: What is being done now, e.g. ``"fold_constants"``.
        """
        now = time.monotonic()
        text = text[:_TEXT]
        if text == self._last_text and now - self._last_text_at < _PROGRESS_EVERY_S:
            return
        self._last_text, self._last_text_at = text, now
        self._channel.send(
            protocol.message(protocol.PROGRESS, {"fraction": fraction, "text": text})
        )

    def send_ahead(self, blobs: Mapping[str, bytes]) -> None:
        """Hand back blobs before the rest of the result, which does without them; once."""
        self._channel.send(protocol.with_blobs(protocol.AHEAD, {}, blobs))


Task = Callable[[dict[str, Any], JobContext], TaskResult]


def main(job: int, log: int, parent: int) -> NoReturn:
    """Do the job that comes over the socket ``job`` and end the process.

    Args:
        job: Descriptor of the socket to the runner.
        log: Descriptor of the pipe that takes standard error.
        parent: Process id of the template; the job dies with it.
    """
    status = 1
    try:
        enter.die_with_parent(parent)
        enter.detach((job,), log)
        _serve(protocol.Channel(socket.socket(fileno=job)))
        status = 0
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the runner has gone, and nobody waits for the answer
    except BaseException:
        traceback.print_exc()
    finally:
        # Not sys.exit: exit handlers and destructors of the template are not ours to run.
        sys.stderr.flush()
        os._exit(status)


def _serve(channel: protocol.Channel) -> None:
    order = protocol.parse(channel.receive().body)
    announced = protocol.announced_blobs(order)
    limits = Limits(**order["limits"])
    folder = Path(order["folder"])
    module = str(order["function"]).partition(":")[0]
    if order["gives_way"]:
        _give_way()
    enter.enter(limits, Access.from_dict(order["access"]), folder, module)
    blobs = {name: channel.receive().body for name, _size in announced}
    context = JobContext(channel, folder, limits, blobs)
    answer = _answer(order, context)
    sys.stderr.flush()  # the runner reads the log until the answer is there
    channel.send(answer)


def _give_way() -> None:
    """Run only when pages and quick jobs do not want the processor."""
    os.nice(_NICENESS)
    with contextlib.suppress(OSError):  # Linux weighs sessions where it groups processes by them
        Path("/proc/self/autogroup").write_text(str(_NICENESS), encoding="ascii")


@contextlib.contextmanager
def _temporary_files(folder: Path) -> Iterator[None]:
    """Keep temporary files, such as an archive's, in the job's folder and not with its result.

    If the job is killed they go with the folder. It is the job's home too: no other may be read.
    """
    place = str(folder / _TEMPORARY)
    tempfile.tempdir = os.environ["TMPDIR"] = os.environ["HOME"] = place
    (folder / _TEMPORARY).mkdir()
    try:
        yield
    finally:
        shutil.rmtree(folder / _TEMPORARY, ignore_errors=True)


def _answer(order: dict[str, Any], context: JobContext) -> list[bytes]:
    """The buffers of the answer: the value and blobs, or the error."""
    kind = str(order["kind"])
    try:
        _reseed()
        with _temporary_files(context.folder):
            result = _task(order["function"])(_with_part(order["args"]), context)
        return protocol.with_blobs(protocol.VALUE, {"value": result.value}, result.blobs)
    except InspectorError as err:
        error: InspectorError = err
    except MemoryError:
        traceback.print_exc()
        allowed = context.limits.memory_bytes // MIB
        error = LimitExceeded(kind, "memory", f"the job needs more than its {allowed:,} MiB")
    except Exception as err:
        traceback.print_exc()
        error = _as_error(kind, err, context)
    except BaseException as err:  # sys.exit in somebody's code ends the job, not the protocol
        traceback.print_exc()
        error = JobFailed(kind, "job", f"stopped early by {type(err).__name__}")
    return protocol.message(protocol.ERROR, error.to_dict())


def _with_part(args: dict[str, Any]) -> dict[str, Any]:
    """The arguments with the path of the one model that is meant; see `ModelArgs`."""
    if not args.get("part"):
        return args
    return {**args, "path": str(Path(args["path"], safe_relative(str(args["part"]))))}


def _as_error(kind: str, err: Exception, context: JobContext) -> InspectorError:
    """The error shown to users for an unforeseen exception of a task."""
    if isinstance(err, OSError) and err.errno == errno.EFBIG:
        allowed = context.limits.file_bytes // MIB
        return LimitExceeded(kind, "files", f"the job writes a file of more than {allowed:,} MiB")
    if isinstance(err, OSError) and _is_of_workspace(err, context.folder):
        return home.unusable(home.root_of_job(context.folder), err)
    if isinstance(err, RecursionError):
        return JobFailed(kind, "job", "the model is nested too deeply")
    name = type(err).__name__
    if _is_of_an_import(err):
        module = getattr(err, "name", None)
        what = f"the module '{module}'" if isinstance(module, str) else "one of its modules"
        package = module.partition(".")[0] if isinstance(module, str) else ""
        extra = extras.IN_WORKERS.get(package)
        advice = extras.advice(extra) if extra else "repair the installation"
        why = f"{what} cannot be imported ({name}): {advice}"
        return WorkerUnavailable(kind, "worker", why)
    return JobFailed(kind, "job", f"failed unexpectedly ({name})")


def _is_of_an_import(err: Exception) -> bool:
    """True if a module failed to load, whatever it raised: the installation is at fault."""
    frames = traceback.walk_tb(err.__traceback__)
    return isinstance(err, ImportError) or any(f.f_code.co_name == "<module>" for f, _ in frames)


def _is_of_workspace(err: OSError, folder: Path) -> bool:
    """Whether the disk that the job writes to is at fault; a job may write nowhere else."""
    if err.errno in (*home.FULL, errno.EROFS):
        return True
    named = str(err.filename or "")
    gone = err.errno == errno.ENOENT and not folder.exists()
    return gone or (err.errno == errno.EIO and Path(named).is_relative_to(folder))


def _task(function: str) -> Task:
    module, _, name = function.partition(":")
    task: Task = getattr(importlib.import_module(module), name)
    return task


def _reseed() -> None:
    """Forked workers must not all draw the same random numbers."""
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
