"""Bodies beside the nodes that run them: names, wiring, limits."""

from __future__ import annotations

import pytest

from inspector.formats import open_model
from inspector.graph.graph import validate
from inspector.graph.unfold import Unfolded, unfold
from inspector.view.state.initial_view import start
from inspector.view.state.visible import view
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.operation_details import OperationDetails
from inspector.view.tree import hierarchy
from tests import tf_models
from tests.function_graphs import X, call, function, graph, node, shown

BODY = function(
    "body",
    "i a w",
    [
        node("next", "AddV2", "i", "one:output:0", T=1),
        node("one", "Const", dtype=1),
        node("product", "Mul", "a", "w", T=1),
        node("same", "Identity", "w", T=1),
    ],
    {"i_": "next:z:0", "a_": "product:z:0", "w_": "same:output:0"},
)
COND = function("cond", "i a w", [node("less", "Less", "i", "w", T=1)], {"go": "less:z:0"})
LOOP = node("loop", "While", "zero", "x", "v:1", cond="cond", body="body", T=[1, 1, 1])
ZERO = node("zero", "Const", dtype=1)
V = node("v", "Split", "zero", "x", T=1, n_num_split=2)


def inputs(found: Unfolded) -> dict[str, str]:
    return {name: text for name, text in shown(found.graph).items() if "/" in name}


def test_a_loops_bodies_read_what_the_loop_reads_and_what_changes_is_an_argument() -> None:
    found = unfold(graph([X, ZERO, V, LOOP], COND, BODY))
    assert inputs(found) == {
        "loop/cond/i": "_Arg(zero)",
        "loop/cond/less": "Less(loop/cond/i, v:1)",
        "loop/body/i": "_Arg(zero)",
        "loop/body/a": "_Arg(x)",
        "loop/body/next": "AddV2(loop/body/i, loop/body/one)",
        "loop/body/one": "Const()",
        "loop/body/product": "Mul(loop/body/a, v:1)",
        "loop/body/same": "Identity(v:1)",
    }
    assert found.returns == {
        "loop": ["loop/cond/less", "loop/body/next", "loop/body/product", "loop/body/same"]
    }
    assert found.functions["loop/cond/less"] == "cond"
    assert found.graph.node("loop") == LOOP
    assert found.notes == []


def test_branches_and_calls_take_the_inputs_as_they_are() -> None:
    twice = function("twice", "a", [node("add", "AddV2", "a", "a", T=1)], {"b": "add:z:0"})
    nested = function("nested", "a", [call("c", "twice", "a")], {"b": "c:output:0"})
    branch = node("if", "If", "x", "x:0", then_branch="nested", else_branch="twice", Tin=[1])
    case = node("case", "Case", "x", "if")
    case.attr["branches"].list.func.add(name="twice")
    case.attr["branches"].list.func.add(name="twice")
    found = unfold(graph([X, branch, case, call("c", "nested", "case")], twice, nested))
    assert inputs(found) == {
        "if/else/add": "AddV2(x:0, x:0)",
        "if/then/c/add": "AddV2(x:0, x:0)",
        "if/then/c": "StatefulPartitionedCall(x:0)",
        "case/branch0/add": "AddV2(if, if)",
        "case/branch1/add": "AddV2(if, if)",
        "c/c/add": "AddV2(case, case)",
        "c/c": "StatefulPartitionedCall(case)",
    }
    assert found.returns["if"] == ["if/else/add", "if/then/c"]
    assert found.returns["c"] == ["c/c"]
    only = unfold(graph([X, branch, case], twice, nested), only=["if"])
    assert list(inputs(only)) == ["if/else/add", "if/then/c"]


def test_elements_of_a_data_set_come_from_it_and_captured_tensors_from_where_they_are() -> None:
    body = function("f", "e k", [node("mul", "Mul", "e", "k", T=1)], {"b": "mul:z:0"})
    mapped = node("map", "MapDataset", "set", "x", f="f", Targuments=[1])
    found = unfold(graph([X, node("set", "RangeDataset", "x", "x", "x"), mapped], body))
    assert inputs(found) == {"map/f/e": "_Arg(set)", "map/f/mul": "Mul(map/f/e, x)"}


def test_a_function_that_calls_itself_is_drawn_once_in_each_call() -> None:
    again = function("again", "a", [call("c", "again", "a")], {"b": "c:output:0"})
    found = unfold(graph([X, call("c", "again", "x")], again))
    assert list(inputs(found)) == ["c/c"]
    assert found.notes == ["Function 'again' calls itself: its body is drawn once in each call."]


def test_bodies_that_multiply_are_cut_off_outer_ones_first() -> None:
    functions = [function("f0", "a", [node("n", "Neg", "a", T=1)], {"b": "n:y:0"})]
    for level in range(1, 14):
        calls = [call(f"c{number}", f"f{level - 1}", "a") for number in range(8)]
        functions.append(function(f"f{level}", "a", calls, {"b": "c0:output:0"}))
    found = unfold(graph([X, call("c", "f13", "x")], *functions), max_nodes=1000)
    assert len(found.graph) == 2 + 8 + 64 + 512 + 8 * 52
    assert found.notes[0].endswith("they lie too deep, or are more than 1,000 nodes together.")


def test_names_that_are_taken_get_a_number_and_a_body_that_is_broken_is_told() -> None:
    taken = node("c/n", "Neg", "x", T=1)
    fine = function("fine", "a", [node("n", "Neg", "a", T=1)], {"b": "n:y:0"})
    broken = function("broken", "a", [node("n", "Neg", "gone", T=1)], {"b": "n:y:0"})
    nodes = [X, taken, call("c", "fine", "c/n"), call("d", "broken", "x")]
    found = unfold(graph(nodes, fine, broken))
    validate(found.graph)
    assert found.functions == {"c/n_1": "fine"}
    assert found.notes == [
        "The body of function 'broken' is not drawn: 'gone' is no argument and no output of a node."
    ]


@pytest.mark.tensorflow
def test_the_picture_has_loops_and_branches_as_scopes(tmp_path) -> None:
    tf_models.BUILDERS["tf2_control_flow"](tmp_path / "model")
    builder = NodeTableBuilder(open_model(tmp_path / "model"))
    operations = OperationDetails(builder)
    validate(builder.graph)
    table = builder.node_table()
    tree = hierarchy.build(table)
    loop = next(node.name for node in builder.graph if node.name.endswith("/while"))
    assert {loop + "/", loop + "/body/"} <= set(tree.index)
    picture = view(tree, set(tree.index))
    boxes = {box.name: number for number, box in enumerate(picture.boxes)}
    pairs = {(edge.source, edge.target) for edge in picture.edges}
    # The loop's results go into the node that runs it; its arguments come from outside.
    into = {picture.boxes[a].name for a, b in pairs if b == boxes[loop]}
    assert any(name.startswith(loop + "/body/") for name in into)
    arguments = [box for box in picture.boxes if box.op == "_Arg"]
    assert arguments
    assert all(box.sub.startswith("argument") for box in arguments)
    assert start(tree) == start(hierarchy.build(table))
    row = operations.details(f"{loop}/body/while/Tensordot")
    assert row["function"].startswith("while_body")
