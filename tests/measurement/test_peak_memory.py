"""Resident memory during a part of the work."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from inspector.measurement.peak_memory import PeakMemory, resident

MIB = 1 << 20


def test_memory_that_is_given_back_counts_and_what_was_there_before_does_not() -> None:
    before = np.ones(64 * MIB, np.uint8)
    with PeakMemory() as memory:
        for _ in range(3):
            block = np.ones(96 * MIB, np.uint8)
            # Until the sampling thread has run, whatever else the machine does.
            while memory.added < 90 * MIB:
                block += 1
            del block
    assert 90 * MIB <= memory.added < 150 * MIB
    assert len(before) == 64 * MIB


def test_the_figure_is_the_one_of_the_system() -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 0.1 * peak < resident() <= 1.02 * peak


def test_a_system_that_does_not_tell_adds_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setattr("inspector.measurement.peak_memory._STATM", tmp_path / "none")
    with PeakMemory() as memory:
        pass
    assert memory.added == 0
