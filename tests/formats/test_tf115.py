"""What is written loads in TensorFlow 1.15 too, and answers the same.

Runs where the environment names an interpreter that has it: INSPECTOR_TF115_PYTHON.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from inspector.formats import open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.model.model import Model
from tests import tf_models
from tests.conftest import data_path

VARIABLE = "INSPECTOR_TF115_PYTHON"
PYTHON = os.environ.get(VARIABLE, "")

pytestmark = [
    pytest.mark.skipif(not PYTHON, reason=f"needs {VARIABLE}: a Python with TensorFlow 1.15"),
    pytest.mark.slow,
]

LOAD = """
import sys
import numpy as np
import tensorflow as tf
folder, feeds, out = sys.argv[1:]
feeds = np.load(feeds, allow_pickle=False)
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    (signature,) = [s for k, s in meta.signature_def.items() if not k.startswith("__")]
    fed = {signature.inputs[key].name: feeds[key] for key in feeds.files}
    names = {key: info.name for key, info in signature.outputs.items()}
    values = session.run(names, fed)
np.savez(out, **{k: v.astype("S") if v.dtype == object else v for k, v in values.items()})
"""


def run(folder: Path, feeds: dict[str, np.ndarray], scratch: Path) -> dict[str, np.ndarray]:
    np.savez(
        scratch / "feeds.npz",
        **{key: v.astype("S") if v.dtype == object else v for key, v in feeds.items()},
    )
    command = [PYTHON, "-W", "ignore", "-c", LOAD]
    command += [str(folder), str(scratch / "feeds.npz"), str(scratch / "out.npz")]
    environment = {"PATH": "/usr/bin:/bin", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(scratch / "out.npz") as found:
        return dict(found)


def written(model: Model, folder: Path) -> Path:
    saved_model_writer.write(model, folder)
    return folder


def test_iris_frozen(tmp_path: Path) -> None:
    model = open_model(data_path("models/seed/iris/saved_model"))
    with np.load(data_path("models/seed/iris/io.npz")) as data:
        feeds = {key[7:]: data[key] for key in data if key.startswith("inputs/")}
        expected = {key[20:]: data[key] for key in data if key.startswith("saved_model/predict/")}
    found = run(written(freeze(model), tmp_path / "all"), feeds, tmp_path)
    assert sorted(found) == sorted(expected)
    for key, value in expected.items():
        if value.dtype.kind == "f":
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6)
        else:
            assert found[key].astype(value.dtype).tolist() == value.tolist()
    outputs = ["dnn/head/predictions/probabilities"]
    one = run(written(freeze(model, outputs), tmp_path / "one"), feeds, tmp_path)
    np.testing.assert_allclose(
        one["probabilities"], expected["probabilities"], rtol=1e-5, atol=1e-6
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "name",
    [
        "tf2_dense",
        "tf2_control_flow",
        "tf2_nested_loops",
        "tf2_nested_calls",
        "tf2_static_table",
        "tf2_asset_table",
        "tf2_counter",
        "tf2_keras3",
    ],
)
def test_tensorflow_2_models_frozen(name: str, tmp_path: Path) -> None:
    feeds = tf_models.BUILDERS[name](tmp_path / name)
    expected = tf_models.run_original(tmp_path / name, feeds)
    frozen = freeze(open_model(tmp_path / name))
    found = run(written(frozen, tmp_path / "out"), feeds, tmp_path)
    assert sorted(found) == sorted(expected)
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-6, atol=1e-6)
