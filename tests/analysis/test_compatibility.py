"""What to know before a model is used, and what it consists of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inspector import describe, freeze, locations, open_model
from inspector.analysis import contents
from inspector.analysis.saving import only_saves
from inspector.errors import FreezeError
from inspector.graph import op_safety
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model.model import Model

SAMPLES = locations.sample_models()
MODELS = Path(__file__).parents[1] / "models"


def graph(op: str, producer: int) -> Model:
    proto = GraphDef()
    proto.node.add(name="n", op=op)
    proto.versions.producer = producer
    return Model(format="GraphDef", name="m", graph=Graph.of(proto))


def test_an_op_that_was_removed_before_the_graphs_version_is_told() -> None:
    def removed(op: str, producer: int) -> list[str]:
        found = describe(graph(op, producer)).warnings
        return [text for text in found if "was removed at version" in text]

    (told,) = removed("BatchNormWithGlobalNormalization", 21)
    assert "removed at version 9 (Use tf.nn.batch_normalization())" in told
    assert not removed("BatchNormWithGlobalNormalization", 8)
    assert not removed("Relu", 21)


def test_where_the_graph_only_saves_nothing_is_suggested() -> None:
    bare = open_model(MODELS / "tf221" / "no_signatures")
    facts = describe(bare)
    assert facts.suggested_outputs == []
    (told,) = facts.warnings
    assert "Its functions can be frozen by name, e.g. --signature 'classify'" in told
    (told,) = describe(open_model(MODELS / "tf215" / "keras_no_traces")).warnings
    assert "nothing in it can be frozen or run" in told
    # One node that computes, and it is a graph like any other.
    assert only_saves(bare.outline)
    more = bare.outline.to_proto()
    more.node.add(name="y", op="Neg", input=["w/Read/ReadVariableOp"])
    assert not only_saves(Graph.of(more))
    assert not only_saves(Graph.of(GraphDef()))
    with pytest.raises(FreezeError) as error:
        freeze(open_model(MODELS / "tf215" / "keras_no_traces"))
    assert error.value.why == told.removesuffix(".")


@pytest.mark.tensorflow
def test_tensorflow_refuses_what_we_say_it_refuses() -> None:
    import tensorflow as tf

    for producer, refused in ((8, False), (9, True), (1000, True)):
        proto = tf.compat.v1.GraphDef()
        proto.versions.producer = producer
        for name, rank in zip("tmvbg", (4, 1, 1, 1, 1), strict=True):
            node = proto.node.add(name=name, op="Placeholder")
            node.attr["dtype"].type = 1
            for _ in range(rank):
                node.attr["shape"].shape.dim.add(size=2)
        node = proto.node.add(name="n", op="BatchNormWithGlobalNormalization", input="tmvbg")
        node.attr["T"].type = 1
        node.attr["variance_epsilon"].f = 0.1
        node.attr["scale_after_normalization"].b = True
        message = ""
        with tf.Graph().as_default():
            try:
                tf.graph_util.import_graph_def(proto)
            except (ValueError, tf.errors.OpError) as err:
                message = str(err)
        assert ("removed in version 9" in message) == refused, message


def test_a_flag_says_what_it_is_why_it_matters_and_what_to_do() -> None:
    rows = op_safety.flagged({"ReadFile": 2, "Print": 1, "Nobodys<b>": 1})
    told = {row["op"]: op_safety.advice(row) for row in rows}
    assert told["ReadFile"].startswith("ReadFile (2 nodes) reads any file of the server. ")
    assert "not run here: select outputs that do not depend on it" in told["ReadFile"]
    assert "is no op of TensorFlow 2.21; it needs a library of its own" in told["Nobodys<b>"]
    assert told["Print"] == "Print (1 node) prints values to the server's log."


def test_what_to_do_about_several_refused_ops_is_said_once() -> None:
    rows = op_safety.flagged({"ReadFile": 2, "WriteFile": 1, "Print": 1})
    sentences = op_safety.advice(*rows)
    assert sentences.startswith(
        "ReadFile (2 nodes) reads any file of the server. WriteFile (1 node)"
    )
    assert sentences.count("what needs them is not run here") == 1


def test_contents_are_files_assets_and_fingerprint(tmp_path: Path) -> None:
    for name in ("bikes", "reviews"):
        shutil.copytree(SAMPLES / name / "saved_model", tmp_path / name)
    found = contents.of(open_model(tmp_path / "bikes"))
    names = {file["name"] for file in found["files"]}
    assert {"saved_model.pb", "fingerprint.pb", "variables/variables.index"} <= names
    assert found["has_values"]
    assert len(found["fingerprint"]) == 6
    assert all(row["number"] for row in found["fingerprint"])
    (tmp_path / "bikes" / "fingerprint.pb").write_bytes(b"\x08\xff")
    assert contents.of(open_model(tmp_path / "bikes"))["fingerprint"] == []
    (asset,) = contents.of(open_model(tmp_path / "reviews"))["assets"]  # the file lists it twice
    assert asset["bytes"] > 0
    (tmp_path / "reviews" / "assets" / asset["name"]).unlink()
    asset, *_ = contents.of(open_model(tmp_path / "reviews"))["assets"]
    assert asset["bytes"] is None


def test_the_tree_adds_up_and_keeps_its_order() -> None:
    files = [("b/x", 1), ("saved_model.pb", 10), ("b/c/y", 2), ("a/z", 4), ("b.txt", 8)]
    rows = contents.tree([{"name": name, "bytes": size} for name, size in files])
    told = [
        (row["depth"], row["name"], row["is_folder"], row["bytes"], row["files"]) for row in rows
    ]
    assert told == [
        (0, "b.txt", False, 8, 1),
        (0, "saved_model.pb", False, 10, 1),
        (0, "a", True, 4, 1),
        (1, "z", False, 4, 1),
        (0, "b", True, 3, 2),
        (1, "x", False, 1, 1),
        (1, "c", True, 2, 1),
        (2, "y", False, 2, 1),
    ]
