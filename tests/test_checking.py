"""The check of each step: what is measured, what is a violation, and what is done about it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
import pytest

import inspector
from inspector import checking, locations, tensors
from inspector.checking import Checker
from inspector.errors import BadFeed, BadParameter, RunFailed, TransformFailed, WorkerDied
from inspector.feeds import Slot
from inspector.jobs import transforming
from inspector.passes import PASSES, pipeline
from inspector.passes.base import Arg, graph_pass
from inspector.passes.parser import Call
from inspector.passes.records import LISTED, steps_from
from inspector.transforming import Checking, Work
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
    """Give inputs another dtype."""
    for node in edit.nodes(op="Placeholder"):
        edit.mutable(node.name).attr["dtype"].type = tensors.dtype_enum("float64")


@pytest.fixture(autouse=True)
def _dishonest(monkeypatch: pytest.MonkeyPatch) -> None:
    for found in (scale, spoil, retype):
        monkeypatch.setitem(PASSES, found.name, found)


def checker(**options: Any) -> Checker:
    from inspector.backend.check_run import CheckRun

    return Checker(CheckRun("test"), ["x"], ["y"], **options)


def run(text: str, transforms: str, **options: Any) -> pipeline.PipelineResult:
    check = options.pop("check", None) or checker()
    return pipeline.run(graph(text), ["x"], ["y"], transforms, check=check, **options)


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
        check=checker(),
        on_violation="rollback",
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
    with pytest.raises(TransformFailed, match="scale: check: stopped: y:0: differs"):
        run(NET, "scale", on_violation="stop")
    with pytest.raises(BadParameter, match="'ask' is none of keep, rollback, stop"):
        run(NET, "scale", on_violation="ask")


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
    result = run(NET, "spoil sort_by_execution_order")
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
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = Placeholder(shape=[2]) ; y = NoSuchOp(x)", "cannot be run here"),
        (
            "x = Placeholder(shape=[], dtype=string) ; y = ReadFile(x)",
            "not run for a model you may not know",
        ),
        (
            "x = Placeholder(dtype=resource) ; y = Identity(x, T=resource)",
            "no feeds can be made up",
        ),
        (
            "x = Placeholder(shape=[2]) ; s = Const(value=[4], dtype=int32)"
            " ; r = RandomUniform(s, T=int32, dtype=float) ; y = Neg(r)",
            "every run of the graph gives other values",
        ),
    ],
)
def test_a_graph_that_cannot_be_run_is_transformed_unchecked(text: str, told: str) -> None:
    result = run(text, "sort_by_execution_order remove_device")
    assert statuses(result) == ["unchecked", "unchecked"]
    assert all(step.check is not None and told in step.check.why for step in result.steps)


@pytest.mark.tensorflow
def test_unknown_sizes_are_tried_larger() -> None:
    text = (
        "x = Placeholder(shape=[-1,-1,-1,2]) ; w = Const(value=random(3,3,2,3))"
        " ; y = Conv2D(x, w, padding=VALID)"
    )
    check = checker()
    assert statuses(run(text, "remove_device", check=check)) == ["equal"]
    assert "open sizes 32" in check.fed


@pytest.mark.tensorflow
def test_no_more_is_run_when_the_time_is_used_up() -> None:
    result = run(NET, "scale remove_device", check=checker(budget_s=0.0))
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

    found = checking.difference("y:0", array(before), array(after))
    assert checking.judge((found,), effect).status == status


def test_sixteen_bits_round_more() -> None:
    half = graph("x = Placeholder(shape=[2], dtype=half) ; y = Relu(x, T=half)")
    assert checking.sixteen_bits(half)
    assert not checking.sixteen_bits(graph(NET))
    one, other = (np.array([1.0, value], np.float32) for value in (2.0, 2.01))
    found = (checking.difference("y:0", one, other),)
    assert checking.judge(found, "rounding").status == "violated"
    assert checking.judge(found, "rounding", half=True).status == "within"


def test_feeds_by_any_name() -> None:
    before = graph("x = Placeholder(shape=[2]) ; z = Placeholder(shape=[2]) ; y = Relu(x)")
    slots = checking.wanted(before, ["x"], ["y"])
    assert slots == {"x:0": Slot("x:0", "float32", [2])}
    for key in ("x", "x:0"):
        made = checking.named_feeds(before, slots, {key: [1, 2], "z": [3, 4]}, [])
        assert list(made) == ["x:0"]
        assert made["x:0"].dtype == np.float32
    with pytest.raises(BadFeed, match="feeds: X: the model has no input of this name"):
        checking.named_feeds(before, slots, {"X": [1, 2], "x": [1, 2]}, [])
    with pytest.raises(BadFeed, match="has shape"):
        checking.named_feeds(before, slots, {"x": [1, 2, 3]}, [])
    with pytest.raises(BadFeed, match="the outputs also need x:0"):
        checking.named_feeds(before, slots, {}, [])


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
    work = Work(graph(NET), ("x",), ("y",), ("y",), [Call("remove_device")], checking=Checking())
    (step,) = transforming.hand_over(work).result.steps
    assert step.check is not None
    assert "the check ended its process: ended by SIGSEGV" in step.check.why


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
