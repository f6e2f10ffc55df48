"""What a second machine brings to a sweep: seconds with one Dask worker, and with two.

``python -m benchmarks.sweep_scale [--models N] [--rounds N] [PATH...]`` sweeps the samples and the
models of the tests, or those of other paths. Every worker stands for a machine: it has one thread,
one core and an empty workspace. TensorFlow is imported before the clock starts; sending the models
counts. One and two workers take turns.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.checked_steps import corpus
from benchmarks.support.dask_processes import ROOT, dask_processes

WARM = ROOT / "sample_models/forecast/saved_model"
"""Swept once for each worker before the clock starts."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, help="models, or folders of them")
    parser.add_argument("--models", type=int, default=100, help="how many, at most")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        print("error: two workers need two cores; this process may use one", file=sys.stderr)
        return 2
    paths = options.paths or corpus()
    paths = list(itertools.islice(paths, options.models))
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _round in range(options.rounds):
        for workers, times in seconds.items():
            answer = swept(paths, cores[:workers])
            times.append(answer["seconds"])
            count = f"{answer['done']} of {len(answer['models'])} models done"
            print(f"{workers} worker{'s' if workers > 1 else ''}: {times[-1]:.1f} s, {count}")
    one, two = (statistics.median(times) for times in seconds.values())
    print("\n| models | 1 worker | 2 workers | speed-up |\n| --- | --- | --- | --- |")
    print(f"| {len(answer['models'])} | {one:.1f} s | {two:.1f} s | {one / two:.2f} |")
    return 0


def swept(paths: Sequence[Path], cores: Sequence[int]) -> dict[str, Any]:
    """The JSON of a sweep on workers with these cores."""
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        home = Path(folder)
        with dask_processes(home / "logs", 0) as processes:
            for core in cores:
                os.sched_setaffinity(processes.start_worker().pid, {core})
            environment = {
                **os.environ,
                "INSPECTOR_SCHEDULER": processes.address,
                "INSPECTOR_WORKSPACE": str(home / "workspace"),
            }
            warm = [home / f"warm{number}.pb" for number in range(4 * len(cores))]
            for path in warm:
                path.symlink_to(WARM)
            _sweep(warm, home / "first", environment)
            return _sweep(paths, home / "swept", environment)


def _sweep(paths: Sequence[Path], out: Path, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "inspector", "sweep", "--preset", "smaller", "--json", "-o"]
    done = subprocess.run(
        [*command, str(out), *map(str, paths)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # models that fail on purpose are among those of the tests
        check=False,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


if __name__ == "__main__":
    sys.exit(main())
