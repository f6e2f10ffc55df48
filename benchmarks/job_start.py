"""How long a job takes that does nothing: the start of a worker, its answer, its end.

With the sandbox and without, in turn, so that what else the machine does falls on both. Prints one
JSON object; milliseconds, medians over the rounds; ``sandbox`` is the median of the differences.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from inspector.jobs.requests import Limits, Request, table
from inspector.jobs.runner import LIGHT, TENSORFLOW, LocalRunner, default_templates
from inspector.jobs.store.workspace import Workspace
from inspector.jobs.worker import JobContext, TaskResult

ROUNDS = 40
_LIMITS = Limits(memory_bytes=8 << 30)
_OPEN = "_without_sandbox"


def nothing(args: dict[str, object], job: JobContext) -> TaskResult:
    """A task that does nothing."""
    return TaskResult({})


def one_op(args: dict[str, object], job: JobContext) -> TaskResult:
    """A task that runs one op, which makes TensorFlow set itself up."""
    from inspector.backend.self_test import run_an_op

    run_an_op()
    return TaskResult({})


_HERE = "benchmarks.job_start"
KINDS = (
    Request("light", f"{_HERE}:nothing", limits=_LIMITS),
    Request("tensorflow", f"{_HERE}:nothing", tensorflow=True, limits=_LIMITS),
    Request("tensorflow_op", f"{_HERE}:one_op", tensorflow=True, limits=_LIMITS),
)
REQUESTS = table(
    *KINDS, *(replace(request, kind=request.kind + _OPEN, confined=False) for request in KINDS)
)


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """The figures by name."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        templates = default_templates(REQUESTS)
        runner = LocalRunner(Workspace(Path(folder)), requests=REQUESTS, templates=templates)
        with runner:
            for request in KINDS:
                figures |= _paired(runner, request.kind, rounds)
            for name in (LIGHT, TENSORFLOW):
                seconds = runner.status().templates[name].seconds or 0.0
                figures[f"{name}_template_start_ms"] = round(1000 * seconds, 1)
    return figures


def _paired(runner: LocalRunner, kind: str, rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {kind: [], kind + _OPEN: []}
    for name in times:
        runner.run(name)  # the template starts with its first job
    for turn in range(rounds):
        for name in sorted(times, reverse=bool(turn % 2)):
            start = time.perf_counter()
            runner.run(name)
            times[name].append(1000 * (time.perf_counter() - start))
    differences = [a - b for a, b in zip(*times.values(), strict=True)]
    figures = {f"{name}_job_ms": statistics.median(spent) for name, spent in times.items()}
    figures[f"{kind}_sandbox_ms"] = statistics.median(differences)
    return {name: round(value, 1) for name, value in figures.items()}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
