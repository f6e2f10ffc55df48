"""Checkpoints opened as models: with their graph like a SavedModel, without it as variables."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.errors import (
    CorruptModel,
    FreezeError,
    InspectorError,
    MissingFile,
    UnknownFormat,
    UnknownNode,
)
from inspector.formats import open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph.tensors import to_numpy
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree import hierarchy
from tests.conftest import data_path
from tests.hostile import model_files

SEED = "models/seed/ppscore/checkpoints"
PUBLIC = {
    "mlnet_cifar_checkpoint": ("ck/model.ckpt", "Output"),
    "tf2onnx_regression_checkpoint": ("ck/model", "pred"),
}


def copied(source: str, folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for path in data_path(source).iterdir():
        if not names or path.name in names:
            shutil.copyfile(path, folder / path.name)
    return folder


@pytest.mark.parametrize("way", ["", "/checkpoint", "/var", "/var.index"])
def test_the_seed_opens_by_folder_state_file_prefix_and_index(way: str) -> None:
    model = open_model(str(data_path(SEED)) + way)
    assert (model.format, model.name, model.producer) == ("Checkpoint", "var", "1.10.0")
    assert model.path == data_path(SEED) / "var.index"
    assert len(model.graph) == 358
    assert len(model.variables) == 9
    assert model.bytes == {"graph": 60775, "variables": 10144, "assets": 0, "total": 70919}
    assert [name for name, _ in model.files] == ["var.data-00000-of-00001", "var.index", "var.meta"]
    assert model.warnings == []


def test_the_seed_freezes_as_its_guide_does() -> None:
    frozen = freeze(open_model(data_path(SEED)), ["ppscore"])
    expected = open_model(data_path(f"{SEED}/frozen_model.pb"))
    assert "Froze 2 variables." in frozen.notes
    assert len(frozen.graph) == 51
    assert frozen.graph.op_counts() == expected.graph.op_counts()
    for name in ("W", "b"):
        ours, theirs = (
            to_numpy(graph.node(name).attr["value"].tensor)
            for graph in (frozen.graph, expected.graph)
        )
        assert ours.tobytes() == theirs.tobytes()
        assert ours.shape == theirs.shape


@pytest.mark.parametrize("name", PUBLIC)
def test_public_checkpoints_have_the_figures_that_tensorflow_gives(name: str) -> None:
    expected = json.loads(data_path(f"models/public/{name}/EXPECTED.json").read_text())
    prefix, output = PUBLIC[name]
    folder = data_path(f"models/public/{name}")
    model = open_model(folder / prefix)
    facts = describe(model).to_dict()
    assert facts["format"] == "Checkpoint"
    assert facts["op_counts"] == expected["graph"]["ops"]
    assert [
        {key: item[key] for key in ("name", "dtype", "shape")} for item in facts["variable_list"]
    ] == expected["variables"]
    assert facts["parameters"] == expected["variable_parameters"]
    frozen = freeze(model, [output])
    assert dict(frozen.graph.op_counts()) == expected["frozen_by_tf"]["ops"]


def recorded(name: str) -> tuple[dict[str, object], dict[str, object]]:
    with np.load(data_path(f"models/{name}/io.npz")) as data:
        feeds = {key[7:]: data[key] for key in data if key.startswith("inputs/")}
        return feeds, {key[8:]: data[key] for key in data if key.startswith("outputs/")}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", PUBLIC)
def test_public_checkpoints_predict_what_was_recorded(name: str) -> None:
    from inspector.backend.predict import predict

    feeds, expected = recorded(f"public/{name}")
    model = open_model(data_path(f"models/public/{name}") / PUBLIC[name][0])
    for side in (model, freeze(model, [PUBLIC[name][1]])):
        done = predict(side, feeds, [f"{PUBLIC[name][1]}:0"])
        (value,) = expected.values()
        np.testing.assert_allclose(next(iter(done.outputs.values())), value, rtol=1e-5, atol=1e-6)


@pytest.mark.tensorflow
def test_the_seed_predicts_what_was_recorded() -> None:
    from inspector.backend.predict import predict

    feeds, expected = recorded("seed/ppscore")
    feeds = {f"{key}:0": value for key, value in feeds.items()}
    done = predict(open_model(data_path(SEED)), feeds, ["ppscore:0"])
    np.testing.assert_allclose(done.outputs["ppscore:0"], expected["ppscore"], rtol=1e-5)


@pytest.mark.tensorflow
def test_a_checkpoint_becomes_a_saved_model_with_its_variables(tmp_path: Path) -> None:
    from inspector.backend.predict import predict

    saved_model_writer.write(open_model(data_path(SEED)), tmp_path / "out")
    again = open_model(tmp_path / "out")
    assert [item.name for item in again.variables] == [
        item.name for item in open_model(data_path(SEED)).variables
    ]
    feeds, expected = recorded("seed/ppscore")
    done = predict(again, {f"{key}:0": value for key, value in feeds.items()}, ["ppscore:0"])
    np.testing.assert_allclose(done.outputs["ppscore:0"], expected["ppscore"], rtol=1e-5)


def test_without_its_graph_the_variables_are_listed_and_it_is_said(tmp_path: Path) -> None:
    folder = copied(SEED, tmp_path / "m", "var.index", "var.data-00000-of-00001")
    model = open_model(folder)
    facts = describe(model).to_dict()
    assert (facts["nodes"], len(facts["variable_list"])) == (0, 9)
    assert facts["parameters"] == 3 * 816 + 3
    assert facts["bytes"] == {"graph": 0, "variables": 10144, "assets": 0, "total": 10144}
    assert "var.meta is not beside it" in facts["warnings"][0]
    summary = NodeTableBuilder(model).node_table()
    assert len(summary) == 0
    hierarchy.build(summary)
    with pytest.raises(FreezeError, match="the Checkpoint holds no graph to freeze"):
        freeze(model)
    with pytest.raises(UnknownNode):
        freeze(model, ["ppscore"])


def test_a_damaged_graph_leaves_the_variables_to_look_at(tmp_path: Path) -> None:
    folder = copied(SEED, tmp_path / "m")
    meta = (folder / "var.meta").read_bytes()
    for content in (meta[:-5], b"# words", b""):
        (folder / "var.meta").write_bytes(content)
        model = open_model(folder)
        assert (len(model.graph), len(model.variables)) == (0, 9)
        assert "var.meta" in model.warnings[0]


def test_missing_shards_are_a_warning(tmp_path: Path) -> None:
    folder = copied(SEED, tmp_path / "m", "checkpoint", "var.index", "var.meta")
    model = open_model(folder)
    assert model.warnings == [
        "The data file var.data-00000-of-00001 is not there: values of variables are missing, and "
        "what needs them cannot be frozen or run. Put it beside the other files of the checkpoint."
    ]
    with pytest.raises(InspectorError, match="data-00000-of-00001 is not there"):
        freeze(model, ["ppscore"])


def test_missing_shards_of_a_saved_model_are_a_warning(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    source = "models/seed/iris/saved_model"
    for name in ("saved_model.pb", "variables/variables.index"):
        shutil.copyfile(data_path(f"{source}/{name}"), tmp_path / name)
    assert "variables.data-00000-of-00001 is not there" in open_model(tmp_path).warnings[0]


@pytest.mark.tensorflow
def test_a_checkpoint_of_tensorflow_2_is_said_to_hold_no_graph(tmp_path: Path) -> None:
    import tensorflow as tf

    saved = tf.train.Checkpoint(step=tf.Variable(3), net=tf.Module())
    saved.net.w = tf.Variable(tf.ones([2, 3]))
    saved.save(str(tmp_path / "ckpt"))
    model = open_model(tmp_path)
    assert (model.format, model.name) == ("Checkpoint", "ckpt-1")
    shapes = {item.name: item.shape for item in model.variables}
    assert shapes["net/w/.ATTRIBUTES/VARIABLE_VALUE"] == [2, 3]
    assert "TensorFlow 2" in model.warnings[0]
    assert "no graph" in model.warnings[0]
    assert len(model.warnings) == 1


def state(folder: Path, text: str) -> Path:
    (folder / "checkpoint").write_text(text)
    return folder


@pytest.mark.parametrize(
    "named", ["var", "/home/somebody/run/var", "C:\\\\run\\\\var", "../elsewhere/var", "./var"]
)
def test_the_state_file_names_a_prefix_beside_it(tmp_path: Path, named: str) -> None:
    folder = state(copied(SEED, tmp_path / "m"), f'model_checkpoint_path: "{named}"\n')
    assert open_model(folder).name == "var"


def test_a_prefix_in_a_folder_below(tmp_path: Path) -> None:
    copied(SEED, tmp_path / "run")
    assert open_model(state(tmp_path, 'model_checkpoint_path: "run/var"')).name == "var"


def test_a_state_file_does_not_lead_out_of_its_folder(tmp_path: Path) -> None:
    copied(SEED, tmp_path / "secret")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "link").symlink_to(tmp_path / "secret")
    for named in ("../secret/var", "link/var", f"{tmp_path}/secret/var"):
        with pytest.raises(MissingFile, match=r"there is no 'var\.index' beside it") as caught:
            open_model(state(tmp_path / "m", f'model_checkpoint_path: "{named}"'))
        assert str(tmp_path) not in str(caught.value)


BAD_STATES = pytest.mark.parametrize(
    ("content", "kind", "reason"),
    [
        ('model_checkpoint_path: "vax"', MissingFile, "there is no 'vax.index'"),
        ('model_checkpoint_path: ""', CorruptModel, "names no checkpoint"),
        ('model_checkpoint_path: "\\000"', CorruptModel, "names no checkpoint"),
        ("model_checkpoint_path: 3", CorruptModel, "line 1"),
        ('model_checkpoint_path: "/"', MissingFile, "there is no"),
        ('model_checkpoint_path: ".."', MissingFile, "there is no"),
        ("words", UnknownFormat, "text, no SavedModel"),
        ("", CorruptModel, "it is empty"),
        ("\ufeffm\0o\0", UnknownFormat, "no SavedModel"),
    ],
)


@BAD_STATES
def test_a_bad_state_file_is_told(
    tmp_path: Path, content: str, kind: type[Exception], reason: str
) -> None:
    (tmp_path / "m").mkdir()
    folder = state(tmp_path / "m", content)
    with pytest.raises(kind, match=reason):
        open_model(folder)


@BAD_STATES
def test_the_one_checkpoint_beside_a_bad_state_file_is_opened(
    tmp_path: Path, content: str, kind: type[Exception], reason: str
) -> None:
    folder = state(copied(SEED, tmp_path / "m"), content)
    for path in (folder, folder / "checkpoint"):
        model = open_model(path)
        assert (model.name, model.format) == ("var", "Checkpoint")
        assert re.search(reason, model.warnings[0])
        assert "'var', the only one in the folder, is opened" in model.warnings[0]
        assert model.warnings == [model.warnings[0], *open_model(folder / "var").warnings]
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    assert open_model(packed).warnings[0] == model.warnings[0]


@BAD_STATES
def test_several_checkpoints_beside_a_bad_state_file_are_named(
    tmp_path: Path, content: str, kind: type[Exception], reason: str
) -> None:
    folder = state(copied(SEED, tmp_path / "m"), content)
    for part in ("var.index", "var.data-00000-of-00001"):
        shutil.copyfile(folder / part, folder / part.replace("var", "old"))
    with pytest.raises(
        UnknownFormat,
        match=r"the folder holds 3 models: old, var, .*; open one by its path, as in m/old",
    ) as caught:
        open_model(folder)
    assert re.search(reason, str(caught.value))


def test_one_of_several_is_meant_by_a_close_name(tmp_path: Path) -> None:
    folder = state(copied(SEED, tmp_path / "m"), 'model_checkpoint_path: "vax"')
    for part in ("var.index", "var.data-00000-of-00001"):
        shutil.copyfile(folder / part, folder / part.replace("var", "old"))
    with pytest.raises(UnknownFormat, match=r"'vax'.* did you mean 'var'"):
        open_model(folder)


def test_a_checkpoint_of_the_first_format_is_found_without_a_state_file(tmp_path: Path) -> None:
    folder = model_files._v1(tmp_path / "m", [2, 2], 4).parent
    assert open_model(folder).variables[0].name == "w"
    state(folder, "damaged")
    assert "'model.ckpt', the only one" in open_model(folder).warnings[0]


def test_several_checkpoints_without_a_state_file_are_named(tmp_path: Path) -> None:
    for number in range(5):
        for part in ("var.index", "var.data-00000-of-00001"):
            name = part.replace("var", f"model-{number}")
            shutil.copyfile(data_path(f"{SEED}/{part}"), tmp_path / name)
    with pytest.raises(UnknownFormat, match=r"it holds 5 models: model-0, .*\.\.\.; open one"):
        open_model(tmp_path)
    assert open_model(tmp_path / "model-3").name == "model-3"


def test_a_saved_model_without_its_graph_is_told(tmp_path: Path) -> None:
    folder = data_path("models/public/serving_tf_text_regression/model_base/01")
    with pytest.raises(UnknownFormat, match=r"saved_model\.pb .*is missing"):
        open_model(folder)
    assert open_model(folder / "variables").format == "Checkpoint"
