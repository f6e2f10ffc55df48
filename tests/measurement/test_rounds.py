"""Rounds of runs on a clock of our own: a busy machine that is the same in every test."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from inspector.measurement import rounds
from inspector.measurement.rounds import Clocks, Rounds


class Machine:
    """A clock that runs make go on, while other work comes and goes."""

    def __init__(self, seed: int, noise: float = 0.15, cpu_noise: float = 0.03) -> None:
        self.rng = np.random.default_rng(seed)
        self.wall = self.cpu = 0.0
        self.noise, self.cpu_noise = noise, cpu_noise
        self.load = 0.0
        self.calls: list[str] = []
        self.clocks = Clocks(lambda: self.wall, lambda: self.cpu)

    def model(self, name: str, seconds: float) -> Callable[[], None]:
        def run() -> None:
            self.calls.append(name)
            self.load = 0.98 * self.load + self.rng.normal(0, 0.1)
            interrupted = 5.0 if self.rng.random() < 0.03 else 1.0
            slowed = np.exp(abs(self.load) + self.rng.normal(0, self.noise)) * interrupted
            self.wall += seconds * slowed
            self.cpu += seconds * np.exp(self.rng.normal(0, self.cpu_noise))

        return run

    def measure(self, *seconds: float, **options: object) -> Rounds:
        models = [self.model("abc"[place], each) for place, each in enumerate(seconds)]
        return rounds.measure(models, clocks=self.clocks, **options)  # type: ignore[arg-type]


def verdicts(ratio: float, count: int = 100, **options: object) -> Counter[str]:
    return Counter(
        Machine(seed).measure(0.003, ratio * 0.003, **options).judgements[1].verdict
        for seed in range(count)
    )


def test_a_against_a_is_the_same_in_99_of_100() -> None:
    seen = verdicts(1.0)
    assert seen["same"] >= 99
    assert seen["faster"] == seen["slower"] == 0


def test_a_tenth_more_work_is_slower_in_95_of_100_and_never_faster() -> None:
    seen = verdicts(1.1)
    assert seen["slower"] >= 95
    assert seen["faster"] == 0
    assert verdicts(0.9)["faster"] >= 95


def test_where_processor_time_does_not_count_a_busy_machine_is_too_noisy() -> None:
    seen = verdicts(1.1, 30, use_cpu=False)
    assert seen["faster"] == seen["same"] == 0
    assert seen["too noisy to tell"] > 0


def test_a_quiet_machine_decides_early_and_by_wall_time() -> None:
    measured = Machine(1, noise=0.01).measure(0.003, 0.0045)
    assert measured.ended == "certain"
    assert len(measured.series[0].wall) == 40
    assert measured.judgements[1].clock == "wall"
    assert measured.judgements[1].ratio == pytest.approx(1.5, rel=0.05)
    assert measured.judgements[0].verdict == "same"


def test_three_models_are_judged_against_the_first() -> None:
    measured = Machine(2).measure(0.003, 0.006, 0.0015)
    assert [item.verdict for item in measured.judgements] == ["same", "slower", "faster"]


def test_the_order_within_a_round_is_random() -> None:
    machine = Machine(3)
    machine.measure(0.005, 0.005)
    in_pairs = ["".join(machine.calls[at:][:2]) for at in range(-80, -1, 2)]
    assert set(in_pairs) == {"ab", "ba"}
    assert abs(in_pairs.count("ab") - in_pairs.count("ba")) < len(in_pairs) / 2


def test_a_sample_of_quick_models_is_many_runs_as_many_of_each() -> None:
    for seconds, least, most in (((0.0001, 0.0002), 20, 80), ((0.0001, 0.1), 1, 1)):
        measured = Machine(4).measure(*seconds)
        samples = {len(series.runs) / len(series.wall) for series in measured.series}
        assert len(samples) == 1
        assert least <= samples.pop() <= most
        quick = measured.series[0]
        assert np.mean(quick.runs) == pytest.approx(np.mean(quick.wall))


def test_one_slow_run_at_the_start_does_not_make_samples_short() -> None:
    """The first run prepares the graph."""
    machine = Machine(10, noise=0.0)
    call, calls = machine.model("a", 0.001), []

    def run() -> None:
        machine.wall += 0.05 if not calls else 0.0
        calls.append(1)
        call()

    series = rounds.measure([run], clocks=machine.clocks).series[0]
    assert len(series.runs) > 1.5 * len(series.wall)


def test_the_budget_ends_the_rounds() -> None:
    machine = Machine(5)
    measured = machine.measure(0.5, 0.5, budget_s=5.0)
    assert measured.ended == "budget"
    assert 1 <= len(measured.series[0].wall) < 8
    assert measured.judgements[1].verdict == "too noisy to tell"
    # One round more would not have fit; one model of two seconds is still run.
    assert len(Machine(5).measure(20.0, 20.0, budget_s=1.0).series[0].wall) == 1


def test_a_number_of_runs_ends_early_after_the_seconds_it_may_take() -> None:
    measured = Machine(6).measure(2.0, 2.0, runs=9, most_s=20.0)
    assert measured.ended == "budget"
    assert 1 <= len(measured.series[0].runs) == len(measured.series[1].runs) < 9


def test_the_number_of_runs_is_as_asked_for_whatever_the_budget() -> None:
    measured = Machine(6).measure(2.0, 2.0, budget_s=1.0, runs=9)
    assert [len(series.runs) for series in measured.series] == [9, 9]
    assert measured.ended == "rounds"
    assert measured.judgements[1].pairs == 9
    quick = Machine(6).measure(0.001, 0.001, runs=23).series
    assert [len(series.runs) for series in quick] == [23, 23]
    assert len(quick[0].wall) < 23


def test_one_model_is_measured_against_itself() -> None:
    measured = Machine(7).measure(0.003)
    assert [item.verdict for item in measured.judgements] == ["same"]
    assert len(measured.series) == 1
    restless = [Machine(seed, 1.0, 1.0).measure(0.003).judgements[0] for seed in range(20)]
    assert {item.verdict for item in restless} <= {"same", "too noisy to tell"}
    assert "too noisy to tell" in {item.verdict for item in restless}


def test_progress_has_the_ratio_until_now() -> None:
    reports: list[tuple[float, str]] = []
    Machine(8).measure(0.05, 0.1, budget_s=8.0, report=lambda *it: reports.append(it))
    shares = [share for share, _ in reports]
    assert len(reports) > 5
    assert shares == sorted(shares)
    assert shares[-1] <= 1.0
    assert "rounds, ratio until now " in reports[-1][1]
    assert 1.5 < float(reports[-1][1].rpartition(" ")[2]) < 2.7


def test_the_garbage_collector_is_off_during_the_rounds_only() -> None:
    seen = []
    machine = Machine(9)
    call = machine.model("a", 0.01)
    rounds.measure([lambda: (call(), seen.append(gc.isenabled()))], clocks=machine.clocks)
    assert not any(seen[-40:])
    assert gc.isenabled()
