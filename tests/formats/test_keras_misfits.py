"""Weights of Keras files that do not fit the config, and layers that Keras does not have."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.formats import open_model
from tests.keras_files import dense, sequential, write_h5, write_keras

DENSE = sequential(dense("a", 2, batch_input_shape=[None, 3]), dense("b", 4))
GOOD = {
    "a": {"a/kernel:0": np.ones((3, 2), "f"), "a/bias:0": np.ones(2, "f")},
    "b": {"b/kernel:0": np.ones((2, 4), "f"), "b/bias:0": np.ones(4, "f")},
}


def warnings(path: Path) -> list[str]:
    return describe(open_model(path)).warnings


def changed(**layers: Any) -> dict[str, Any]:
    return {**GOOD, **layers}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "a weight is missing": (
        changed(b={"b/kernel:0": np.ones((2, 4), "f")}),
        "The layer 'b' (Dense) has weights of the shapes [2, 4], and by its config it needs kernel "
        "[2, 4], bias [4].",
    ),
    "all of a layer's are missing": (
        {"a": GOOD["a"]},
        "The layer 'b' (Dense) has no weights in the file, and by its config it needs kernel "
        "[2, 4], bias [4].",
    ),
    "another shape": (
        changed(b={"b/kernel:0": np.ones((5, 4), "f"), "b/bias:0": np.ones(4, "f")}),
        "The layer 'b' (Dense) has weights of the shapes [5, 4], [4], and by its config it needs "
        "kernel [2, 4], bias [4].",
    ),
    "one too many": (
        changed(b={**GOOD["b"], "b/more:0": np.ones(1, "f")}),
        "The layer 'b' (Dense) has weights of the shapes [2, 4], [4], [1], and by its config it "
        "needs kernel [2, 4], bias [4].",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_weights_that_do_not_fit_are_told_by_layer(tmp_path: Path, case: str) -> None:
    weights, told = CASES[case]
    assert warnings(write_h5(tmp_path / "m.h5", DENSE, weights)) == [told]


def test_weights_that_fit_are_no_warning(tmp_path: Path) -> None:
    assert warnings(write_h5(tmp_path / "m.h5", DENSE, GOOD)) == []


def test_weights_of_a_layer_that_is_not_there_are_told_with_what_is_missing(tmp_path: Path) -> None:
    weights = {"a": GOOD["a"], "dense_9": {"dense_9/kernel:0": np.ones((2, 4), "f")}}
    first, second = warnings(write_h5(tmp_path / "m.h5", DENSE, weights))
    assert first.startswith("The layer 'b' (Dense) has no weights in the file")
    assert second == "The weight 'dense_9/kernel' belongs to no layer of the config."


def test_many_layers_are_counted(tmp_path: Path) -> None:
    layers = [dense(f"d{number}", 2, batch_input_shape=[None, 2]) for number in range(9)]
    found = warnings(write_h5(tmp_path / "m.h5", sequential(*layers), {"d0": {}}))
    assert len(found) == 6
    assert found[-1] == "The same holds for 4 more layers."


def test_a_class_that_keras_does_not_have_is_told(tmp_path: Path) -> None:
    mine = {"class_name": "Mine", "config": {"name": "m", "batch_input_shape": [None, 3]}}
    (told,) = warnings(write_h5(tmp_path / "m.h5", sequential(mine), {}))
    assert told.startswith("The layer 'm' is of the class 'Mine', which is none of Keras' own")


def test_a_keras_file_of_version_3(tmp_path: Path) -> None:
    path = write_keras(tmp_path / "m.keras", DENSE)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), "f")
        file["layers/dense/vars/1"] = np.ones(2, "f")
        file["layers/dense_1/vars/0"] = np.ones((4, 2), "f")
    with zipfile.ZipFile(path, "a") as archive:
        archive.write(tmp_path / "w.h5", "model.weights.h5")
    assert warnings(path) == [
        "The layer 'b' (Dense) has weights of the shapes [4, 2], and by its config it needs kernel "
        "[2, 4], bias [4]."
    ]
