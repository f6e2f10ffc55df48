"""freeze_requantization_ranges: how the log is read, and what comes of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from inspector import TransformGraph
from inspector.errors import BadParameter, InspectorError, LimitExceeded, TransformFailed
from inspector.graph.graph import Graph
from inspector.model.model import Model
from inspector.optimisation import optimise
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.passes import PASSES, pipeline
from inspector.passes.base import PassContext, PassResult
from inspector.passes.transforms import freeze_requantization_ranges
from inspector.passes.transforms.freeze_requantization_ranges import parse_log
from tests.passes.running import cpp_tool, differences
from tests.passes.text import graph, show, value

NAME = "freeze_requantization_ranges"
TEXT = (
    "a = Placeholder(dtype=qint32) ; lo = Placeholder() ; hi = Placeholder()"
    " ; r = RequantizationRange(a, lo, hi) ; q = Requantize(a, lo, hi, r, r:1, out_type=quint8)"
    " ; y = Dequantize(q, q:1, q:2, T=quint8)"
)


def line(low: Any, high: Any, name: str = "r") -> str:
    return f"I0101 logging_ops.cc:79] ;{name}__print__;__requant_min_max:[{low}][{high}]\n"


def freeze(before: Graph, log: Path, text: str, outputs: Any = ("y",), **params: str) -> PassResult:
    log.write_text(text)
    found = PASSES[NAME]
    given = found.read([("min_max_log_file", str(log)), *params.items()])
    return found(before, PassContext(("a",), tuple(outputs), files=True), **given)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "ranges.log"


def test_the_range_is_two_constants(log):
    after = freeze(graph(TEXT), log, line(-1.5, 2)).graph
    assert "r" not in after
    assert after.node("q").input == ["a", "lo", "hi", "r/frozen_min", "r/frozen_max"]
    assert (value(after, "r/frozen_min"), value(after, "r/frozen_max")) == (-1.5, 2)


def test_five_percent_of_twenty_drop_one_minimum_and_no_maximum(log):
    text = "".join(line(-n, n) for n in range(1, 21))
    after = freeze(graph(TEXT), log, text).graph
    assert (value(after, "r/frozen_min"), value(after, "r/frozen_max")) == (-19, 20)


@pytest.mark.parametrize(("low", "high", "expected"), [(100, 0, (-1, 4)), (250, 250, (-1, 1))])
def test_percentiles_past_the_end_take_the_last(log, low, high, expected):
    text = "".join(line(-n, n) for n in range(1, 5))
    params = {"min_percentile": str(low), "max_percentile": str(high)}
    after = freeze(graph(TEXT), log, text, **params).graph
    assert (value(after, "r/frozen_min"), value(after, "r/frozen_max")) == expected


def test_control_inputs_and_control_readers(log):
    before = graph(TEXT + " ; n = NoOp() ; z = NoOp(^r)")
    before.node("r").input.append("^n")
    after = freeze(before, log, line(0, 1)).graph
    assert after.node("r/frozen_min").input == after.node("r/frozen_max").input == ["^n"]
    assert after.node("z").input == ["^r/frozen_min"]


def test_in_a_loop_the_constants_belong_to_it(log):
    text = TEXT.replace("a =", "b =") + " ; a = Enter(b, T=qint32, frame_name=f)"
    after = freeze(graph(text), log, line(0, 1)).graph
    assert after.node("r/frozen_min").input == ["^a"]


def test_a_second_run_changes_nothing(log):
    once = freeze(graph(TEXT), log, line(0, 1)).graph
    result = freeze(once, log, line(0, 1))
    assert result.graph is once
    assert result.skipped[0].why == "its range is frozen already"


@pytest.mark.parametrize("outputs", [["r"], ["r:1"]])
def test_a_fetched_range_stays(log, outputs):
    before = graph(TEXT)
    assert freeze(before, log, line(0, 1), outputs).graph is before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "No min/max range logs were found"),
        (line(0, 1, "gone"), "aren't present in the graph"),
        (line(0, 1, "q"), "Node is expected to be a RequantizationRange op: q, but is: Requantize"),
    ],
)
def test_a_log_of_something_else(log, text, words):
    with pytest.raises(TransformFailed, match=words):
        freeze(graph(TEXT), log, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" -1.5e1 ][ .5 ]and more", (-15.0, 0.5)),
        ("-inf][+Infinity]", (float("-inf"), float("inf"))),
        ("1.][0x1p3]", (1.0, 8.0)),
        ("1e99][1]", (float("inf"), 1.0)),
        ("nan][1]", None),
        ("1_0][1]", None),
        ("][1]", None),
        ("1]][1]", None),
        ("1][1", None),
        ("1]", None),
        ("1][1][1]", None),
        ("0x1p9999][1]", None),
    ],
)
def test_numbers(text, expected):
    found = parse_log(f";r__print__;__requant_min_max:[{text}")
    assert found == ({"r": ([expected[0]], [expected[1]])} if expected else {})


@pytest.mark.parametrize(
    "text",
    [
        "r__print__;__requant_min_max: [1][2]",
        ";r_print_;__requant_min_max:[1][2]",
        "__requant_min_max:[1][2];r__print__",
        ";r__print__;x;__requant_min_max:[1][2]",
        ";r__print__;__requant_min_max:[1][2];__requant_min_max:",
    ],
)
def test_lines_that_are_something_else(text):
    assert parse_log(text) == {}


def test_nobody_on_a_web_page_reads_files(log):
    log.write_text(line(0, 1))
    call = f'{NAME}(min_max_log_file="{log}")'
    with pytest.raises(BadParameter, match="only the command line and Python may open"):
        pipeline.run(graph(TEXT), ["a"], ["y"], call)
    model = Model(format="GraphDef", name="m", path=None, graph=graph(TEXT))
    with pytest.raises(BadParameter, match="only the command line and Python may open"):
        optimise.optimise(model, OptimiseOptions(("a",), ("y",), call))
    options = OptimiseOptions(("a",), ("y",), call, allow_files=True)
    assert optimise.optimise(model, options).steps[0].modified
    assert "r" not in {
        node.name for node in TransformGraph(graph(TEXT).to_proto(), ["a"], ["y"], call).node
    }


def test_files_that_cannot_be_read(log, monkeypatch):
    found = PASSES[NAME]
    for name in (str(log), str(log.parent), "a\0b", "/dev/zero", ""):
        with pytest.raises(BadParameter):
            found(graph(TEXT), PassContext(files=True), **found.read([("min_max_log_file", name)]))
    with pytest.raises(BadParameter, match="You must pass a file name to min_max_log_file"):
        found.read([])
    monkeypatch.setattr(freeze_requantization_ranges, "MAX_LOG", 10)
    with pytest.raises(LimitExceeded):
        freeze(graph(TEXT), log, line(0, 1))
    assert issubclass(LimitExceeded, InspectorError)


@pytest.mark.tensorflow
def test_it_is_the_tools(log):
    rng = random.Random(5)
    before = graph(TEXT)
    for _ in range(60):
        count = rng.randint(1, 40)
        text = "".join(
            line(round(rng.uniform(-5, 0), 4), round(rng.uniform(0, 5), 4)) for _ in range(count)
        )
        low, high = rng.choice([(5, 5), (10, 2.5), (12.5, 0), (0, 100), (33.3, 66.6)])
        params = {"min_percentile": str(low), "max_percentile": str(high)}
        after = freeze(before, log, text, **params).graph
        call = f'{NAME}(min_max_log_file="{log}", min_percentile={low}, max_percentile={high})'
        theirs = cpp_tool(before, ["a"], ["y"], call)
        assert not differences(theirs, after, ["a"], ["y"])
    assert "r/frozen_min" in show(after)
