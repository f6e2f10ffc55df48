"""What to know before a run: of what the outputs depend on, with the remedy, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from inspector.analysis.describe import describe
from inspector.api import open_model
from inspector.cli.main import cli
from inspector.graph.protos import NodeDef, SignatureDef
from inspector.graph.tensors import RESOURCE
from inspector.model.model import Model
from tests import function_graphs as functions
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder

REFSWITCH = data_path("field/f10_refswitch/refswitch_frozen.pb")


def facts(*nodes: NodeDef) -> dict[str, Any]:
    return describe(Model("GraphDef", "m", graph(*nodes))).to_dict()


def cautions(*nodes: NodeDef) -> list[str]:
    return [sentence(row) for row in facts(*nodes)["flagged_ops"]]


def sentence(row: dict[str, Any]) -> str:
    assert row["severity"] == "warn"
    return f"{row['count']} {row['op']} {row['why']}"


BASE = [
    placeholder("x", [4, 2, 2, 3]),
    placeholder("phase_train", [], "bool"),
    const("ones", np.ones(3, np.float32)),
]


def fused(name: str, source: str, scale: str = "ones", **attrs: Any) -> NodeDef:
    inputs = (source, scale, "ones", "ones", "ones")
    return node(name, "FusedBatchNormV3", *inputs, T="float32", **attrs)


@pytest.mark.parametrize("attrs", [{}, {"is_training": True}])
def test_a_batch_norm_in_training_mode_is_named(attrs: dict[str, Any]) -> None:
    (text,) = cautions(*BASE, fused("bn", "x", **attrs), node("y", "Relu", "bn", T="float32"))
    assert text.startswith("1 FusedBatchNormV3 normalises by the batch that is fed ('bn'): ")
    assert "in training mode" in text
    assert "training=False" in text
    assert "--set" not in text  # no input decides it


def test_other_norms_are_not() -> None:
    fill = node("scale", "Fill", "ones", "ones", T="float32")
    for norm in (
        [fused("bn", "x", is_training=False)],
        [fill, fused("layer_norm", "x", "scale")],
        # A branch that the feed decides on.
        [node("s", "Switch", "x", "phase_train", T="float32"), fused("bn", "s:1")],
        # The training part, which no output reads.
        [fused("gradients/bn", "x"), node("y", "Relu", "x", T="float32")],
    ):
        last = node("last", "Relu", norm[-1].name, T="float32")
        made = norm if norm[-1].name == "y" else [*norm, last]
        assert cautions(*BASE, *made) == []


def moments(*axes: int, divisor: str = "Rsqrt") -> list[NodeDef]:
    return [
        const("axes", np.array(axes, np.int32)),
        const("epsilon", np.float32(1e-3)),
        node("mean", "Mean", "x", "axes", T="float32"),
        node("stop", "StopGradient", "mean", T="float32"),
        node("apart", "SquaredDifference", "x", "stop", T="float32"),
        node("variance", "Mean", "apart", "axes", T="float32"),
        node("squeezed", "Squeeze", "variance", T="float32"),
        node("safe", "AddV2", "squeezed", "epsilon", T="float32"),
        node("divisor", divisor, "safe", T="float32"),
        node("scaled", "Mul", "x", "divisor", T="float32"),
        node("y", "Sub", "scaled", "mean", T="float32"),
    ]


def test_a_batch_norm_of_plain_ops_is_known_by_its_axes() -> None:
    (text,) = cautions(*BASE, *moments(0, 1, 2))
    assert text.startswith("1 SquaredDifference normalises by the batch that is fed ('apart'): ")
    assert cautions(*BASE, *moments(1, 2)) == []  # of each row by itself
    assert cautions(*BASE, *moments(0, divisor="Relu")) == []  # a figure, not a norm


def test_what_a_run_assigns_is_named_with_the_input_to_fix() -> None:
    update = [
        node("average", "VariableV2", dtype="float32", shape=[3]),
        node("switch", "RefSwitch", "average", "phase_train", T="float32"),
        node("update", "AssignSub", "switch:1", "ones", T="float32"),
        node("either", "Merge", "switch", "update", T="float32"),
    ]
    (text,) = cautions(*BASE, *update, node("y", "Add", "x", "either", T="float32"))
    assert text.startswith("1 AssignSub assigns a variable ('update'), which the outputs depend on")
    assert text.endswith("(--set phase_train=false)")
    train = node("train/op", "NoOp", "^update")
    assert cautions(*BASE, *update[:3], train, node("y", "Relu", "x", T="float32")) == []


def test_constants_where_variables_are_needed_are_told_with_the_remedy() -> None:
    (text,) = describe(open_model(REFSWITCH)).warnings
    assert text.startswith("TensorFlow refuses to load this graph: 6 nodes (RefSwitch: ")
    assert "read constants where a variable is needed" in text
    assert text.endswith("(--set phase_train=false).")
    assert text in CliRunner().invoke(cli, ["describe", str(REFSWITCH)]).stdout
    warnings = facts(*BASE, node("up", "AssignVariableOp", "ones", "x"))["warnings"]
    assert "1 node (AssignVariableOp: 'up') reads a constant" in warnings[-1]
    warnings = facts(*BASE, node("read", "ReadVariableOp", "ones", dtype="float32"))["warnings"]
    assert warnings[-1].endswith("what reads them did not: freeze the model again.")


def test_variables_and_what_is_not_known_may_be_assigned() -> None:
    handle = node("handle", "VarHandleOp", dtype="float32", shape=[3])
    argument = node("argument", "Placeholder")
    argument.attr["dtype"].type = RESOURCE
    for nodes in (
        [handle, node("up", "AssignVariableOp", "handle", "x")],
        [argument, node("up", "AssignVariableOp", "argument", "x")],
        [node("odd", "NobodysOp"), node("up", "Assign", "odd", "x")],
        [node("v", "VariableV2", dtype="float32"), node("up", "Assign", "v", "x")],
        [node("up", "Assign", "gone", "x"), node("none", "Assign")],
    ):
        assert not [text for text in facts(*BASE, *nodes)["warnings"] if "constant" in text]


@pytest.mark.tensorflow
def test_tensorflow_refuses_what_we_say_it_refuses() -> None:
    import tensorflow as tf

    proto = tf.compat.v1.GraphDef.FromString(REFSWITCH.read_bytes())
    with tf.Graph().as_default(), pytest.raises(ValueError, match="float_ref"):
        tf.graph_util.import_graph_def(proto)


def test_random_numbers_of_initialisers_alarm_nobody() -> None:
    start = [
        node("v", "VariableV2", dtype="float32", shape=[4]),
        node("start", "RandomUniform", "ones", T="float32", dtype="float32"),
        node("v/Assign", "Assign", "v", "start", T="float32"),
        node("y", "Add", "x", "v", T="float32"),
    ]
    assert facts(*BASE, *start)["flagged_ops"] == []
    noise = node("noise", "RandomUniform", "ones", T="float32", dtype="float32")
    noisy = facts(*BASE, *start[:3], noise, node("y", "Add", "x", "noise", T="float32"))
    assert [(row["op"], row["count"]) for row in noisy["flagged_ops"]] == [("RandomUniform", 1)]
    # What is refused is told wherever it stands.
    reading = facts(*BASE, *start, node("gradients/file", "ReadFile", "x"))
    assert [row["op"] for row in reading["flagged_ops"]] == ["ReadFile"]


def test_what_a_call_and_a_branch_run_counts() -> None:
    random = functions.function(
        "f", "a", [functions.node("r", "RandomUniform", "a", T=1)], {"o": "r:output:0"}
    )
    call = functions.call("call", "f", "x")
    branch = functions.node("if", "If", "x", "x", then_branch="f", else_branch="f", Tout=[1])
    for last in (call, branch):
        made = functions.graph([placeholder("x", [2]), last], random)
        (row,) = describe(Model("GraphDef", "m", made)).flagged_ops
        assert row["op"] == "RandomUniform"


def served(*names: str) -> Model:
    """A model with variables of these names, of which a signature reads the first."""
    handles = [node(name, "VarHandleOp", dtype="float32", shape=[3]) for name in names]
    read = node("read", "ReadVariableOp", names[0], dtype="float32")
    signature = SignatureDef()
    signature.outputs["y"].name = "read:0"
    counter = node("steps", "VarHandleOp", dtype="int64", shape=[])
    model = Model("SavedModel", "m", graph(*handles, counter, read))
    model.signatures = {"serving_default": signature}
    return model


def test_variables_that_no_signature_reads_are_named() -> None:
    (row,) = describe(served("w", "aside/kernel")).flagged_ops
    assert sentence(row).startswith("1 VarHandleOp is read by no signature ('aside/kernel')")
    for names in (
        ["w"],
        ["w", "Adam/m/w"],  # of an optimiser
        ["w_1", "w"],  # Keras 3 writes each variable twice
        ["w", "w/replica_1"],
        ["w", "Variable_7"],  # what Keras 3 gives no name is of its optimiser
    ):
        assert describe(served(*names)).flagged_ops == []
    assert describe(served("Variable", "Variable_7")).flagged_ops == []
    without = served("w", "aside/kernel")
    without.signatures = {}
    assert describe(without).flagged_ops == []


def test_the_text_says_so(tmp_path: Path) -> None:
    made = graph(*BASE, fused("bn", "x"), node("y", "Relu", "bn", T="float32"))
    (tmp_path / "m.pb").write_bytes(made.to_bytes())
    text = CliRunner().invoke(cli, ["describe", str(tmp_path / "m.pb")]).stdout
    section = text.partition("to know before it is run\n")[2]
    assert section.startswith("  FusedBatchNormV3  1  normalises by the batch that is fed ('bn')")
