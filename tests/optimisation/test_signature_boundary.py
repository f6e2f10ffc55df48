"""What a caller relies on stays when a model is optimised: keys of the signature, and assets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.graph.protos import SignatureDef
from inspector.model import signatures
from inspector.model.model import Asset, Model
from inspector.model.signatures import tensor_info
from inspector.optimisation import signature_boundary
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder
from tests.passes import text

ALL = "remove_nodes(op=Identity) fold_constants merge_duplicate_nodes strip_unused_nodes"


def signature_of(made, inputs, outputs):
    signature = SignatureDef(method_name=signatures.PREDICT)
    for key, name in inputs.items():
        signature.inputs[key].CopyFrom(tensor_info(made, name))
    for key, name in outputs.items():
        signature.outputs[key].CopyFrom(tensor_info(made, name))
    return signature


def middle():
    """``x`` is computed from ``text``, and is what the signature feeds; nothing reads ``spare``."""
    made = graph(
        placeholder("text", [None], "string"),
        node("parsed", "StringToNumber", "text", out_type="float32"),
        node("x", "Identity", "parsed", T="float32"),
        const("two", 2.0, np.float32),
        node("y", "Mul", "x", "two", T="float32"),
        placeholder("spare", [None, 3], "int32"),
    )
    return made, signature_of(made, {"x": "x", "spare": "spare"}, {"y": "y"})


@pytest.mark.parametrize("outputs", [None, ["y"]])
@pytest.mark.parametrize("steps", ["", "remove_nodes(op=Identity) strip_unused_nodes"])
def test_an_input_in_the_middle_becomes_a_placeholder(outputs, steps):
    made, signature = middle()
    before = Model("SavedModel", "middle", made, signatures={"serving_default": signature})
    done = inspector.optimise(before, outputs=outputs, transforms=steps)
    (after,) = done.model.signatures.values()
    assert done.inputs == ("x",)
    assert done.model.graph.node("x").op == "Placeholder"
    assert "text" not in done.model.graph
    # An input that no output reads: a caller of the signature has it, outputs by name do not.
    assert set(after.inputs) == ({"x", "spare"} if outputs is None else {"x"})
    assert ("spare" in done.model.graph) == (outputs is None)
    assert after.outputs["y"].name == "y:0"


@pytest.mark.parametrize(
    ("outputs", "other", "keys"),
    [
        (None, "encode", {"decode", "serving_default"}),
        (["y"], "encode", {"decode", "serving_default"}),
        (["y"], "serving_default", {"decode"}),  # whose answer that of decode is not
        (["parsed"], "encode", {"serving_default"}),
    ],
)
def test_the_signature_keeps_its_key_where_it_has_its_outputs(outputs, other, keys, tmp_path):
    made, signature = middle()
    of_x = signature_of(made, {"x": "x"}, {"x": "x"})
    before = Model("SavedModel", "m", made, signatures={"decode": signature, other: of_x})
    done = inspector.optimise(before, outputs=outputs, transforms="", signature="decode")
    assert set(done.model.signatures) == keys
    inspector.save(done.model, tmp_path / "out")
    assert set(inspector.open_model(tmp_path / "out").signatures) == keys


def test_inputs_that_are_named_are_taken_as_they_are():
    made, signature = middle()
    before = Model("SavedModel", "middle", made, signatures={"serving_default": signature})
    done = inspector.optimise(before, ["text"], transforms="sort_by_execution_order")
    assert "parsed" in done.model.graph
    assert "spare" not in done.model.graph


def test_a_frozen_model_has_the_signature_it_had():
    made, signature = middle()
    before = Model("SavedModel", "middle", made, signatures={"serving_default": signature})
    (after,) = inspector.freeze(before).signatures.values()
    assert set(after.inputs) == {"x"}
    assert after.inputs["x"].name == "x:0"


def test_an_input_of_which_more_is_read_is_not_cut():
    made = graph(
        placeholder("a", [4]),
        node("s", "Unpack", "a", T="float32", num=2, axis=0),
        node("y", "Add", "s", "s:1", T="float32"),
    )
    assert signature_boundary.cut_at_inputs(made, signature_of(made, {"x": "s"}, {}), ["y"]) is made


def with_assets():
    made = graph(
        placeholder("x", [None], "string"),
        const("path", b"here", object),
        const("path_1", b"here", object),
        node("via", "Identity", "path", T="string"),
        node("both", "StringJoin", "via", "path_1", N=2),
        node("y", "StringJoin", "x", "both", N=2),
    )
    assets = [Asset("a.txt", "path:0", None), Asset("b.txt", "path_1:0", None)]
    return Model("GraphDef", "assets", made, assets=assets)


def test_the_paths_of_assets_are_neither_folded_nor_merged():
    before = with_assets()
    done = inspector.optimise(before, outputs=["y"], transforms=ALL)
    after = done.model.graph
    assert [after.node(name) for name in ("path", "path_1")] == [
        before.graph.node(name) for name in ("path", "path_1")
    ]
    assert list(after.node("both").input) == ["path", "path_1"]
    assert [asset.name for asset in done.model.assets] == ["a.txt", "b.txt"]
    assert done.inputs == ("x",)
    assert before.graph.node("path").op == "Const"


def test_an_asset_that_nothing_needs_goes():
    before = with_assets()
    done = inspector.optimise(before, outputs=["via"], transforms="strip_unused_nodes")
    assert [asset.name for asset in done.model.assets] == ["a.txt"]


def test_a_model_without_assets_is_not_copied():
    made, _ = middle()
    assert signature_boundary.hold_assets(made, [], ["y"]) == (made, {})
    assert signature_boundary.release(made, {}) is made


@pytest.mark.tensorflow
def test_tables_of_tensorflow_2_are_filled_as_before_whatever_is_folded(tmp_path):
    """Its asset is named by a placeholder, and a dense table takes buckets of no known shape."""
    import tensorflow as tf

    folder = Path(__file__).parents[1] / "models" / "tf221" / "tables"
    done = inspector.optimise(inspector.open_model(folder), transforms=ALL, check=True)
    assert [step.check.status for step in done.steps] == ["equal"] * 4
    inspector.save(done.model, tmp_path / "out")
    answers = []
    for path in (folder, tmp_path / "out"):
        loaded = tf.saved_model.load(str(path))
        found = loaded.signatures["serving_default"](words=tf.constant([b"a", b"b", b"nobody"]))
        answers.append({key: value.numpy().tolist() for key, value in found.items()})
    assert answers[0] == answers[1]


PUBLIC = {
    "serving_half_plus_three/model_base/00000123": ("serving_default", {"x"}),
    "serving_half_plus_two_cpu/model_base/00000123": ("regress_x2_to_y3", {"inputs"}),
    "tf2onnx_redundant_inputs/model": ("serving_default", {"x", "y"}),
    "tfx_taxi_trained/model": ("serving_default", {"inputs"}),
}


@pytest.mark.parametrize("name", PUBLIC)
@pytest.mark.tensorflow
def test_public_models_keep_their_keys_and_assets(name, tmp_path):
    key, inputs = PUBLIC[name]
    before = inspector.open_model(data_path(f"models/public/{name}"))
    done = inspector.optimise(before, transforms=ALL, signature=key)
    inspector.save(done.model, tmp_path / "out")
    after = inspector.open_model(tmp_path / "out")
    signature = after.signatures[key]
    assert set(signature.inputs) == inputs == set(before.signatures[key].inputs)
    assert set(signature.outputs) == set(before.signatures[key].outputs)
    assert all(asset.path is not None for asset in after.assets)
    tables = {item.name for item in after.graph if item.op.startswith("InitializeTable")}
    assert len(after.assets) == len(tables)


DROPOUT = (
    "x = Placeholder(shape=[2,3]) ; keep_prob = Placeholder(shape=[])"
    " ; s = Shape(x, out_type=int32) ; r = RandomUniform(s, T=int32, dtype=float)"
    " ; a = Add(r, keep_prob) ; f = Floor(a) ; d = RealDiv(x, keep_prob) ; m = Mul(d, f)"
    " ; y = Relu(m)"
)


@pytest.mark.parametrize("inputs", [None, ["x", "keep_prob"]])
def test_an_input_that_nothing_reads_any_more_goes_unless_it_was_named(inputs):
    before = Model("GraphDef", "dropout", text.graph(DROPOUT))
    done = inspector.optimise(before, inputs, ["y"], "remove_training_nodes")
    assert ("keep_prob" in done.model.graph) == (inputs is not None)
    assert done.inputs == (("x",) if inputs is None else ("x", "keep_prob"))
    (after,) = done.model.signatures.values()
    assert set(after.inputs) == {"x"}
    same = inspector.optimise(before, inputs, ["y"], "sort_by_execution_order")
    assert set(same.inputs) == {"x", "keep_prob"}


def test_an_input_that_a_signature_names_can_still_be_fed():
    made = text.graph(DROPOUT)
    signature = signature_of(made, {"x": "x", "keep_prob": "keep_prob"}, {"y": "y"})
    before = Model("SavedModel", "dropout", made, signatures={"serving_default": signature})
    done = inspector.optimise(before, transforms="remove_training_nodes")
    assert done.model.graph.node("keep_prob").op == "Placeholder"
    assert set(done.model.signatures["serving_default"].inputs) == {"x", "keep_prob"}
