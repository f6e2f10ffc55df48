"""The driver: order of work, errors, the record, what is kept from step to step."""

from __future__ import annotations

import json

import pytest

from inspector.errors import (
    BadParameter,
    InvalidGraph,
    JobCancelled,
    TransformFailed,
    TransformSyntaxError,
    UnknownTransform,
)
from inspector.graph.graph import Graph
from inspector.passes import PASSES, pipeline
from inspector.passes.parser import Call, parse
from tests.passes.text import graph, show

TEXT = "x = Placeholder() ; a = Identity(x) ; b = Identity(a) ; y = Relu(b) ; dead = Neg(y)"


def run(text, transforms, **options):
    return pipeline.run(graph(text), ["x"], ["y"], transforms, pipeline.PipelineOptions(**options))


def test_steps_run_in_order_and_are_recorded():
    result = run(TEXT, "remove_nodes(op=Identity) strip_unused_nodes sort_by_execution_order")
    assert show(result.graph) == "x = Placeholder()\ny = Relu(x)"
    first, second, third = result.steps
    assert first.name == "remove_nodes"
    assert first.call == "remove_nodes(op=Identity)"
    assert (first.nodes_before, first.nodes_after) == (5, 3)
    assert first.ops_before == {"Identity": 2, "Neg": 1, "Placeholder": 1, "Relu": 1}
    assert first.ops_after == {"Neg": 1, "Placeholder": 1, "Relu": 1}
    assert [(change.name, change.kind) for change in second.changed] == [("dead", "removed")]
    assert first.bytes_after == second.bytes_before
    assert second.modified
    assert not third.modified
    assert third.changed == ()


def test_bytes_are_those_of_the_serialised_graph():
    before = graph(TEXT)
    result = pipeline.run(before, ["x"], ["y"], "remove_nodes(op=Identity) strip_unused_nodes")
    assert result.steps[0].bytes_before == len(before.to_proto().SerializeToString())
    for step, after in zip(result.steps, [None, result.graph], strict=True):
        if after is not None:
            assert step.bytes_after == len(after.to_proto().SerializeToString())
    assert result.graph.to_bytes() == result.graph.to_proto().SerializeToString()


def test_the_record_is_json():
    result = run(TEXT, 'remove_nodes(op="Identity", colour=red)')
    record = json.loads(json.dumps(result.to_dict()))
    (step,) = record["steps"]
    assert step["call"] == "remove_nodes(op=Identity, colour=red)"
    assert step["nodes"] == {"before": 5, "after": 3}
    assert step["changed"][0] == {
        "name": "a",
        "kind": "removed",
        "op": "Identity",
        "rule": "its readers read its input",
        "sources": ["x"],
    }
    assert step["warnings"] == ["remove_nodes has no parameter 'colour'; ignored"]
    assert step["error"] is None


def test_library_and_versions_are_kept_and_the_input_is_untouched():
    before = graph(TEXT).to_proto()
    before.library.function.add().signature.name = "f"
    frozen = before.SerializeToString(deterministic=True)
    after = pipeline.run(Graph.of(before), ["x"], ["y"], "remove_nodes(op=Identity)").graph
    assert after.to_proto().versions == before.versions
    assert after.to_proto().library == before.library
    assert before.SerializeToString(deterministic=True) == frozen


