"""Profiles: what each node of a model costs, in TensorFlow's trace and operator by operator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector import locations
from inspector.errors import BadFetch, BadParameter
from inspector.measurement.node_times import ALONE, TRACE, Profile
from inspector.view.state import overlay
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import build
from tests import lite_models

IRIS = locations.sample_models() / "iris" / "saved_model"
SOFTMAX = "dnn/head/predictions/probabilities"
FAST = {"budget": 0.01}


def adds_up(profile: Profile) -> bool:
    """Whether shares, sums and order fit the times."""
    times = [node.ms for node in profile.nodes]
    shares = [node.share for node in profile.nodes], [row.share for row in profile.ops]
    return (
        times == sorted(times, reverse=True)
        and [sum(part) for part in shares] == pytest.approx([1, 1])
        and sum(row.ms for row in profile.ops) == pytest.approx(profile.sum_ms)
        and sum(row.nodes for row in profile.ops) == len(profile.nodes)
    )


@pytest.mark.tensorflow
def test_every_node_that_runs_has_its_time() -> None:
    profile = inspector.profile(inspector.open_model(IRIS), outputs=[SOFTMAX], batch=8, **FAST)
    assert (profile.runtime, profile.method, profile.rows) == ("TensorFlow", TRACE, 8)
    assert profile.runs >= 3
    assert profile.run_ms > 0
    assert profile.start_ms == 0
    assert profile.not_measured == {}
    assert adds_up(profile)
    nodes = {node.name: node for node in profile.nodes}
    assert "save/RestoreV2" not in nodes
    product = nodes["dnn/hiddenlayer_1/MatMul"]
    assert product.ms > 0
    assert (product.op, product.output_bytes) == ("MatMul", 8 * 512 * 4)
    assert (product.parameters, product.flops) == (512 * 512, 2 * 512 * 512)
    tree = build(NodeTableBuilder(inspector.open_model(IRIS)).node_table())
    times = {name: 1000 * node.ms for name, node in nodes.items()}
    warm = overlay.boxes(tree, ["dnn/hiddenlayer_1/"], overlay.TIME, times)
    assert 0 < warm["dnn/hiddenlayer_1/"].share < 1


@pytest.fixture
def lite(tmp_path: Path):
    def opened(data: bytes) -> inspector.Model:
        (tmp_path / "model.tflite").write_bytes(data)
        return inspector.open_model(tmp_path / "model.tflite")

    return opened


def test_each_operator_of_a_tflite_model(lite) -> None:
    profile = inspector.profile(lite(lite_models.add(batch=-1)), batch=5, **FAST)
    assert (profile.runtime, profile.method, profile.rows) == ("LiteRT", ALONE, 5)
    (node,) = profile.nodes
    assert (node.name, node.op, node.output_bytes, node.parameters) == ("y", "ADD", 5 * 2 * 4, 2)
    assert profile.run_ms > 0
    assert profile.start_ms > 0
    assert adds_up(profile)


def test_a_loop_runs_with_its_subgraphs(lite) -> None:
    profile = inspector.profile(lite(lite_models.loop()), {"start": -5000}, **FAST)
    (node,) = profile.nodes
    assert node.op == "WHILE"
    # A body that did not run with the value that is fed would take less than a start does.
    assert node.ms > 10 * profile.start_ms


def test_operators_of_the_subgraph_of_a_signature(lite) -> None:
    profile = inspector.profile(lite(lite_models.loop()), {"number": 1}, signature="double", **FAST)
    assert [node.op for node in profile.nodes] == ["MUL"]
    assert profile.nodes[0].name == "other/twice"


PUBLIC = Path(__file__).parents[1] / "data" / "models" / "public"


def test_quantised_operators_and_those_with_tensors_of_their_own() -> None:
    profile = inspector.profile(
        inspector.open_model(PUBLIC / "coral_keras_lstm_mnist_ptq" / "model.tflite"), **FAST
    )
    assert profile.not_measured == {}
    assert {row.op: row.nodes for row in profile.ops}["QUANTIZE"] == 2
    assert profile.nodes[0].op == "UNIDIRECTIONAL_SEQUENCE_LSTM"


@pytest.mark.tensorflow
def test_what_cannot_run_alone_is_named(tmp_path: Path) -> None:
    iris = inspector.convert(inspector.open_model(IRIS), to="tflite")
    profile = inspector.profile(iris, **FAST)
    ops = {row.op for row in profile.ops}
    assert "FULLY_CONNECTED" in ops
    assert "HASHTABLE_FIND" not in ops
    assert set(profile.not_measured.values()) == {
        "reads constants alone, so that it runs once",
        "works on a resource that other operators share",
    }
    assert "Not measured: 3 nodes" in profile.sentence()
    half = inspector.convert(inspector.open_model(IRIS), to="tflite", quantise="float16")
    halved = inspector.profile(half, **FAST)
    # The weights of the products are constants in these files as well.
    wide = {node.name: node.parameters for node in halved.nodes if node.op == "FULLY_CONNECTED"}
    assert set(wide) == {node.name for node in profile.nodes if node.op == "FULLY_CONNECTED"}
    assert "DEQUANTIZE" not in {row.op for row in halved.ops}


def test_bad_arguments(lite) -> None:
    model = lite(lite_models.add(batch=-1))
    for wrong in ({"batch": 0}, {"budget": 0.0}, {"budget": float("nan")}):
        with pytest.raises(BadParameter, match=next(iter(wrong))):
            inspector.profile(model, **wrong)
    with pytest.raises(BadFetch, match="is no output"):
        inspector.profile(model, outputs=["elsewhere"])


def test_json_holds_nodes_and_ops(lite) -> None:
    rows = {"x": np.ones((3, 2), np.float32)}
    answer = inspector.profile(lite(lite_models.add(batch=-1)), rows, **FAST).to_dict()
    assert (answer["rows"], answer["ops"][0]["op"], answer["ops"][0]["nodes"]) == (3, "ADD", 1)
    assert set(answer["nodes"][0]) == {
        *("name", "op", "ms", "share", "output_bytes", "flops", "parameters")
    }
    assert answer["sum_ms"] == pytest.approx(answer["nodes"][0]["ms"])
