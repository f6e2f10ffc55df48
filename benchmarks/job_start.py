"""How long a job takes that does nothing: the start of a worker, its answer, its end.

Prints one JSON object; milliseconds, medians over the rounds.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from pathlib import Path

from inspector.jobs.requests import Limits, Request, table
from inspector.jobs.runner import LIGHT, TENSORFLOW, LocalRunner, default_templates
from inspector.jobs.worker import JobContext, TaskResult
from inspector.jobs.workspace import Workspace

ROUNDS = 30
_LIMITS = Limits(memory_bytes=8 << 30)


def nothing(args: dict[str, object], job: JobContext) -> TaskResult:
    """A task that does nothing."""
    return TaskResult({})


def one_op(args: dict[str, object], job: JobContext) -> TaskResult:
    """A task that runs one op, which makes TensorFlow set itself up."""
    from inspector.backend.self_test import run_an_op

    run_an_op()
    return TaskResult({})


_HERE = "benchmarks.job_start"
REQUESTS = table(
    Request("light", f"{_HERE}:nothing", limits=_LIMITS),
    Request("tensorflow", f"{_HERE}:nothing", tensorflow=True, limits=_LIMITS),
    Request("tensorflow_op", f"{_HERE}:one_op", tensorflow=True, limits=_LIMITS),
)


def measure(rounds: int = ROUNDS) -> dict[str, float]:
    """The figures by name."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        templates = default_templates(REQUESTS)
        runner = LocalRunner(Workspace(Path(folder)), requests=REQUESTS, templates=templates)
        with runner:
            for kind in REQUESTS:
                runner.run(kind)  # the template starts with its first job
                times = []
                for _ in range(rounds):
                    start = time.perf_counter()
                    runner.run(kind)
                    times.append(1000 * (time.perf_counter() - start))
                figures[f"{kind}_job_ms"] = round(statistics.median(times), 1)
            for name in (LIGHT, TENSORFLOW):
                seconds = runner.status().templates[name].seconds or 0.0
                figures[f"{name}_template_start_ms"] = round(1000 * seconds, 1)
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