@pytest.mark.parametrize(
    ("transforms", "error", "words"),
    [
        ("remove_nodes(op=Identity", TransformSyntaxError, "missing"),
        ("strip_unused_nodes no_such", UnknownTransform, "'no_such' not recognized"),
        ("no_such(ignore_errors=true)", UnknownTransform, "no_such"),
        ("remove_node(op=Identity)", UnknownTransform, "did you mean 'remove_nodes'"),
        ("remove_nodes", BadParameter, "expects at least one 'op' argument"),
        ("remove_nodes(op=A, max_inputs=x)", BadParameter, "max_inputs argument as a number:x"),
        ("remove_nodes(op=A, max_inputs=99999999999)", BadParameter, "from -2147483648 to"),
        ("freeze_requantization_ranges(min_percentile=x)", BadParameter, "You must pass a file"),
        (
            "rename_op(old_op_name=A)",
            BadParameter,
            "e.g. rename_op(old_op_name=Relu, new",
        ),
        ("remove_nodes(op=A, max_inputs=1, max_inputs=2)", BadParameter, "found 2 occurrences"),
        ("remove_nodes(op=A, ignore_errors=yes)", BadParameter, "true or false, found yes"),
    ],
)
def test_bad_lists_are_refused_before_work_starts(transforms, error, words):
    seen = []
    with pytest.raises(error, match=None) as caught:
        run(TEXT, transforms, progress=lambda *args: seen.append(args))
    assert words in str(caught.value)
    assert not seen


def test_a_step_may_fail_when_errors_are_ignored():
    result = run(
        TEXT,
        "remove_nodes(max_inputs=many, op=Identity, ignore_errors=TRUE) strip_unused_nodes",
    )
    first, second = result.steps
    assert isinstance(first.error, BadParameter)
    assert not first.modified
    assert first.to_dict()["error"]["why"].startswith("Couldn't interpret")
    assert second.nodes_after == 4


def test_a_step_that_fails_stops_the_run():
    with pytest.raises(TransformFailed, match="Input node nope not found"):
        pipeline.run(graph(TEXT), ["x"], ["nope"], "strip_unused_nodes sort_by_execution_order")
    result = pipeline.run(graph(TEXT), ["x"], ["nope"], "strip_unused_nodes(ignore_errors=true)")
    assert isinstance(result.steps[0].error, TransformFailed)
    assert len(result.graph) == 5


def test_ignore_errors_does_not_cover_a_broken_graph():
    with pytest.raises(InvalidGraph, match="inputs referring to nonexistent nodes"):
        run("x = Placeholder() ; y = Relu(z)", "remove_nodes(op=Identity, ignore_errors=true)")


def test_a_broken_part_that_is_stripped_does_no_harm():
    result = run("x = Placeholder() ; y = Relu(x) ; dead = Neg(z)", "strip_unused_nodes")
    assert show(result.graph) == "x = Placeholder()\ny = Relu(x)"


def test_lists_of_texts_and_of_calls():
    expected = show(run(TEXT, "remove_nodes(op=Identity) strip_unused_nodes").graph)
    assert show(run(TEXT, ["remove_nodes(op=Identity)", "strip_unused_nodes"]).graph) == expected
    calls = [Call("remove_nodes", (("op", "Identity"),)), Call("strip_unused_nodes")]
    assert show(run(TEXT, calls).graph) == expected
    assert parse("") == []


def test_nothing_to_do_gives_the_same_graph():
    before = graph(TEXT)
    result = pipeline.run(before, [], [], " ")
    assert result.graph is before
    assert result.steps == ()


def test_progress_and_cancel():
    seen = []
    run(TEXT, "strip_unused_nodes strip_unused_nodes", progress=lambda *args: seen.append(args))
    assert seen == [
        (0.0, "strip_unused_nodes (1 of 2)"),
        (0.5, "strip_unused_nodes (2 of 2)"),
        (1.0, "done"),
    ]
    with pytest.raises(JobCancelled):
        run(TEXT, "strip_unused_nodes(ignore_errors=true)", cancelled=lambda: True)


def test_parameters_come_from_the_signature():
    op, most, inside = PASSES["remove_nodes"].params
    assert (op.name, op.kind, op.required) == ("op", "texts", True)
    assert (most.name, most.kind, most.required, most.default) == (
        "max_inputs",
        "integer",
        False,
        1,
    )
    assert (inside.name, inside.kind, inside.default) == ("functions", "switch", False)
    assert PASSES["remove_nodes"].to_dict()["params"][1]["default"] == 1
