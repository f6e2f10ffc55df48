"""Processes measured from outside: wall clock, CPU, and the most memory they held at once."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """Seconds of wall clock and of CPU, MiB of resident memory at its peak, what was printed."""

    wall: float
    cpu: float
    peak: float
    output: str


def measure(command: Sequence[str], rounds: int) -> Run:
    """Run a command some times; the medians. The first run only warms the file cache up."""
    runs = [once(command) for _ in range(rounds + 1)][1:]
    return Run(
        statistics.median(run.wall for run in runs),
        statistics.median(run.cpu for run in runs),
        statistics.median(run.peak for run in runs),
        runs[-1].output,
    )


def table(title: str, rows: Sequence[tuple[str, Run]]) -> None:
    """Print runs below each other, and the first one's ratio to the last one's."""
    print(f"\n{title}\n{'':40}{'wall s':>9}{'cpu s':>9}{'peak MiB':>10}")
    for name, run in rows:
        print(f"{name:40}{run.wall:9.2f}{run.cpu:9.2f}{run.peak:10.0f}")
    first, last = rows[0][1], rows[-1][1]
    ratios = first.wall / last.wall, first.cpu / last.cpu, first.peak / last.peak
    print(f"{'first to last':40}{ratios[0]:9.3f}{ratios[1]:9.3f}{ratios[2]:10.3f}")


def tool(name: str) -> str:
    """A program that was installed beside the interpreter."""
    return str(Path(sys.executable).with_name(name))


def once(command: Sequence[str]) -> Run:
    """One run of a command."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.DEVNULL, env=environment
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)
