"""A node that gives no value is refused as an output by every command, with other candidates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import inspector
from inspector.cli.main import cli
from inspector.errors import BadFetch
from inspector.graph.graph import Graph
from inspector.model.model import Model
from tests import function_graphs as functions
from tests.conftest import data_path
from tests.graphs import graph, node, placeholder

NOOP = data_path("field/f15_noop_output/noop.pb")
REFUSED = "output 'train_op': it is a NoOp and gives no value; did you mean 'y'?"


@pytest.mark.parametrize(
    "command",
    [
        ["freeze"],
        ["optimise", "--transforms", "sort_by_execution_order"],
        ["convert", "--to", "saved_model"],
        ["convert", "--to", "graphdef"],
    ],
)
def test_every_command_that_writes_refuses_it(command: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ["--outputs", "train_op", "-o", str(out)]
    done = CliRunner().invoke(cli, [command[0], str(NOOP), *command[1:], *flags])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"error: noop.pb: {REFUSED}\n"
    assert not out.exists()


@pytest.mark.parametrize("name", ["train_op", "train_op:0", "y,train_op"])
@pytest.mark.parametrize(
    "call",
    [inspector.freeze, lambda model, names: inspector.optimise(model, None, names, "")],
    ids=["freeze", "optimise"],
)
def test_a_script_gets_the_same_error(call: Callable[..., Any], name: str) -> None:
    with pytest.raises(BadFetch, match=r"is a NoOp and gives no value; did you mean 'y'\?"):
        call(inspector.open_model(NOOP), name.split(","))


@pytest.mark.tensorflow
def test_a_prediction_gets_the_same_error() -> None:
    from inspector.backend.predict import predict

    model = inspector.open_model(NOOP)
    feeds = {"x": np.zeros((1, 3), np.float32)}
    with pytest.raises(BadFetch, match=r"is a NoOp and gives no value; did you mean 'y'\?"):
        predict(model, feeds, ["train_op"])


def refused(made: Graph, name: str) -> str:
    with pytest.raises(BadFetch) as caught:
        inspector.freeze(Model("GraphDef", "m", made), [name])
    return str(caught.value)


def test_what_it_waits_for_is_proposed_first() -> None:
    made = graph(
        placeholder("x", [2, 2]),
        placeholder("z", [2, 2]),
        node("other", "Softmax", "z", T="float32"),
        node("result", "Tanh", "x", T="float32"),
        node("check", "Assert", "x", "^result"),
        node("group", "NoOp", "^other"),
    )
    assert refused(made, "check") == (
        "m: output 'check': it is an Assert and gives no value; did you mean 'result'?"
    )
    assert refused(made, "group").endswith("did you mean 'other'?")
    alone = graph(node("init", "NoOp"))
    assert refused(alone, "init") == "m: output 'init': it is a NoOp and gives no value"


@pytest.mark.parametrize("op", ["StatefulPartitionedCall", "nothing"])
def test_a_call_that_returns_nothing_gives_no_value(op: str) -> None:
    quiet = functions.function(
        "nothing", "a", [functions.node("n", "NoOp", "^a")], {}, controls=("n",)
    )
    call = functions.call("call", "nothing", "x", outputs=0, op=op)
    made = functions.graph([placeholder("x", [2]), call], quiet)
    assert refused(made, "call").startswith(f"m: output 'call': it is a {op} and gives no value")


def test_a_node_without_outputs_in_the_body_of_a_call_gives_no_value() -> None:
    body = functions.function(
        "f",
        "a",
        [functions.node("n", "NoOp", "^a"), functions.node("m", "Neg", "a", "^n", T=1)],
        {"r": "m:y:0"},
        controls=("n",),
    )
    made = functions.graph([placeholder("x", [2]), functions.call("call", "f", "x")], body)
    assert refused(made, "call/n").startswith("m: output 'call/n': it is a NoOp and gives no value")
