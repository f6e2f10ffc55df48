"""The same verdict every time: on noisy kernels, on random graphs, and in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import inspector
from inspector.graph.graph import Graph
from inspector.graph.tensors import Array
from inspector.optimisation import random_ops, same_graph
from inspector.optimisation.check import Checker
from inspector.passes import pipeline
from tests.conftest import data_path
from tests.passes.text import graph

RUNS = 20
TIDY = (
    "remove_training_nodes remove_nodes(op=Identity) fold_constants(ignore_errors=true) "
    "merge_duplicate_nodes set_device(device=cpu)"
)
CONVOLUTIONS = (
    "x = Placeholder(shape=[1,9,9,2]) ; w = Const(value=random(3,3,2,4)) ; wi = Identity(w)"
    " ; c = Conv2D(x, wi) ; d = Const(value=random(3,3,4,2)) ; di = Identity(d)"
    " ; e = DepthwiseConv2dNative(c, di) ; r = Relu(e) ; s = Const(value=[1,-1], dtype=int32)"
    " ; f = Reshape(r, s) ; m = Const(value=random(648,10)) ; mi = Identity(m)"
    " ; y = MatMul(f, mi)"
)
LOOP = """
x = Placeholder(shape=[2,8]) ; w = Const(value=random(8,8)) ; zero = Const(value=0, dtype=int32)
n = Const(value=5, dtype=int32) ; ei = Enter(zero, frame_name=f, T=int32)
ex = Enter(x, frame_name=f, T=float) ; ew = Enter(w, frame_name=f, is_constant=true, T=float)
en = Enter(n, frame_name=f, is_constant=true, T=int32) ; mi = Merge(ei, ni, N=2, T=int32)
mx = Merge(ex, nx, N=2, T=float) ; less = Less(mi, en, T=int32) ; cond = LoopCond(less)
si = Switch(mi, cond, T=int32) ; sx = Switch(mx, cond, T=float) ; ii = Identity(si:1, T=int32)
one = Const(^ii, value=1, dtype=int32) ; add = AddV2(ii, one, T=int32)
p = Identity(sx:1) ; mul = MatMul(p, ew) ; h = Tanh(mul)
ni = NextIteration(add, T=int32) ; nx = NextIteration(h, T=float) ; o = Exit(sx, T=float)
y = Identity(o)
"""
DROPOUT = (
    "x = Placeholder(shape=[2,3]) ; w = Const(value=random(3,4)) ; m = MatMul(x, w)"
    " ; keep = Const(value=0.9) ; scaled = RealDiv(m, keep) ; shape = Shape(m, out_type=int32)"
    " ; r = RandomUniform(shape, T=int32, dtype=float) ; rate = Const(value=0.1)"
    " ; ge = GreaterEqual(r, rate) ; mask = Cast(ge, SrcT=bool, DstT=float)"
    " ; drop = Mul(scaled, mask) ; b = Const(value=random(4)) ; bi = Identity(b)"
    " ; y = BiasAdd(drop, bi)"
)


def steps(before: Graph, transforms: str, run: Any, **options: Any) -> list[tuple[str, str]]:
    """Name of each step and its verdict."""
    from inspector.backend.evaluate import evaluate

    check = Checker(run, ["x"], ["y"])
    result = pipeline.run(
        before, ["x"], ["y"], transforms, pipeline.PipelineOptions(evaluate, check=check, **options)
    )
    return [(step.name, step.check.status) for step in result.steps if step.check]


@pytest.mark.tensorflow
@pytest.mark.parametrize("text", [CONVOLUTIONS, LOOP], ids=["convolutions", "loop"])
def test_the_verdict_is_the_same_in_twenty_runs(text: str) -> None:
    from inspector.backend.check_run import CheckRun

    runs = {tuple(steps(graph(text), TIDY, CheckRun("t"))) for _ in range(RUNS)}
    assert {status for run in runs for _, status in run} == {"equal"}
    assert len(runs) == 1


@pytest.mark.tensorflow
def test_random_outputs_are_compared_from_the_step_on_that_makes_them_settled() -> None:
    from inspector.backend.check_run import CheckRun

    runs = {
        tuple(steps(graph(DROPOUT), f"set_device(device=cpu) {TIDY}", CheckRun("t")))
        for _ in range(RUNS)
    }
    assert runs == {
        (
            ("set_device", "unchecked"),
            ("remove_training_nodes", "unchecked"),
            ("remove_nodes", "equal"),
            ("fold_constants", "equal"),
            ("merge_duplicate_nodes", "equal"),
            ("set_device", "equal"),
        )
    }


class Noisy:
    """Runs graphs as a machine whose sums come out in another order each time."""

    def __init__(self, share: float) -> None:
        self.random = np.random.default_rng(0)
        self.share = share

    def __call__(
        self, graph: Graph, feeds: Mapping[str, Array], fetches: list[str]
    ) -> Mapping[str, Array]:
        from inspector.backend.check_run import CheckRun

        values = CheckRun("t")(graph, feeds, fetches)
        return {
            name: value * (1 + self.share * self.random.standard_normal(value.shape))
            for name, value in values.items()
        }


@pytest.mark.tensorflow
def test_noise_of_kernels_is_no_violation_of_the_same_arithmetic() -> None:
    assert not {
        status
        for seed in range(RUNS)
        for _, status in steps(graph(CONVOLUTIONS), "remove_nodes(op=Identity)", Noisy(1e-7))
    } - {"equal"}


@pytest.mark.tensorflow
def test_noise_hides_no_change() -> None:
    changed = graph(CONVOLUTIONS.replace("y = MatMul(f, mi)", "z = MatMul(f, mi) ; y = Relu(z)"))
    check = Checker(Noisy(1e-7), ["x"], ["y"])
    assert check(graph(CONVOLUTIONS), changed, "exact").status == "violated"


@pytest.mark.tensorflow
def test_a_step_that_makes_an_output_random_is_a_violation() -> None:
    from inspector.backend.check_run import CheckRun

    before = graph("x = Placeholder(shape=[2]) ; y = Relu(x)")
    after = graph(
        "x = Placeholder(shape=[2]) ; s = Const(value=[2], dtype=int32)"
        " ; r = RandomUniform(s, T=int32, dtype=float) ; y = Mul(x, r)"
    )
    verdict = Checker(CheckRun("t"), ["x"], ["y"])(before, after, "lossy")
    assert verdict.status == "violated"
    assert "depends on random numbers now" in verdict.why


@pytest.mark.tensorflow
def test_a_graph_that_fails_with_some_numbers_depends_on_them() -> None:
    from inspector.backend.check_run import CheckRun

    text = (
        "x = Placeholder(shape=[2]) ; s = Const(value=[2], dtype=int32)"
        " ; r = RandomUniform(s, T=int32, dtype=float) ; l = Log(r)"
        " ; c = CheckNumerics(l, message=bad) ; y = Mul(x, c)"
    )
    check = Checker(CheckRun("t"), ["x"], ["y"])
    verdict = check(graph(text), graph(f"{text} ; z = Neg(y)"), "exact")
    assert (verdict.status, "random numbers" in verdict.why) == ("unchecked", True)


@pytest.mark.tensorflow
def test_what_is_not_random_beside_a_random_output_is_compared() -> None:
    from inspector.backend.check_run import CheckRun

    text = (
        "x = Placeholder(shape=[2]) ; s = Const(value=[2], dtype=int32) ; z = Identity(x)"
        " ; r = RandomUniform(s, T=int32, dtype=float) ; y = Mul(x, r) ; n = Neg(z)"
    )
    before = graph(text)
    after = graph(text.replace("Neg(z)", "Neg(x)"))
    verdict = Checker(CheckRun("t"), ["x"], ["y", "n"])(before, after, "exact")
    assert (verdict.status, [item.name for item in verdict.outputs]) == ("equal", ["n:0"])
    assert verdict.unsettled
    assert "y:0" in verdict.why


def test_random_numbers_that_decide_nothing_are_not_random_outputs() -> None:
    text = graph(DROPOUT)
    assert random_ops.draws(text, ["y"])
    assert not random_ops.draws(text, ["m"])
    assert random_ops.variants(text, ["m"]) == [text]
    ops = [item.node("r").op for item in random_ops.variants(text, ["y"])]
    assert sorted(ops) == ["Fill", "Fill", "RandomUniform", "RandomUniform"]


def test_a_graph_in_another_order_has_the_same_nodes() -> None:
    text = "x = Placeholder(shape=[2]) ; w = Const(value=[1, 2]) ; y = Mul(x, w)"
    first = graph(text)
    assert same_graph.has_same_nodes(first, Graph(reversed(graph(text).nodes)))
    assert not same_graph.has_same_nodes(first, graph(text.replace("[1, 2]", "[1, 3]")))
    assert not same_graph.has_same_nodes(first, graph(text + " ; z = Neg(y)"))


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("x = Placeholder(shape=[2]) ; v = Const(value=[1, 2]) ; y = Mul(x, v)", True),
        ("x = Placeholder(shape=[2]) ; w = Const(value=[1, 2]) ; y = Mul(w, x)", False),
        ("x = Placeholder(shape=[2]) ; w = Const(value=[1, 3]) ; y = Mul(x, w)", False),
        ("x = Placeholder(shape=[2]) ; w = Const(value=[1, 2]) ; y = Add(x, w)", False),
        ("z = Placeholder(shape=[2]) ; w = Const(value=[1, 2]) ; y = Mul(z, w)", False),
    ],
)
def test_the_same_arithmetic_under_other_names(other: str, same: bool) -> None:
    first = graph(
        "x = Placeholder(shape=[2]) ; w = Const(value=[1, 2]) ; i = Identity(w) ; y = Mul(x, i)"
    )
    assert same_graph.has_same_arithmetic(first, graph(other), ["y:0"]) is same


def test_what_computes_a_fed_tensor_does_not_matter() -> None:
    first = graph("x = Placeholder(shape=[2]) ; i = Neg(x) ; y = Relu(i)")
    other = graph("i = Placeholder(shape=[2]) ; y = Relu(i)")
    assert same_graph.has_same_arithmetic(first, other, ["y:0"], ["i:0"])
    assert not same_graph.has_same_arithmetic(first, other, ["y:0"])


@pytest.mark.tensorflow
def test_field_a_convolutional_network_is_equal_every_time() -> None:
    folder = data_path("field/f04_check_false_violation")
    model = inspector.open_model(folder / "dscnn.pb")
    feeds = dict(np.load(folder / "feeds.npz"))
    verdicts = [
        inspector.optimise(
            model, outputs=["y"], transforms="remove_training_nodes", check=True, feeds=feeds
        )
        .steps[0]
        .check
        for _ in range(6)
    ]
    assert [item.status for item in verdicts if item] == ["equal"] * 6
    assert {item.max_abs for item in verdicts if item} == {0.0}, "one thread, one order of sums"


@pytest.mark.tensorflow
def test_field_dropout_that_was_frozen_is_taken_out_and_stays_out() -> None:
    model = inspector.open_model(data_path("field/f05_check_random_baseline/dropout_frozen.pb"))
    for _ in range(3):
        result = inspector.optimise(
            model,
            inputs=["IteratorGetNext:0", "IteratorGetNext:1"],
            outputs=["loss/Softmax"],
            preset="tidy",
            on_violation="rollback",
        )
        status = {step.name: step.check.status for step in result.steps if step.check}
        unchecked = ["strip_unused_nodes", "remove_training_nodes"]
        assert [name for name in status if status[name] != "equal"] == unchecked
        assert {status[name] for name in unchecked} == {"unchecked"}
        assert not any(step.rolled_back for step in result.steps)
        assert "RandomUniform" not in {node.op for node in result.model.graph}
        checked = result.checked()
        assert checked is not None
        assert [text.split(":")[0] for text in checked["not_checked"]] == unchecked
