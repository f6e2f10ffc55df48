"""The kinds of job: which function does each, whether it needs TensorFlow, and what it may use.

A task is ``def task(args: dict[str, Any], job: JobContext) -> TaskResult``. ``args`` and the value
of the result are JSON; large data travels as blobs (``job.blobs``, ``TaskResult.blobs``) or files
in ``job.folder``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True)
class Limits:
    """What one job may use; past a limit the job ends, and its error names the limit.

    The memory rule is measured: running or converting a model of 103 MB peaks at 1.8 to 2.1 GB.
    """

    wall_s: float = 120.0
    """Seconds from the start of the job's process to the last byte of its answer."""
    cpu_s: int = 240
    """Seconds of processor time, all threads together."""
    memory_bytes: int = 3 * GIB
    """Address space, before the part that grows with the input."""
    memory_per_byte: float = 12.0
    """Address space added for every byte of the input file or folder."""
    file_bytes: int = 4 * GIB
    """The largest single file that the job may write."""
    folder_bytes: int = 8 * GIB
    """All files together that the job may leave in its folder."""
    value_bytes: int = 64 * MIB
    """The JSON part of an answer."""
    result_bytes: int = 512 * MIB
    """A whole answer, blobs included."""
    stall_s: float = 20.0
    """Seconds without a byte in the middle of a message."""
    stack_bytes: int = 512 * MIB
    """Stack of the main thread; TensorFlow needs 8 MiB for about 30,000 nodes in a chain."""

    def for_input(self, size: int) -> Limits:
        """These limits for an input of ``size`` bytes: the growing part added, once and for all."""
        memory = self.memory_bytes + int(self.memory_per_byte * size)
        return replace(self, memory_bytes=memory, memory_per_byte=0.0)

    def to_dict(self) -> dict[str, Any]:
        """As JSON, for the way to the worker."""
        return asdict(self)


@dataclass(frozen=True)
class Request:
    """One kind of job."""

    kind: str
    function: str
    """``module:function`` of the task; the worker imports it."""
    tensorflow: bool = False
    """True sends it to the template that has TensorFlow imported."""
    limits: Limits = field(default_factory=Limits)
    cached: bool = True
    """The same model and args give the same answer, so it is kept in the workspace."""

    @property
    def module(self) -> str:
        """The module that holds the task."""
        return self.function.partition(":")[0]


def table(*requests: Request) -> dict[str, Request]:
    """The requests by kind; a kind that is there twice is a mistake of ours."""
    named = {request.kind: request for request in requests}
    if len(named) != len(requests):
        raise ValueError("two requests have the same kind")
    return named


_TASKS = "inspector.jobs.tasks"

REQUESTS: Mapping[str, Request] = table(
    Request("open", f"{_TASKS}:open_model"),
    Request("fetch", "inspector.jobs.fetching:fetch_task", cached=False),
    Request("variable", "inspector.jobs.values:variable"),
    Request("node", f"{_TASKS}:node"),
    Request("optimise", "inspector.jobs.optimising:optimise", tensorflow=True),
    Request("predict", "inspector.jobs.predicting:predict", tensorflow=True, cached=False),
    Request("profile", "inspector.jobs.profiling:profile", tensorflow=True, cached=False),
    Request("run", f"{_TASKS}:run", tensorflow=True, cached=False),
    Request(
        "build",
        f"{_TASKS}:build",
        tensorflow=True,
        limits=Limits(result_bytes=2 * GIB),
        cached=False,
    ),
    Request("run_lite", "inspector.jobs.lite:run", cached=False),
    Request("predict_lite", "inspector.jobs.lite:predict", cached=False),
    Request(
        "transform",
        "inspector.jobs.transforming:transform",
        tensorflow=True,
        limits=Limits(wall_s=900.0, cpu_s=1800, result_bytes=2 * GIB, value_bytes=256 * MIB),
        cached=False,
    ),
    Request("grappler", f"{_TASKS}:grappler", tensorflow=True, cached=False),
    Request("evaluate", f"{_TASKS}:evaluate", tensorflow=True, cached=False),
)
