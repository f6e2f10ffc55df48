"""Keras files are read as layers, without Keras: kinds of config, weights, shapes, what is said."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.analysis.operations import operations
from inspector.errors import CorruptModel, LimitExceeded, UnknownFormat
from inspector.formats import open_model
from inspector.formats.keras.layer_model import keras_model
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.operation_details import OperationDetails
from inspector.view.tree import hierarchy
from tests.conftest import ROOT, data_path
from tests.keras_files import dense, sequential, write_h5, write_keras

IN = {"batch_input_shape": [None, 3], "dtype": "float32"}


def test_the_seeds_file() -> None:
    facts = describe(open_model(data_path("models/seed/keras/prod_model.h5"))).to_dict()
    assert (facts["format"], facts["producer"]) == ("Keras", "keras 2.2.4")
    assert facts["op_counts"] == {"Dense": 2, "InputLayer": 1}
    assert facts["placeholders"] == [
        {"name": "dense_1_input", "dtype": "float32", "shape": [None, 10]}
    ]
    assert facts["parameters"] == 16 * 10 + 16 + 2 * 16 + 2
    assert [row["name"] for row in facts["variable_list"]] == [
        "dense_1/kernel", "dense_1/bias", "dense_2/kernel", "dense_2/bias"
    ]  # fmt: skip
    assert facts["softmax"] == ["dense_2"]
    assert [item["name"] for item in facts["suggested_outputs"]] == ["dense_2"]
    assert facts["keras"]["training_config"] is True
    assert facts["keras"]["optimizer_tensors"] == 13
    assert facts["flagged_ops"] == facts["warnings"] == []


def test_a_sequential_config_that_is_a_list(tmp_path: Path) -> None:
    config = {"class_name": "Sequential", "config": [dense("a", 4, **IN), dense("b", 2)]}
    model = open_model(write_h5(tmp_path / "m", config))
    assert [(node.name, list(node.input)) for node in model.graph] == [
        ("a_input", []), ("a", ["a_input"]), ("b", ["a"])
    ]  # fmt: skip
    model = keras_model(model)
    assert model.layers.shapes["b"] == [[None, 2]]


def functional(
    layers: list[dict], outputs: list, inputs: list, name: str = "net", kind: str = "Model"
) -> dict:
    config = {"name": name, "layers": layers, "input_layers": inputs, "output_layers": outputs}
    return {"class_name": kind, "config": config}


def entry(kind: str, name: str, inbound: list, **config: object) -> dict:
    return {
        "class_name": kind,
        "name": name,
        "config": {"name": name, **config},
        "inbound_nodes": inbound,
    }


def test_layers_are_not_held_against_the_ops_of_their_names(tmp_path: Path) -> None:
    inner = functional(
        [entry("InputLayer", "in", [], **IN), entry("Conv2D", "conv", [[["in", 0, 0, {}]]])],
        [["conv", 0, 0]], [["in", 0, 0]], "inner", "Functional",
    )  # fmt: skip
    twice = [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]
    config = functional(
        [
            entry("InputLayer", "x", [], **IN),
            inner | {"name": "inner", "inbound_nodes": twice},
            entry("Add", "add", [[["inner", 2, 0, {}], ["x", 0, 0, {}]]]),
        ],
        [["add", 0, 0]], [["x", 0, 0]],
    )  # fmt: skip
    facts = describe(open_model(write_keras(tmp_path / "m.keras", config))).to_dict()
    assert facts["op_counts"]["Conv2D"] == 1
    assert [text for text in facts["warnings"] if "model.weights.h5" not in text] == []


def test_a_functional_model_with_nested_and_shared_layers(tmp_path: Path) -> None:
    inner = functional(
        [
            entry("InputLayer", "in", [], batch_input_shape=[None, 4]),
            entry("Dense", "deep", [[["in", 0, 0, {}]]], units=5),
        ],
        [["deep", 0, 0]], [["in", 0, 0]], "inner", "Functional",
    )  # fmt: skip
    config = functional(
        [
            entry("InputLayer", "x", [], **IN),
            entry("InputLayer", "y", [], **IN),
            entry("Dense", "both", [[["x", 0, 0, {}]], [["y", 0, 0, {}]]], units=4),
            inner | {"name": "inner", "inbound_nodes": [[["both", 1, 0, {}]]]},
            entry("Concatenate", "cat", [[["both", 0, 0, {}], ["inner", 1, 0, {}]]], axis=-1),
            entry("TFOpLambda", "tf.add", [["cat", 0, 0, {"y": ["x", 0, 0], "name": None}]],
                  function="math.add"),
        ],
        [["cat", 0, 0], ["tf.add", 0, 0], ["inner", 1, 0]],
        [["x", 0, 0], ["y", 0, 0]],
    )  # fmt: skip
    weights = {"both": {"both/kernel:0": np.ones((3, 4)), "both/bias:0": np.ones(4)},
               "inner": {"deep/kernel:0": np.ones((4, 5), "f")}}  # fmt: skip
    model = open_model(write_h5(tmp_path / "m.h5", config, weights))
    inputs = {node.name: list(node.input) for node in model.graph}
    assert inputs == {
        "x": [], "y": [], "both": ["x", "y"], "inner/in": ["both"], "inner/deep": ["inner/in"],
        "cat": ["both", "inner/deep"], "tf.add": ["cat", "x"],
    }  # fmt: skip
    model = keras_model(model)
    assert model.layers.outputs == ["cat", "tf.add", "inner/deep"]
    assert model.layers.output_keys == ["cat", "tf.add", "inner"]
    assert model.layers.shapes["cat"] == [[None, 9]]
    assert model.layers.shapes["tf.add"] == [None]
    assert model.layers.weights == {"both": (16, 16 * 8), "inner/deep": (20, 80)}
    assert not model.layers.code
    rows = {row.name: row.outputs for row in operations(model)}
    assert [(out.dtype, out.shape) for out in rows["inner/deep"]] == [("float32", [None, 5])]
    # The picture: a scope for the nested model, the config as attributes, weights with sizes.
    builder = NodeTableBuilder(model)
    details = OperationDetails(builder)
    summary = builder.node_table()
    assert summary.weights[summary.find("both")] == (16, 128)
    assert summary.dtypes_of(summary.find("cat")) == ["float32"]
    assert summary.fetches == ["cat:0", "inner/deep:0", "tf.add:0"]
    assert hierarchy.build(summary).to_json()
    assert details.details("both")["attrs"]["units"] == "4"
    assert details.details("both")["consumers"] == ["inner/in", "cat"]


def test_a_layer_that_reads_itself_is_shown(tmp_path: Path) -> None:
    config = functional(
        [
            entry("InputLayer", "x", [], batch_input_shape=[None, 4]),
            entry("Dense", "twice", [[["x", 0, 0, {}]], [["twice", 0, 0, {}]]], units=4),
        ],
        [["twice", 1, 0]], [["x", 0, 0]],
    )  # fmt: skip
    model = open_model(write_h5(tmp_path / "m.h5", config))
    summary = NodeTableBuilder(model).node_table()
    assert summary.input_names(summary.find("twice")) == ["x:0", "twice:0"]
    assert hierarchy.build(summary).to_json()
    assert describe(model).graph.nodes == 2


def test_long_lists_of_names_are_put_together(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", sequential(dense("a", 4, **IN), dense("b", 2)))
    with h5py.File(path, "r+") as file:
        group = file["model_weights"]
        del group.attrs["layer_names"]
        for number, name in enumerate(("a", "b")):
            group.attrs[f"layer_names{number}"] = [name.encode()]
            below = group.create_group(name)
            below.attrs["weight_names0"] = [f"{name}/kernel:0".encode()]
            below.attrs["weight_names1"] = [f"{name}/bias:0".encode()]
            below[f"{name}/bias:0"], below[f"{name}/kernel:0"] = np.ones(4, "f"), np.ones((3, 4))
    assert [item.name for item in open_model(path).variables] == [
        "a/kernel", "a/bias", "b/kernel", "b/bias"
    ]  # fmt: skip


def test_a_user_block_before_the_file(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "m.h5", sequential(dense("a", 4, **IN)))
    with h5py.File(path) as old, h5py.File(tmp_path / "u.h5", "w", userblock_size=1024) as new:
        for key, value in old.attrs.items():
            new.attrs[key] = value
        old.copy("model_weights", new)
    assert len(open_model(tmp_path / "u.h5").graph) == 2


def test_weights_only(tmp_path: Path) -> None:
    path = write_h5(tmp_path / "w.h5", None, {"a": {"a/kernel:0": np.ones((3, 4), "f")}})
    facts = describe(open_model(path)).to_dict()
    assert "weights only" in facts["warnings"][0]
    assert facts["nodes"] == 0
    assert [row["shape"] for row in facts["variable_list"]] == [[3, 4]]
    assert facts["keras"]["trainable_parameters"] is None
    assert facts["suggested_outputs"] == []


def test_a_class_of_the_authors_own_is_said(tmp_path: Path) -> None:
    config = {"module": "__main__", "class_name": "Mine", "registered_name": "Mine",
              "config": {"name": "mine", "units": 3}}  # fmt: skip
    facts = describe(open_model(write_keras(tmp_path / "m.keras", config))).to_dict()
    assert facts["op_counts"] == {"Mine": 1}
    assert any("Python code, which the file does not hold" in text for text in facts["warnings"])
    assert [item["op"] for item in facts["flagged_ops"]] == ["Mine"]


@pytest.mark.parametrize(
    ("text", "kind", "why"),
    [
        (b"{", CorruptModel, "no JSON"),
        (b"[1]", CorruptModel, "no object"),
        (b'{"class_name": "Sequential", "config": [1]}', CorruptModel, "a layer is no object"),
        (b'{"a": ' * 20_000 + b"1" + b"}" * 20_000, LimitExceeded, "nested too deeply"),
        (json.dumps(sequential(*[{"class_name": 3, "config": None}] * 3)).encode(), None, ""),
    ],
)
def test_configs_that_are_none(tmp_path: Path, text: bytes, kind, why: str) -> None:
    path = write_h5(tmp_path / "m.h5", None)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = text
    if kind is None:
        assert describe(open_model(path)).to_dict()["format"] == "Keras"
    else:
        with pytest.raises(kind, match=why):
            open_model(path)


def test_models_nested_without_end(tmp_path: Path) -> None:
    config = sequential(dense("a", 1))
    for _ in range(100):
        config = sequential(config)
    with pytest.raises(LimitExceeded, match="models in one another"):
        open_model(write_h5(tmp_path / "m.h5", config))


def test_names_are_data(tmp_path: Path) -> None:
    names = ["<script>", "a\nb", "\ud800", "ü" * 1000, "^x", "a:0"]
    config = sequential(dense("first", 2, **IN), *(dense(name, 2) for name in names))
    model = open_model(write_h5(tmp_path / "m.h5", config))
    assert len(model.graph) == len(names) + 2
    assert NodeTableBuilder(model).node_table().to_json()


def test_other_hdf5_files(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["table"] = np.zeros(4)
    with pytest.raises(UnknownFormat, match="an HDF5 file that no Keras wrote"):
        open_model(tmp_path / "m.h5")


def test_neither_keras_nor_h5py_is_imported_for_other_files() -> None:
    code = (
        "import sys, inspector\n"
        "inspector.describe(inspector.open_model('sample_models/iris/saved_model'))\n"
        "print(sorted({'h5py', 'keras', 'tf_keras', 'tensorflow'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
