"""The init op of a GraphDef is kept where it is frozen, and made where the graph has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.cli.main import cli
from inspector.errors import BadFetch, MissingVariables, UnknownNode
from inspector.formats import graphdef, open_model
from inspector.freezing.freeze import freeze
from inspector.freezing.initialise import with_init_op
from inspector.model.model import Model
from inspector.optimisation.optimise import optimise
from inspector.optimisation.optimise_options import OptimiseOptions
from tests.conftest import data_path
from tests.graphs import const, graph, node
from tests.model.test_initial_state import table, variable, whole

TRACKER, TABLE = "field/f01_frozen_needs_init/tracker", "field/f02_table_graphdef/table.pb"


def model(*nodes: object) -> Model:
    return Model("GraphDef", "m.pb", whole(*nodes))  # type: ignore[arg-type]


def test_the_group_of_a_frozen_table_is_its_init_op() -> None:
    opened = open_model(data_path(TABLE))
    ready = with_init_op(opened, ["vec"])
    assert ready.init_op == "init_all_tables"
    assert ready.graph is opened.graph or len(ready.graph) == len(opened.graph)


def test_our_own_init_op_survives_being_written_and_frozen_again(tmp_path: Path) -> None:
    frozen = freeze(open_model(data_path(TRACKER)), signature="default")
    graphdef.write(frozen, tmp_path / "frozen.pb")
    opened = open_model(tmp_path / "frozen.pb")
    assert opened.warnings == []
    again = freeze(opened, ["StatefulPartitionedCall"])
    assert again.init_op == "init_frozen"
    assert {node.name for node in again.graph} == {node.name for node in frozen.graph}


def test_several_initialisers_without_a_group_get_one() -> None:
    ready = with_init_op(model(table("t"), table("u")), ["t/find", "u/find"])
    assert ready.init_op == "init_frozen"
    assert list(ready.graph.node("init_frozen").input) == ["^t/fill", "^u/fill"]


def test_a_group_is_cut_down_to_what_the_outputs_need() -> None:
    groups = [
        node("inner", "NoOp", "^t/fill", "^u/fill"),
        node("init", "NoOp", "^inner", "^v/fill", "^w/fill"),
    ]
    tables = [table(name) for name in "tuvw"]
    ready = with_init_op(model(*tables, groups), ["t/find", "v/find"])
    assert ready.init_op == "init"
    assert list(ready.graph.node("init").input) == ["^inner", "^v/fill"]
    assert list(ready.graph.node("inner").input) == ["^t/fill"]


def test_a_named_init_op_replaces_the_one_of_the_file() -> None:
    nodes = [*variable("v"), const("zero", 0.0), node("reset", "AssignVariableOp", "v", "zero")]
    assert with_init_op(model(nodes), ["v/Read"], "reset").init_op == "reset"
    with pytest.raises(UnknownNode, match=r"m\.pb: init op 'rset': no node of this name"):
        with_init_op(model(nodes), ["v/Read"], "rset")


def test_a_named_init_op_with_nothing_to_do_is_reported() -> None:
    frozen = freeze(model(table("t"), const("c", 1.0)), ["c"], init_op="t/fill")
    assert frozen.init_op is None
    assert frozen.notes[-1] == (
        "The init op 't/fill' is not kept: it sets no table or variable that the outputs need."
    )


def test_a_constant_that_the_init_op_assigns_is_frozen() -> None:
    frozen = freeze(model(variable("v")), ["v/Read"])
    assert frozen.init_op is None
    assert frozen.graph.node("v").op == "Const"


def test_a_training_graph_has_no_values() -> None:
    draw = node("draw", "RandomUniform", "v/value", dtype="float32")
    nodes = [*variable("v", "draw"), *variable("w"), draw]
    both = node("y", "AddV2", "v/Read", "w/Read", T="float32")
    reason = "it has no value: the graph came without a checkpoint, and its initialiser"
    with pytest.raises(MissingVariables, match=f"{reason} 'v/Assign' draws random numbers"):
        freeze(model(nodes), ["v/Read"])
    with pytest.raises(MissingVariables, match="and 1 more: they have no values"):
        freeze(model(nodes, both), ["y"])
    named = freeze(model(nodes), ["v/Read"], init_op="v/Assign")
    assert named.init_op == "v/Assign"
    assert "only the init op gives it a value" in " ".join(named.notes)


def test_transforms_keep_the_init_op_and_the_summary_says_so() -> None:
    options = OptimiseOptions(outputs=("vec",), preset="tidy")
    result = optimise(open_model(data_path(TABLE)), options)
    assert result.model.init_op == result.record()["init_op"] == "init_all_tables"
    assert "key_value_init/LookupTableImportV2" in result.model.graph
    note = "The init op 'init_all_tables' must run once before the first run."
    assert note in result.model.notes


def test_the_command_line_says_once_that_the_init_op_must_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(*args: object) -> list[str]:
        cli([str(arg) for arg in args], standalone_mode=False)
        return [line for line in capsys.readouterr().out.splitlines() if "init op" in line]

    note = "The init op 'init_all_tables' must run once before the first run"
    table = data_path(TABLE)
    runs = "TensorFlow runs the init op when it loads the SavedModel."
    flags = ("--outputs", "vec", "-o")
    assert lines("convert", table, "--to", "graphdef", *flags, tmp_path / "a.pb") == [f"{note}."]
    (said,) = lines("freeze", table, *flags, tmp_path / "b.pb")
    assert said.startswith(f"{note}: it fills 'hash_table")
    assert lines("convert", table, "--to", "saved_model", *flags, tmp_path / "c") == [
        f"{note}.",
        runs,
    ]


def test_a_table_that_nothing_fills_is_reported() -> None:
    nodes = [item for item in table("t") if item.op != "LookupTableImportV2"]
    sentence = "The table 't' stays empty: no op of the graph fills it."
    assert freeze(model(nodes), ["t/find"]).notes == ["Froze 0 variables.", sentence]
    options = OptimiseOptions(outputs=("t/find",), transforms="")
    assert optimise(model(nodes), options).model.notes == [sentence]


def test_a_table_that_is_empty_beside_one_that_is_filled_is_reported_too() -> None:
    nodes = [item for item in table("t") if item.op != "LookupTableImportV2"]
    both = freeze(model(nodes, table("u")), ["t/find", "u/find"])
    assert both.init_op == "u/fill"
    assert "The table 't' stays empty: no op of the graph fills it." in both.notes


def test_a_table_that_is_filled_from_a_file_elsewhere_is_reported() -> None:
    nodes = table("t")
    nodes[3] = node("t/fill", "InitializeTableFromTextFileV2", "t", "t/path")
    frozen = freeze(model(nodes, const("t/path", b"/somewhere/vocab.txt")), ["t/find"])
    assert frozen.init_op == "t/fill"
    assert frozen.notes[-1] == (
        "'t/fill' fills its table from a file that is not part of the model: the result runs only "
        "where that file is."
    )


def test_without_state_there_is_no_init_op() -> None:
    plain = Model("GraphDef", "m.pb", graph(const("c", np.float32(1))))
    assert with_init_op(plain, ["c"]) is plain
    assert optimise(plain, OptimiseOptions(outputs=("c",))).record()["init_op"] is None


def test_an_init_op_of_the_user_that_leaves_a_table_empty_is_reported() -> None:
    opened = open_model(data_path(TABLE))
    sentence = "The table '{}' stays empty: the init op 'other' does not fill it."
    (fill,) = [item for item in opened.graph if "Import" in item.op or "Initialize" in item.op]
    name = fill.input[0]
    nodes = [*opened.graph, node("other", "NoOp")]
    changed = Model("GraphDef", "m.pb", opened.graph.with_nodes(nodes))
    assert sentence.format(name) in freeze(changed, ["vec"], init_op="other").notes
    result = optimise(changed, OptimiseOptions(outputs=("vec",), init_op="other", transforms=""))
    assert sentence.format(name) in result.model.notes
    for right in ("init_all_tables", fill.name):
        assert not [n for n in freeze(changed, ["vec"], init_op=right).notes if "empty" in n]


def test_an_init_op_that_needs_a_feed_is_refused() -> None:
    opened = open_model(data_path(TABLE))
    fed = next(item.name for item in opened.graph if item.op == "Placeholder")
    with pytest.raises(BadFetch, match=f"init op '{fed}': it needs a value for the placeholder"):
        freeze(opened, ["vec"], init_op=fed)
