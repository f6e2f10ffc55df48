"""The check of each step: what is measured, what is a violation, and what is done about it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import pytest

import inspector
from inspector import locations
from inspector.errors import (
    BadFeed,
    BadParameter,
    CheckNotMade,
    CheckViolated,
    RunFailed,
    WorkerDied,
    WorkerUnavailable,
)
from inspector.graph import tensors
from inspector.graph.edit import GraphEdit
from inspector.jobs.client import transform as transforming
from inspector.optimisation import check_feeds, verdicts
from inspector.optimisation.check import Checker
from inspector.optimisation.feeds import Slot
from inspector.optimisation.optimise_options import CheckOptions
from inspector.optimisation.transform_job import TransformJob
from inspector.passes import PASSES, pipeline
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.parser import Call
from inspector.passes.records import LISTED, Step, Verdict, not_checked, steps_from
from inspector.passes.rewrite.boundary import check_boundary
from tests import graphs
from tests.passes.text import graph

IRIS = locations.sample_models() / "iris" / "saved_model"
PROBABILITIES = "dnn/head/predictions/probabilities"
NET = "x = Placeholder(shape=[-1,3]) ; w = Const(value=random(3,4)) ; y = MatMul(x, w)"


@graph_pass(effect="exact", source="tests")
def scale(
    edit: Any, ctx: Any, *, by: Annotated[float, Arg("Factor of every weight.")] = 1.001
) -> None:
    """Change weights and claim not to."""
    for node in edit.nodes(op="Const"):
        value = tensors.to_numpy(node.attr["value"].tensor)
        made = edit.mutable(node.name)
        with np.errstate(over="ignore"):
            scaled = (value * by).astype(value.dtype)
        made.attr["value"].tensor.CopyFrom(tensors.from_numpy(scaled))


@graph_pass(effect="lossy", source="tests")
def spoil(
    edit: Any, ctx: Any, *, to: Annotated[str, Arg("Another op.", choices=("Sum", "Nope"))] = "Nope"
) -> None:
    """Make of every MatMul what cannot be run."""
    for node in edit.nodes(op="MatMul"):
        edit.mutable(node.name).op = to


@graph_pass(effect="unchecked", source="tests")
def retype(edit: Any, ctx: Any) -> None:
    """Give inputs and their readers another dtype."""
    for node in edit.nodes():
        key = "dtype" if node.op == "Placeholder" else "T"
        edit.mutable(node.name).attr[key].type = tensors.dtype_enum("float64")


@pytest.fixture(autouse=True)
def _dishonest(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in (scale, spoil, retype):
        monkeypatch.setitem(PASSES, found.name, found)


def checker(**options: Any) -> Checker:
    from inspector.backend.check_run import CheckRun

    return Checker(CheckRun("test"), ["x"], ["y"], **options)


def run(text: str, transforms: str, **options: Any) -> pipeline.PipelineResult:
    check = options.pop("check", None) or checker()
    return pipeline.run(
        graph(text), ["x"], ["y"], transforms, pipeline.PipelineOptions(check=check, **options)
    )


def statuses(result: Any) -> list[str]:
    return [step.check.status for step in result.steps]


@pytest.mark.tensorflow
def test_what_is_exact_is_equal_bit_by_bit() -> None:
    text = f"{NET} ; dead = Neg(y)".replace("MatMul(x", "MatMul(i").replace(
        "w = ", "i = Identity(x) ; w = "
    )
    result = run(text, "remove_nodes(op=Identity) strip_unused_nodes round_weights(num_steps=256)")
    assert statuses(result) == ["equal", "equal", "equal"]  # 12 weights are too few to be rounded
    assert result.steps[0].check is not None
    (found,) = result.steps[0].check.outputs
    assert (found.name, found.equal, found.max_abs, found.rows) == ("y:0", True, 0.0, 4)


@pytest.mark.tensorflow
def test_a_step_past_its_effect_is_marked_and_the_others_go_on() -> None:
    result = run(NET, "scale sort_by_execution_order scale(by=1)")
    assert statuses(result) == ["violated", "equal", "equal"]
    assert not any(step.rolled_back for step in result.steps)
    check = result.steps[0].check
    assert check is not None
    assert check.tolerance == 0.0
    assert check.max_rel == pytest.approx(1e-3, rel=1e-2)
    assert "declared exact" in check.why


@pytest.mark.tensorflow
def test_it_is_rolled_back_where_asked() -> None:
    before = graph(NET)
    result = pipeline.run(
        before,
        ["x"],
        ["y"],
        "scale set_device(device=cpu)",
        pipeline.PipelineOptions(check=checker(), on_violation="rollback"),
    )
    first, second = result.steps
    assert (first.rolled_back, second.rolled_back) == (True, False)
    assert second.check is not None
    assert second.bytes_before == first.bytes_before
    assert result.graph.node("w").attr["value"] == before.node("w").attr["value"]
    assert result.graph.node("w").device == "cpu"
    assert len(result.graph.to_bytes()) == second.bytes_after
    chosen = run(NET, "scale(by=1) set_device(device=cpu)", roll_back=[1])
    assert [step.rolled_back for step in chosen.steps] == [False, True]
    assert chosen.graph.node("w").device == ""


@pytest.mark.tensorflow
def test_it_can_stop_the_run() -> None:
    with pytest.raises(CheckViolated, match="scale: check: stopped: y:0: differs"):
        run(NET, "scale spoil(to=Sum)", on_violation="stop")
    with pytest.raises(CheckNotMade, match="retype: check: stopped: not checked: 'x' takes"):
        run("x = Placeholder(shape=[2]) ; y = Relu(x)", "retype", on_violation="stop")
    with pytest.raises(BadParameter, match="'ask' is none of keep, rollback, stop"):
        run(NET, "scale", on_violation="ask")


@pytest.mark.tensorflow
def test_a_required_check_fails_after_all_steps() -> None:
    with pytest.raises(CheckViolated, match="scale: check: y:0: differs"):
        run(NET, "scale set_device(device=cpu)", require_check=True)
    with pytest.raises(CheckViolated, match="spoil"):
        run(NET, "spoil set_device(device=cpu)", require_check=True)
    with pytest.raises(CheckNotMade, match="retype: check: not checked: 'x' takes"):
        run("x = Placeholder(shape=[2]) ; y = Relu(x)", "retype", require_check=True)
    with pytest.raises(CheckNotMade, match="time for checks is used up"):
        run(NET, "set_device(device=cpu)", require_check=True, check=checker(budget_s=0.0))
    with pytest.raises(CheckNotMade, match="nothing here runs graphs"):
        pipeline.run(
            graph(NET), ["x"], ["y"], "scale", pipeline.PipelineOptions(require_check=True)
        )
    rolled_back = run(NET, "scale", require_check=True, on_violation="rollback")
    assert rolled_back.steps[0].rolled_back
    assert statuses(run(NET, "set_device(device=cpu)", require_check=True)) == ["equal"]


@pytest.mark.tensorflow
def test_a_required_check_compares_every_output() -> None:
    from inspector.backend.check_run import CheckRun

    text = (
        "x = Placeholder(shape=[2]) ; s = Const(value=[2], dtype=int32) ; n = Neg(x)"
        " ; r = RandomUniform(s, T=int32, dtype=float) ; y = Mul(x, r)"
    )
    check = Checker(CheckRun("test"), ["x"], ["n", "y"])
    options = pipeline.PipelineOptions(check=check, require_check=True)
    with pytest.raises(CheckNotMade, match="not checked: y:0 depends on random"):
        pipeline.run(graph(text), ["x"], ["n", "y"], "set_device(device=cpu)", options)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("transform", "told"),
    [
        ("spoil", "no longer runs: the op Nope is not part of TensorFlow"),
        ("scale(by=1e39)", "turned NaN or infinite"),
    ],
)
def test_what_no_longer_runs_or_turns_nan_is_a_violation(transform: str, told: str) -> None:
    result = run(NET, f"{transform} sort_by_execution_order")
    assert result.steps[0].violated
    assert result.steps[0].check is not None
    assert told in result.steps[0].check.why
    mended = run(NET, f"{transform} sort_by_execution_order", on_violation="rollback")
    assert statuses(mended) == ["violated", "equal"]


@pytest.mark.tensorflow
def test_after_a_broken_step_that_stays_nothing_can_be_said() -> None:
    result = run(NET, "spoil set_device(device=cpu)")
    assert statuses(result) == ["violated", "unchecked"]
    assert result.steps[1].check is not None
    assert "before this step does not run" in result.steps[1].check.why


@pytest.mark.tensorflow
def test_inputs_of_another_type_are_no_violation() -> None:
    result = run("x = Placeholder(shape=[2]) ; y = Relu(x)", "retype")
    assert statuses(result) == ["unchecked"]
    assert result.steps[0].check is not None
    assert "'x' takes float64 now" in result.steps[0].check.why


@pytest.mark.tensorflow
def test_after_inputs_changed_steps_are_checked_on_feeds_that_fit_now() -> None:
    check = checker()
    two, three = (f"x = Placeholder(shape=[{size}]) ; y = Relu(x)" for size in (2, 3))
    same = f"{two} ; z = Neg(y)"
    assert check(graph(two), graph(same), "exact").status == "equal"
    verdict = check(graph(two), graph(three), "exact")
    assert (verdict.status, verdict.why) == (
        "unchecked",
        "'x' does not take the shape [2] any more",
    )
    assert check(graph(three), graph(f"{three} ; z = Neg(y)"), "exact").status == "equal"
    assert check(graph(two), graph(same), "exact").status == "equal", "as after a rollback"
    assert check.feeds_summary == "random, 2 rows, seed 0; then random, 3 rows, seed 0"


@pytest.mark.tensorflow
def test_a_graph_that_no_longer_runs_does_not_spoil_the_feeds_of_the_others() -> None:
    check = checker()
    good = "x = Placeholder(shape=[2]) ; y = Relu(x)"
    bad = "x = Placeholder(shape=[3]) ; y = NoSuchOp(x)"
    assert check(graph(good), graph(f"{good} ; z = Neg(y)"), "exact").status == "equal"
    assert "does not take the shape [2] any more" in check(graph(good), graph(bad), "exact").why
    for _ in range(2):
        assert "cannot be run" in check(graph(bad), graph(f"{bad} ; z = Neg(y)"), "exact").why
    assert check(graph(good), graph(f"{good} ; z = Neg(y)"), "exact").status == "equal"


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = Placeholder(shape=[2]) ; y = NoSuchOp(x)", "cannot be run here"),
        (
            "x = Placeholder(shape=[], dtype=string) ; y = ReadFile(x)",
            "cannot be run here: not run for a model you may not know",
        ),
        (
            "x = Placeholder(dtype=resource) ; y = Identity(x, T=resource)",
            "no feeds can be made up",
        ),
        (
            "x = Placeholder(shape=[2]) ; s = Const(value=[4], dtype=int32)"
            " ; r = RandomUniform(s, T=int32, dtype=float) ; y = Neg(r)",
            "the outputs depend on random numbers",
        ),
    ],
)
def test_a_graph_that_cannot_be_run_is_transformed_unchecked(text: str, told: str) -> None:
    result = run(text, "set_device(device=cpu) sort_by_execution_order remove_device")
    assert statuses(result) == ["unchecked", "equal", "unchecked"], "a sort changes no node"
    assert all(
        step.check is not None and told in step.check.why
        for step in (result.steps[0], result.steps[2])
    )


@pytest.mark.tensorflow
def test_unknown_sizes_are_tried_larger() -> None:
    text = (
        "x = Placeholder(shape=[-1,-1,-1,2]) ; w = Const(value=random(3,3,2,3))"
        " ; y = Conv2D(x, w, padding=VALID)"
    )
    check = checker()
    assert statuses(run(text, "set_device(device=cpu)", check=check)) == ["equal"]
    assert "open sizes 32" in check.feeds_summary


@pytest.mark.tensorflow
def test_no_more_is_run_when_the_time_is_used_up() -> None:
    result = run(NET, "scale set_device(device=cpu)", check=checker(budget_s=0.0))
    assert statuses(result) == ["unchecked", "unchecked"]


@pytest.mark.parametrize(
    ("effect", "before", "after", "status"),
    [
        ("exact", [1.0, 2.0], [1.0, 2.0], "equal"),
        ("exact", [1.0, 2.0], [1.0, 2.0000002], "violated"),
        ("rounding", [1.0, 2.0], [1.0, 2.0001], "within"),
        ("rounding", [1.0, 2.0], [1.0, 2.001], "violated"),
        ("lossy", [1.0, 2.0], [1.0, 2.3], "within"),
        ("lossy", [1.0, 2.0], [1.0, 2.5], "violated"),
        ("unchecked", [1.0, 2.0], [1.0, 9.0], "within"),
        ("unchecked", [1.0, 2.0], [1.0, np.nan], "violated"),
        ("lossy", [1.0, np.inf], [1.0, np.inf], "equal"),
        ("lossy", [1.0, np.nan], [1.1, np.nan], "within"),
        ("lossy", [1.0, 2.0], [[1.0, 2.0]], "violated"),
        ("unchecked", [1.0, 2.0], [1, 2], "violated"),
        ("lossy", [0.0, 0.0], [0.1, 0.0], "within"),
        ("rounding", [1, 2, 3], [1, 2, 4], "violated"),
        ("lossy", [1, 2, 3], [1, 2, 400], "within"),
        ("lossy", [b"a", b"b"], [b"c", b"d"], "violated"),
        ("exact", [True, False], [True, True], "violated"),
    ],
)
def test_the_verdict(effect: str, before: Any, after: Any, status: str) -> None:
    def array(values: Any) -> Any:
        made = np.array(values, object if isinstance(values[0], bytes) else None)
        return made.astype(np.float32) if made.dtype.kind == "f" else made

    found = verdicts.difference("y:0", array(before), array(after))
    assert verdicts.judge((found,), effect).status == status


def test_sixteen_bits_round_more() -> None:
    half = graph("x = Placeholder(shape=[2], dtype=half) ; y = Relu(x, T=half)")
    assert verdicts.sixteen_bits(half)
    assert not verdicts.sixteen_bits(graph(NET))
    one, other = (np.array([1.0, value], np.float32) for value in (2.0, 2.01))
    found = (verdicts.difference("y:0", one, other),)
    assert verdicts.judge(found, "rounding").status == "violated"
    assert verdicts.judge(found, "rounding", half=True).status == "within"


def test_feeds_by_any_name() -> None:
    before = graph("x = Placeholder(shape=[2]) ; z = Placeholder(shape=[2]) ; y = Relu(x)")
    slots = check_feeds.slots_to_feed(before, ["x"], ["y"])
    assert slots == {"x:0": Slot("x:0", "float32", [2])}
    for key in ("x", "x:0"):
        made = check_feeds.named_feeds(before, slots, {key: [1, 2], "z": [3, 4]}, [])
        assert list(made) == ["x:0"]
        assert made["x:0"].dtype == np.float32
    with pytest.raises(BadFeed, match="feeds: X: the model has no input of this name"):
        check_feeds.named_feeds(before, slots, {"X": [1, 2], "x": [1, 2]}, [])
    with pytest.raises(BadFeed, match="has shape"):
        check_feeds.named_feeds(before, slots, {"x": [1, 2, 3]}, [])
    with pytest.raises(BadFeed, match="the outputs also need x:0"):
        check_feeds.named_feeds(before, slots, {}, [])


def test_the_record_goes_through_json_and_is_cut_with_a_note() -> None:
    nodes = [f"n{i} = Const(value=1) @/gpu:0" for i in range(LISTED + 5)]
    result = pipeline.run(graph(" ; ".join(nodes)), [], [], "remove_device")
    rows = json.loads(json.dumps(result.to_dict()))["steps"]
    assert rows[0]["counts"] == {"changed": LISTED + 5, "skipped": 0}
    assert len(rows[0]["changed"]) == LISTED
    assert rows[0]["note"] == "listed are 10,000 of 10,005 nodes changed"
    (again,) = steps_from(rows)
    assert again.to_dict() == rows[0]
    assert again.changes == LISTED + 5


@pytest.mark.tensorflow
def test_the_library_checks_in_one_worker_and_keeps_the_record() -> None:
    model = inspector.open_model(IRIS)
    seen: list[str] = []
    result = inspector.optimise(
        model,
        outputs=[PROBABILITIES],
        transforms="remove_nodes(op=Identity) round_weights(num_steps=1) strip_unused_nodes",
        check=True,
        on_violation="rollback",
        progress=lambda _fraction, text: seen.append(text),
    )
    assert statuses(result) == ["equal", "violated", "equal"]
    assert [step.rolled_back for step in result.steps] == [False, True, False]
    assert result.record()["check"] == {
        "feeds": "random, 4 rows, seed 0",
        "on_violation": "rollback",
        "violated": 1,
        "unchecked": 0,
        "rolled_back": 1,
        "not_checked": [],
    }
    plain = inspector.optimise(
        model, outputs=[PROBABILITIES], transforms="remove_nodes(op=Identity) strip_unused_nodes"
    )
    assert list(result.model.graph.nodes) == list(plain.model.graph.nodes)
    assert all(step.check is None for step in plain.steps)
    with pytest.raises(BadFeed, match="nope"):
        inspector.optimise(model, transforms="remove_device", check=True, feeds={"nope": [1]})


@pytest.mark.tensorflow
def test_tables_are_filled_before_a_graph_is_checked() -> None:
    model = inspector.open_model(locations.sample_models() / "reviews" / "saved_model")
    result = inspector.optimise(model, transforms="fold_constants", check=True)
    assert statuses(result) == ["equal"]


def test_a_worker_that_dies_leaves_the_work_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_args: Any) -> Any:
        raise WorkerDied("transform", "worker", "ended by SIGSEGV")

    monkeypatch.setattr(transforming, "_in_worker", dies)
    job = TransformJob(
        graph(NET),
        ("x",),
        ("y",),
        ("y",),
        [Call("set_device", (("device", "cpu"),))],
        check=CheckOptions(),
    )
    (step,) = transforming.run(job).pipeline.steps
    assert step.check is not None
    assert "the check ended its process: ended by SIGSEGV" in step.check.why
    required = replace(job, check=CheckOptions(require=True))
    with pytest.raises(CheckNotMade, match="ended by SIGSEGV"):
        transforming.run(required)


@pytest.mark.parametrize("options", [CheckOptions(require=True), CheckOptions(on_violation="stop")])
def test_without_a_worker_a_required_check_is_not_made(
    monkeypatch: pytest.MonkeyPatch, options: CheckOptions
) -> None:
    def is_unavailable(*_args: Any) -> Any:
        raise WorkerUnavailable("transform", "worker", "cannot start")

    monkeypatch.setattr(transforming, "_in_worker", is_unavailable)
    job = TransformJob(graph(NET), ("x",), ("y",), ("y",), [Call("remove_device")], check=options)
    with pytest.raises(CheckNotMade, match="cannot start"):
        transforming.run(job)
    with pytest.raises(WorkerUnavailable):
        transforming.run(replace(job, check=CheckOptions()))


def test_steps_that_were_not_checked_are_named_once_for_each_reason() -> None:
    steps = [
        Step(name, name, "exact", check=Verdict(status, why))
        for name, status, why in (
            ("a", "unchecked", "one"),
            ("b", "equal", ""),
            ("c", "unchecked", "one"),
            ("d", "unchecked", "two"),
            ("e", "violated", "three"),
        )
    ]
    assert not_checked(steps) == ["a, c: one", "d: two"]
    assert not_checked(steps[:1] + steps[2:3]) == ["all steps: one"]
    assert not_checked(steps[1:2]) == []


@pytest.mark.tensorflow
def test_a_loop_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspector.backend import check_run

    monkeypatch.setattr(check_run, "TIMEOUT_S", 0.5)
    text = (
        "x = Placeholder(shape=[]) ; e = Enter(x, frame_name=f, T=float)"
        " ; m = Merge(e, n, N=2, T=float) ; c = Const(^m, value=1, dtype=bool)"
        " ; l = LoopCond(c) ; s = Switch(m, l, T=float) ; n = NextIteration(s:1, T=float)"
        " ; y = Exit(s, T=float)"
    )
    with pytest.raises(RunFailed):
        check_run.CheckRun("loop")(graph(text), {"x:0": np.array(1, np.float32)}, ["y:0"])


def test_many_inputs_of_one_node_take_linear_time() -> None:
    def seconds(size: int) -> float:
        names = [f"x{index}" for index in range(size)]
        nodes = [graphs.placeholder(name, [None, 4]) for name in names]
        summed = graphs.graph(*nodes, graphs.node("y", "AddN", *names, N=size, T="float32"))
        context = PassContext(tuple(names), ("y",), files=False)
        started = time.process_time()
        assert len(check_feeds.slots_to_feed(summed, names, ["y"])) == size
        check_boundary(GraphEdit(summed), context)
        assert all(context.fed_ports(name) == {0} for name in names)
        return time.process_time() - started

    small = min(seconds(750) for _ in range(3))
    assert seconds(6_000) / small < 25, "8 times as many: 64 would be quadratic"
