"""Seconds of processor and of the clock that each test file takes, started processes included.

    python -m pytest -p tests.cpu_times

Seconds of processor can be compared on a busy machine, too. A file that takes many more seconds of
the clock waits for something.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

SHOWN = 25
_TICKS = os.sysconf("SC_CLK_TCK")
_PROPERTY = "cpu seconds"
_processor: Counter[str] = Counter()
_clock: Counter[str] = Counter()
_before = [0.0]


def _cpu_seconds() -> float:
    """Seconds of processor of this process and its descendants, ended ones included."""
    children: dict[int, list[int]] = {}
    seconds: dict[int, float] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  no path is needed
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
        seconds[int(name)] = sum(map(int, fields[11:15])) / _TICKS
    total, pending = 0.0, [os.getpid()]
    while pending:
        pid = pending.pop()
        total += seconds.get(pid, 0.0)
        pending += children.get(pid, [])
    return total


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note the processor's time before a test."""
    _before[0] = _cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the seconds of this phase to its report, which a worker sends to the main process."""
    report = yield
    now = _cpu_seconds()
    report.user_properties.append((_PROPERTY, now - _before[0]))
    _before[0] = now
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Sum up by file."""
    file = report.nodeid.partition("::")[0]
    _clock[file] += report.duration
    # The properties of a test are those of its phases so far, the last one is this phase's.
    phase = [value for name, value in report.user_properties if name == _PROPERTY]
    _processor[file] += float(str(phase[-1])) if phase else 0.0


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the files that take the most."""
    terminalreporter.section("seconds of processor and of the clock by file")
    for file, seconds in _processor.most_common(SHOWN):
        terminalreporter.write_line(f"{seconds:8.1f} {_clock[file]:8.1f}  {file}")
    total = f"{_processor.total():8.1f} {_clock.total():8.1f}  all"
    terminalreporter.write_line(total)
