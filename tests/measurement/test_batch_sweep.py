"""Which batch sizes a sweep measures, with how much time, and what it says of the others."""

from __future__ import annotations

import pytest

from inspector.errors import BadFeed, BlockedOp, RunFailed
from inspector.measurement.batch_sweep import sweep


class Machine:
    """A clock, and a model that takes so many seconds for a row."""

    def __init__(self, seconds_of_row: float = 0.0, spends: float = 1.0) -> None:
        self.now = 0.0
        self.shares: list[float] = []
        self._of_row, self._spends = seconds_of_row, spends

    def clock(self) -> float:
        return self.now

    def measure(self, batch: int, seconds: float) -> tuple[str, float]:
        """A measurement that takes its share, or a part of it."""
        if batch == 2:
            raise BadFeed("feeds", "x", "has shape [2, 4], needs [1, 4]")
        if batch == 3:
            raise MemoryError
        self.shares.append(seconds)
        self.now += self._spends * seconds
        return f"{batch} rows", self._of_row * batch


def test_sizes_share_the_budget_and_what_one_saves_is_for_the_next() -> None:
    machine = Machine()
    outcomes = sweep((1, 4, 8, 16), machine.measure, 8.0, machine.clock)
    assert [outcome.value for outcome in outcomes] == ["1 rows", "4 rows", "8 rows", "16 rows"]
    assert machine.shares == pytest.approx([2.0] * 4)
    quick = Machine(spends=0.5)
    sweep((1, 4), quick.measure, 8.0, quick.clock)
    assert quick.shares == [4.0, 6.0]


def test_a_refused_size_is_listed_and_does_not_end_the_sweep() -> None:
    machine = Machine()
    outcomes = sweep((1, 2, 3, 4), machine.measure, 8.0, machine.clock)
    assert [(outcome.batch, outcome.value) for outcome in outcomes] == [
        (1, "1 rows"),
        (2, None),
        (3, None),
        (4, "4 rows"),
    ]
    assert outcomes[1].why == "feeds: x: has shape [2, 4], needs [1, 4]"
    assert "not enough memory" in outcomes[2].why
    assert not outcomes[3].why


def test_a_size_whose_runs_the_budget_has_no_time_for_is_not_started() -> None:
    machine = Machine(seconds_of_row=0.5)
    outcomes = sweep((1, 4, 100), machine.measure, 10.0, machine.clock)
    assert [outcome.value for outcome in outcomes] == ["1 rows", None, None]
    assert outcomes[2].why == "the budget of 10 s has no time for it"


def test_where_no_size_fits_the_first_reason_is_the_error() -> None:
    with pytest.raises(BadFeed, match=r"needs \[1, 4\]"):
        sweep((2, 3), Machine().measure, 8.0)
    with pytest.raises(RunFailed, match="batch 3: the job has not enough memory"):
        sweep((3,), Machine().measure, 8.0)


def test_what_no_size_would_mend_ends_the_sweep() -> None:
    def refused(_batch: int, _seconds: float) -> tuple[str, float]:
        raise BlockedOp("model", "ReadFile", "reads files")

    with pytest.raises(BlockedOp):
        sweep((1, 2), refused, 8.0)
