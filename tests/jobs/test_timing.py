"""Benchmarks as the library asks for them: models run in a worker."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.errors import BadFeed, BadFetch, BadParameter, JobTimeout
from inspector.formats import graphdef
from inspector.measurement.run_times import Benchmark
from inspector.model.model import Model
from tests import lite_models
from tests.conftest import ROOT
from tests.passes.text import graph

IRIS = ROOT / "sample_models/iris/saved_model"
QUICK = {"runs": 3}


@pytest.fixture
def lite(tmp_path: Path) -> Model:
    (tmp_path / "add.tflite").write_bytes(lite_models.add(batch=-1))
    return inspector.open_model(tmp_path / "add.tflite")


def written(tmp_path: Path, name: str, text: str) -> Model:
    path = tmp_path / f"{name}.pb"
    path.write_bytes(graph(text).to_bytes())
    return inspector.open_model(path)


def layers(tmp_path: Path, count: int) -> Model:
    """A chain of products of 256 x 256."""
    lines = ["x = Placeholder(shape=[-1, 256])", "w = Const(value=random(256, 256))"]
    names = ["x", *(f"m{number}" for number in range(count - 1)), "y"]
    pairs = pairwise(names)
    lines += [f"{name} = MatMul({before}, w)" for before, name in pairs]
    return written(tmp_path, f"layers{count}", "\n".join(lines))


def check_times(timing: Benchmark) -> None:
    for times in filter(None, (timing.a, timing.b)):
        assert times.load_ms > 0
        assert 0 < times.p50_ms <= times.p90_ms <= times.p99_ms
        assert times.first_ms > 0
        assert times.rows_per_s == pytest.approx(1000 * timing.batch / times.p50_ms)


@pytest.mark.tensorflow
def test_ten_times_the_work_is_slower_and_a_tenth_is_faster(tmp_path: Path) -> None:
    small, large = layers(tmp_path, 2), layers(tmp_path, 20)
    timing = inspector.benchmark(small, large, batch=64)
    check_times(timing)
    assert timing.verdict == "slower"
    assert timing.ratio is not None
    assert timing.interval is not None
    assert 1.03 < timing.interval[0] <= timing.ratio <= timing.interval[1]
    assert inspector.benchmark(large, small, batch=64).verdict == "faster"


@pytest.mark.tensorflow
def test_the_json_is_that_of_the_contract(tmp_path: Path) -> None:
    model = layers(tmp_path, 1)
    both = inspector.benchmark(model, model, batch=3, threads=2, **QUICK).to_dict()
    fields = "schema inspector batch threads runtimes runs a b ratio interval clock verdict"
    assert list(both) == fields.split()
    figures = ["load_ms", "first_ms", "p50_ms", "p90_ms", "p99_ms", "rows_per_s", "peak_rss_bytes"]
    assert list(both["a"]) == list(both["b"]) == figures
    assert (both["batch"], both["threads"], both["clock"]) == (3, 2, "wall")
    assert both["verdict"] == "too noisy to tell"  # of three runs
    assert both["interval"] is None
    alone = inspector.benchmark(model, **QUICK).to_dict()
    assert (alone["b"], alone["ratio"], alone["interval"]) == (None, None, None)
    assert alone["verdict"] in ("same", "too noisy to tell")


def test_litert_models_need_no_tensorflow(lite: Model) -> None:
    feeds = {"x": np.arange(6, dtype=np.float32).reshape(3, 2)}
    timing = inspector.benchmark(lite, lite, feeds, runs=20)
    check_times(timing)
    assert (timing.batch, timing.runtimes) == (3, ("LiteRT", "LiteRT"))
    assert timing.runs == (20, 20)


@pytest.mark.tensorflow
def test_tensorflow_against_litert(tmp_path: Path, lite: Model) -> None:
    """Neither key nor tensor of the inputs agree; dtype and shape do."""
    text = "p = Placeholder(shape=[-1, 2]) ; b = Const(value=[1, 2]) ; s = Add(p, b)"
    timing = inspector.benchmark(written(tmp_path, "add", text), lite, batch=5, **QUICK)
    check_times(timing)
    assert (timing.batch, timing.runtimes) == (5, ("TensorFlow", "LiteRT"))


@pytest.mark.tensorflow
def test_a_large_constant_shows_in_the_memory_of_its_model_alone(tmp_path: Path) -> None:
    lines = "x = Placeholder(shape=[-1, 4096]) ; y = MatMul(x, w) ; w = "
    large = written(tmp_path, "large", f"{lines}Const(value=zeros(4096, 4096))")
    timing = inspector.benchmark(large, **QUICK)
    assert timing.a.peak_rss_bytes > 60 << 20
    small = inspector.benchmark(layers(tmp_path, 1), **QUICK)
    assert small.a.peak_rss_bytes < 60 << 20


@pytest.mark.tensorflow
def test_a_model_that_came_of_a_call_is_measured_beside_the_file() -> None:
    model = inspector.open_model(IRIS)
    small = inspector.optimise(model, preset="smaller").model
    timing = inspector.benchmark(model, small, batch=2, **QUICK)
    check_times(timing)
    assert timing.batch == 2


@pytest.mark.tensorflow
def test_rows_are_repeated_up_to_the_batch(tmp_path: Path) -> None:
    model = layers(tmp_path, 1)
    feeds = {"x": np.ones((3, 256), np.float32)}
    assert inspector.benchmark(model, feeds=feeds, batch=7, **QUICK).batch == 7
    assert inspector.benchmark(model, feeds=feeds, batch=2, **QUICK).batch == 2
    assert inspector.benchmark(model, feeds=feeds, **QUICK).batch == 3


def test_what_is_wrong_is_said(tmp_path: Path, lite: Model) -> None:
    for name, value in (("batch", 0), ("runs", 0), ("threads", 257), ("budget", 0.0)):
        with pytest.raises(BadParameter, match=f"benchmark: {name}: takes"):
            inspector.benchmark(lite, **{name: value})
    with pytest.raises(BadFeed, match="no such input"):
        inspector.benchmark(lite, feeds={"nothing": [1.0]})
    (tmp_path / "loop.tflite").write_bytes(lite_models.loop())
    with pytest.raises(BadFetch, match="has no output that corresponds to one of add"):
        inspector.benchmark(lite, inspector.open_model(tmp_path / "loop.tflite"))
    with pytest.raises(JobTimeout, match="--timeout"):
        inspector.benchmark(lite, runs=1_000_000, timeout=1.0)


def test_progress_has_the_ratio_until_now(lite: Model) -> None:
    texts: list[str] = []
    # Seconds even on a fast machine: the ratio is told every half a second.
    inspector.benchmark(lite, lite, runs=250_000, progress=lambda _share, text: texts.append(text))
    assert any("ratio until now " in text for text in texts)


@pytest.mark.tensorflow
def test_a_graph_that_is_written_has_the_times_of_its_file(tmp_path: Path) -> None:
    frozen = inspector.freeze(inspector.open_model(IRIS))
    graphdef.write(frozen, tmp_path / "frozen.pb")
    check_times(inspector.benchmark(inspector.open_model(tmp_path / "frozen.pb"), **QUICK))


@pytest.mark.tensorflow
def test_batch_sizes_that_one_of_two_models_refuses_are_listed(tmp_path: Path, lite: Model) -> None:
    text = "p = Placeholder(shape=[4, 2]) ; b = Const(value=[1, 2]) ; s = Add(p, b)"
    fixed = written(tmp_path, "fixed", text)
    texts: list[str] = []
    sweep = inspector.benchmark_batches(
        lite,
        fixed,
        batches=(64, 1, 4),
        budget=0.1,
        progress=lambda _share, text: texts.append(text),
    )
    assert (sweep.runtimes, sweep.threads) == (("LiteRT", "TensorFlow"), 1)
    many, one, four = sweep.batches
    assert "has shape [1, 2], needs [4, 2]" in one.why
    assert "has shape [64, 2], needs [4, 2]" in many.why
    assert (one.a, one.b, one.verdict, one.ratio, one.interval) == (None,) * 5
    assert not four.why
    for times in (four.a, four.b):
        assert times is not None
        assert 0 < times.p50_ms <= times.p90_ms <= times.p99_ms
        assert times.rows_per_s == pytest.approx(4000 / times.p50_ms)
    assert four.verdict is not None
    assert "load: B" in texts


def test_batch_sizes_of_a_model_alone_repeat_the_rows(lite: Model) -> None:
    feeds = {"x": np.ones((3, 2), np.float32)}
    sweep = inspector.benchmark_batches(lite, feeds=feeds, batches=(8,), budget=0.1)
    (eight,) = sweep.batches
    assert (eight.batch, eight.why, eight.b) == (8, "", None)
    assert (eight.ratio, eight.interval) == (None, None)
    for batches in ((), (1, 1), (0,)):
        with pytest.raises(BadParameter, match="benchmark: batches: takes"):
            inspector.benchmark_batches(lite, batches=batches)
