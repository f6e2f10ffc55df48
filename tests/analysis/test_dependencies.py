"""Each suggested output lists the inputs that it depends on, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from inspector.analysis.dependencies import sources_of
from inspector.analysis.describe import describe
from inspector.api import open_model
from inspector.cli.main import cli
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.protos import NodeDef
from inspector.model.model import Model
from tests import function_graphs as functions
from tests.conftest import data_path
from tests.graphs import graph, node, placeholder

FLOAT = functions.FLOAT


def inputs_of(*nodes: NodeDef, of: list[str]) -> list[list[str]]:
    return sources_of(Model("GraphDef", "m", graph(*nodes)), of, PLACEHOLDERS)


def suggested(path: Path) -> dict[str, list[str]]:
    facts = describe(open_model(path)).to_dict()
    return {item["name"]: item["inputs"] for item in facts["suggested_outputs"]}


def test_two_models_in_one_graph_have_an_input_each() -> None:
    path = data_path("field/f03_depends_on_union/two_towers.pb")
    assert suggested(path) == {"breed": ["photo"], "sold": ["price"]}
    lines = CliRunner().invoke(cli, ["describe", str(path)]).stdout.splitlines()
    rows = [line.split("  ") for line in lines if "depends on" in line]
    assert {row[1]: row[-1] for row in rows} == {
        "breed": "depends on photo",
        "sold": "depends on price",
    }


TOWERS = [placeholder("a", [2]), placeholder("b", [2]), placeholder("c", [2])]


@pytest.mark.parametrize("backwards", [False, True])
def test_outputs_of_an_identity_n_are_told_apart(backwards: bool) -> None:
    nodes = [
        *TOWERS,
        node("both", "Add", "a", "b"),
        node("first", "IdentityN", "both", "c", "^b"),
        node("second", "IdentityN", "first:1", "first"),
        node("out", "Neg", "second"),
    ]
    names = ["second", "second:1", "out", "first:1", "nowhere"]
    found = inputs_of(*(reversed(nodes) if backwards else nodes), of=names)
    assert found == [["c"], ["a", "b"], ["c"], ["c"], []]


def test_a_control_input_counts_and_a_cycle_ends() -> None:
    nodes = [
        *TOWERS,
        node("check", "Assert", "b"),
        node("turn", "Merge", "a", "next"),
        node("next", "NextIteration", "turn"),
        node("out", "Neg", "next", "^check"),
    ]
    assert inputs_of(*nodes, of=["out", "turn"]) == [["a", "b"], ["a"]]


def test_a_placeholder_with_a_default_is_an_input_and_so_is_what_it_is_computed_from() -> None:
    nodes = [
        placeholder("image", [4]),
        node("flat", "Reshape", "image", "image"),
        node("features", "PlaceholderWithDefault", "flat", dtype="float32", shape=[4]),
        node("out", "Neg", "features"),
    ]
    assert inputs_of(*nodes, of=["out"]) == [["features", "image"]]


def test_outputs_of_a_call_are_told_apart() -> None:
    inner = functions.function(
        "inner", "p q", [functions.node("n", "Neg", "p", T=FLOAT)], {"r": "n:y:0", "s": "q"}
    )
    outer = functions.function(
        "outer",
        "x y z",
        [functions.call("deep", "inner", "x", "y", outputs=2)],
        {"k": "deep:output:1", "l": "deep:output:0", "m": "z"},
    )
    made = functions.graph(
        [*TOWERS, functions.call("call", "outer", "a", "b", "c", outputs=3)], inner, outer
    )
    model = Model("GraphDef", "m", made)
    names = ["call", "call:1", "call:2"]
    assert sources_of(model, names, PLACEHOLDERS) == [["b"], ["a"], ["c"]]
    # A call that cannot be inlined depends on all that it gets.
    made = functions.graph(
        [*TOWERS, functions.call("call", "outer", "a", "b", outputs=3)], inner, outer
    )
    model = Model("GraphDef", "m", made)
    assert sources_of(model, names[1:2], PLACEHOLDERS) == [["a", "b"]]


def test_what_all_outputs_of_a_function_wait_for_does_not_count() -> None:
    check = functions.node("check", "Assert", "p", "q")
    out = functions.node("out", "Identity", "p", "^check", T=FLOAT)
    body = functions.function("f", "p q", [check, out], {"r": "out:output:0"}, controls=("check",))
    made = functions.graph([*TOWERS, functions.call("call", "f", "a", "b")], body)
    assert sources_of(Model("GraphDef", "m", made), ["call"], PLACEHOLDERS) == [["a"]]
    # Nothing is read, so it comes through state.
    push = functions.node("push", "StackPushV2", "handle", "p", T=FLOAT)
    handle = functions.node("handle", "StackV2", elem_type=FLOAT)
    out.CopyFrom(functions.node("out", "StackPopV2", "handle", "^push", elem_type=FLOAT))
    body = functions.function("f", "p q", [handle, push, out], {"r": "out:elem:0"})
    made = functions.graph([*TOWERS, functions.call("call", "f", "a", "b")], body)
    assert sources_of(Model("GraphDef", "m", made), ["call"], PLACEHOLDERS) == [["a"]]


def test_signatures_layers_and_operators_have_inputs_too() -> None:
    seeds = {
        "models/seed/iris/saved_model": {"petal_length", "petal_width", "sepal_length"},
        "models/public/tfjs_model_single_input_multi_output/model": {"serving_default_x"},
    }
    for path, inputs in seeds.items():
        for found in suggested(data_path(path)).values():
            assert inputs <= set(found), path
