"""Arguments and answers of jobs: each kind has its types, and answers are compared with them."""

import importlib
import json
from typing import NotRequired, TypedDict, get_type_hints, is_typeddict

import pytest

from inspector.errors import JobFailed
from inspector.graph.edit import Change, Skip
from inspector.jobs import request_types
from inspector.jobs.requests import REQUESTS
from inspector.jobs.typed_json import mismatch
from inspector.passes.records import Difference, Step, Verdict, steps_from


class Inner(TypedDict):
    """An object inside of another."""

    size: int


class Example(TypedDict):
    """One field of each sort."""

    name: str
    share: float | None
    flags: list[bool]
    inner: dict[str, list[Inner]]
    anything: dict[str, object] | None
    note: NotRequired[str]


GOOD = {
    "name": "x",
    "share": 1,
    "flags": [True],
    "inner": {"a": [{"size": 3}]},
    "anything": None,
}


@pytest.mark.parametrize(
    "change",
    [{}, {"note": "y"}, {"share": None}, {"share": 0.5}, {"flags": []}, {"inner": {}}],
    ids=str,
)
def test_a_value_of_its_type(change):
    assert mismatch(GOOD | change, Example) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": 3}, "name"),
        ({"name": None}, "name"),
        ({"share": "1"}, "share"),
        ({"share": True}, "share"),
        ({"flags": [1]}, "flags"),
        ({"flags": {"a": True}}, "flags"),
        ({"inner": {"a": {"size": 3}}}, "inner"),
        ({"inner": {"a": [{"size": 3.5}]}}, "size"),
        ({"inner": {"a": [{"size": True}]}}, "size"),
        ({"inner": {"a": [{}]}}, "size"),
        ({"inner": []}, "inner"),
        ({"note": 1}, "note"),
        ({"\x1b[31mred": 1}, "value"),
    ],
    ids=str,
)
def test_the_first_wrong_field_is_named(change, field):
    assert mismatch(GOOD | change, Example) == field


@pytest.mark.parametrize("missing", [key for key in GOOD if key != "note"])
def test_a_missing_field_is_named(missing):
    value = {key: item for key, item in GOOD.items() if key != missing}
    assert mismatch(value, Example) == missing


@pytest.mark.parametrize("value", [[], "x", None, 3])
def test_a_value_that_is_no_object(value):
    assert mismatch(value, Example) == "value"


def test_every_kind_has_types_for_arguments_and_answer():
    for request in REQUESTS.values():
        module, _, name = request.function.partition(":")
        names = vars(request_types) | vars(importlib.import_module(module))
        args = getattr(importlib.import_module(module), name).__annotations__["args"]
        assert is_typeddict(names[args]), request.kind
        assert is_typeddict(request.answer), request.kind
        get_type_hints(request.answer)  # every name in it can be resolved


def test_the_record_of_a_step_is_of_its_type():
    change = Change("y", "changed", "Relu", "rule", ("x",))
    verdict = Verdict("within", "", 0.1, (Difference("y:0", False, 0.1, 0.2),))
    step = Step("fold", "fold", "exact", changed=(change,), skipped=(Skip("z", "why"),))
    step.check, step.error = verdict, JobFailed("a", "b", "c")
    (row,) = json.loads(json.dumps([step.to_dict()]))
    assert mismatch(row, request_types.StepJson) is None
    assert steps_from([row])[0].to_dict() == row


def test_the_answer_of_a_worker_that_lies_is_refused(runner):
    answer = {"load_ms": 1, "first_ms": 1.5, "run_ms": 2.0, "signature": None}
    assert runner.run("echo_run", answer, blobs={"outputs": b""}).value == answer
    for lie, field in (
        ({"run_ms": "1"}, "run_ms"),
        ({"signature": 3}, "signature"),
        ({"\x1b[31mred": 1}, "value"),
    ):
        with pytest.raises(JobFailed, match=f"its '{field}' is missing or wrong"):
            runner.run("echo_run", answer | lie, blobs={"outputs": b""})
    for blobs in ({}, {"outputs": b"", "more": b""}):
        with pytest.raises(JobFailed, match="its 'blobs' is missing or wrong"):
            runner.run("echo_run", answer, blobs=blobs)
    assert runner.run("echo", {"after": 1}).value == {"after": 1}
