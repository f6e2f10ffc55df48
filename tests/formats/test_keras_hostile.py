"""Keras files that mean harm: links out of the file, bombs, damage. One clear error, or a model."""

from __future__ import annotations

import contextlib
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.analysis.describe import describe
from inspector.errors import InspectorError, LimitExceeded, UnsupportedModel
from inspector.formats import open_model
from inspector.formats.keras import code, hdf5
from tests.keras_files import dense, sequential, write_h5

CONFIG = sequential(dense("a", 2, batch_input_shape=[None, 3]), dense("b", 2))
WEIGHTS = {"a": {"a/kernel:0": np.ones((3, 2), "f"), "a/bias:0": np.ones(2, "f")}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_h5(tmp_path / "m.h5", CONFIG, WEIGHTS)


def refused(path: Path, why: str, kind: type[Exception] = UnsupportedModel) -> None:
    with pytest.raises(kind, match=why) as caught:
        open_model(path)
    assert str(path.parent) not in str(caught.value)


def test_links_are_not_followed(path: Path) -> None:
    secret = path.with_name("secret.h5")
    with h5py.File(secret, "w") as file:
        file["kernel"] = np.full((3, 2), 42.0)
    for link in (h5py.ExternalLink(str(secret), "/kernel"), h5py.SoftLink("/model_weights")):
        with h5py.File(path, "r+") as file:
            group = file["model_weights/a/a"]
            del group["kernel:0"]
            group["kernel:0"] = link
        refused(path, "a link to another place or file, which is not followed")
    # The group that is asked by its name, too.
    with h5py.File(path, "r+") as file:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink(str(secret), "/")
    refused(path, "not followed")


def test_values_in_other_files_are_not_read(path: Path) -> None:
    raw = path.with_name("raw")
    raw.write_bytes(bytes(24))
    with h5py.File(path, "r+") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_dataset(
            "kernel:0", (3, 2), "f4", external=[(str(raw), 0, 24)]
        )
    refused(path, "its values lie in other files")


def test_virtual_datasets_are_not_read(path: Path) -> None:
    layout = h5py.VirtualLayout((3, 2), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "kernel", (3, 2))
    with h5py.File(path, "r+") as file:
        del file["model_weights/a/a/kernel:0"]
        file["model_weights/a/a"].create_virtual_dataset("kernel:0", layout)
    refused(path, "its values lie in other files")


def test_filters_are_not_loaded(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["model_weights/a"].create_dataset("odd", (64, 64), "f4", compression="lzf")
    refused(path, "a filter that is not part of HDF5")
    with h5py.File(path, "r+") as file:
        del file["model_weights/a/odd"]
        file["model_weights/a"].create_dataset("odd", data=np.zeros((64, 64)), compression="gzip")
    assert len(open_model(path).variables) == 3


def test_the_librarys_own_folders_for_filters_come_back(path: Path) -> None:
    before = [h5py.h5pl.get(number) for number in range(h5py.h5pl.size())]
    open_model(path)
    assert [h5py.h5pl.get(number) for number in range(h5py.h5pl.size())] == before


def test_groups_that_hold_themselves(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["model_weights/a/again"] = file["model_weights"]
        file["model_weights/root"] = file["/"]
    assert len(open_model(path).variables) == 2


def test_a_dataset_of_terabytes_is_told_and_not_allocated(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        group = file["model_weights/a"]
        group.create_dataset("huge", (1 << 40, 1 << 20), "f8", chunks=(1024, 1024))
    model = open_model(path)
    assert "declares" in model.warnings[0]
    assert describe(model).parameters > 1 << 60


def test_groups_without_end(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file.create_group("/".join(["g"] * (hdf5.MAX_DEPTH + 2)))
    refused(path, "groups deep", LimitExceeded)


def test_a_text_that_is_named_many_times(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has each text once; what counts is what they may take in memory."""
    monkeypatch.setattr(hdf5, "MAX_TEXTS", 1 << 16)
    names = ["n" * 1000] * 500
    with h5py.File(path, "r+") as file:
        del file["model_weights"].attrs["layer_names"]
        file["model_weights"].attrs.create("layer_names", names, dtype=h5py.string_dtype())
    refused(path, "the list 'layer_names' is too long", LimitExceeded)
    monkeypatch.setattr(hdf5, "MAX_TEXTS", 4 << 30)
    assert len(open_model(path).variables) == 2


def test_a_config_that_unpacks_to_gigabytes(tmp_path: Path) -> None:
    bomb = tmp_path / "m.keras"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", b" " * (200 << 20))
    refused(bomb, "times its size", LimitExceeded)


def opens_or_is_told(path: Path) -> None:
    with contextlib.suppress(InspectorError):
        json.dumps(describe(open_model(path)).to_dict())


def test_cut_short_anywhere(path: Path) -> None:
    data = path.read_bytes()
    for length in range(1, len(data), max(len(data) // 50, 1)):
        path.write_bytes(data[:length])
        opens_or_is_told(path)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_changed_anywhere(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    base = tmp_path_factory.getbasetemp() / "changed.h5"
    if not base.exists():
        write_h5(base, CONFIG, WEIGHTS)
    content = bytearray(base.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = base.with_name("mutated.h5")
    path.write_bytes(content)
    opens_or_is_told(path)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(
    ["a", "in", "Dense", "InputLayer", "Sequential", "Functional", "relu", "float32", "", "\ud800"]
)  # fmt: skip
KEYS = st.sampled_from(
    ["class_name", "config", "name", "layers", "inbound_nodes", "input_layers", "output_layers",
     "units", "batch_input_shape", "args", "kwargs", "keras_history", "dtype", "module", "layer",
     "activation", "function_type", "build_input_shape"]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4)
)


@settings(max_examples=100, deadline=None)
@given(config=st.dictionaries(KEYS, VALUES, max_size=5), layers=st.lists(VALUES, max_size=3))
def test_any_config(
    tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any], layers: list[Any]
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any.keras"
    folder.mkdir(exist_ok=True)
    (folder / "metadata.json").write_text('{"keras_version": "2.13.0"}')
    entry = {"class_name": "Functional",
             "config": {"layers": layers, "input_layers": [["a", 0, 0]],
                        "output_layers": config}}  # fmt: skip
    for found in (config | {"class_name": "Sequential"}, entry):
        (folder / "config.json").write_text(json.dumps(found))
        opens_or_is_told(folder)


@pytest.mark.parametrize(
    ("entry", "kinds"),
    [
        ({"class_name": "function", "config": "system", "module": "os"}, ["system"]),
        ({"class_name": "function", "config": "eval", "module": "builtins"}, ["eval"]),
        ({"class_name": "Popen", "config": {}, "module": "subprocess"}, ["Popen"]),
        ({"class_name": "get_file", "config": {}, "module": "keras.utils"}, ["get_file"]),
        ({"class_name": "load_model", "config": {}, "module": "keras.saving"}, ["load_model"]),
        ({"class_name": "load_model", "config": {}, "module": "keras"}, ["load_model"]),
        ({"class_name": "Mine", "config": {}, "module": None, "registered_name": "p>Mine"},
         ["Mine"]),
        ({"class_name": "TFSMLayer", "config": {"filepath": "/x"}, "module": "keras.layers"},
         ["TFSMLayer"]),
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}},
         ["StringLookup"]),
        ({"class_name": "TFOpLambda", "config": {"function": "io.write_file"}},
         ["TFOpLambda io.write_file"]),
        ({"class_name": "TFOpLambda", "config": {"function": "load_op_library"}},
         ["TFOpLambda load_op_library"]),
        ({"class_name": "TFOpLambda", "config": {"function": "raw_ops.ReadFile"}},
         ["TFOpLambda raw_ops.ReadFile"]),
        ({"class_name": "TFOpLambda", "config": {"function": "py_function"}},
         ["TFOpLambda py_function"]),
        ({"class_name": "ResidualWrapper", "config": {"fn": ["x"], "fn_type": "lambda"}},
         ["Lambda"]),
        # What models are made of.
        ({"class_name": "TFOpLambda", "config": {"function": "math.reduce_mean"}}, []),
        ({"class_name": "TFOpLambda", "config": {"function": "__operators__.add"}}, []),
        ({"class_name": "TFOpLambda", "config": {"function": "concat"}}, []),
        ({"class_name": "SlicingOpLambda", "config": {"function": "__operators__.getitem"}}, []),
        ({"class_name": "StringLookup", "config": {"vocabulary": ["a"]}}, []),
        ({"class_name": "Functional", "config": {}, "module": "keras.src.models.functional"}, []),
        ({"class_name": "Functional", "config": {}, "module": "keras.src.engine.functional"}, []),
        ({"class_name": "DTypePolicy", "config": {}, "module": "keras"}, []),
        ({"class_name": "Mean", "config": {}, "module": "keras.src.ops.numpy",
          "registered_name": "Mean"}, []),
        ({"class_name": "function", "config": "relu", "module": "builtins",
          "registered_name": "function"}, []),
        ({"class_name": "Conv2D", "config": {"data_format": "channels_last"}}, []),
    ],
)  # fmt: skip
def test_what_runs_code_is_found_at_any_depth(entry: dict[str, Any], kinds: list[str]) -> None:
    for config in (
        entry,
        sequential(entry),
        sequential(dense("a", 1, activation=entry)),
        sequential({"class_name": "Bidirectional", "config": {"name": "w", "layer": entry}}),
        {"class_name": "X", "config": {"items": [[{"deep": [entry]}]]}},
    ):
        assert [use.kind for use in code.find(config)] == kinds


def feature_column(kind: str, **config: Any) -> dict[str, Any]:
    """A layer of Keras 2 over one column of a feature table."""
    column = {"class_name": kind, "config": config}
    columns = [{"class_name": "IndicatorColumn", "config": {"categorical_column": column}}]
    return {"class_name": "DenseFeatures", "config": {"name": "df", "feature_columns": columns}}


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (
            feature_column("VocabularyFileCategoricalColumn", key="x", vocabulary_file="/etc/x"),
            "VocabularyFileCategoricalColumn",
        ),
        (feature_column("EmbeddingColumn", ckpt_to_load_from="/etc/x"), "EmbeddingColumn"),
    ],
)
def test_feature_columns_that_name_files(layer, kind) -> None:
    (use,) = code.find(sequential(layer))
    assert (use.kind, use.layer) == (kind, "df")
    assert use.why == "reads any file of the server"


@pytest.mark.parametrize("module", ["keras.models", "tf_keras.src.models", "keras.applications"])
def test_functions_that_load_models_are_no_activations(module: str) -> None:
    function = {"module": module, "class_name": "function", "config": "load_model"}
    (use,) = code.find(sequential(dense("d", 1, activation=function)))
    assert (use.kind, use.why) == ("load_model", "loads and runs another model by its path")


def test_plain_feature_columns_and_nested_models_are_no_code() -> None:
    column = feature_column("VocabularyListCategoricalColumn", key="x", vocabulary_list=["a"])
    model = {"module": "keras.models", **sequential(column)}
    assert not code.find(sequential(model))
