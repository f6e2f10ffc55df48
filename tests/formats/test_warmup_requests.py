"""Requests that TensorFlow Serving runs first, as example data of a SavedModel."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import tensorflow as tf

import inspector
from inspector.errors import BadFeed, CorruptModel
from inspector.formats import warmup_requests
from inspector.formats.tflite.lite_model import lite_model
from tests.conftest import ROOT

pytestmark = pytest.mark.tensorflow


def field(number: int, value: bytes) -> bytes:
    """A field of bytes as protobuf writes it."""
    size, length = len(value), b""
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def log(signature: str, **inputs: Any) -> bytes:
    """A PredictionLog."""
    request = field(1, field(3, signature.encode())) if signature else b""
    for key, value in inputs.items():
        proto = tf.make_tensor_proto(value).SerializeToString()
        request += field(2, field(1, key.encode()) + field(2, proto))
    return field(6, field(1, request))


def write(folder: Path, *logs: bytes) -> Path:
    path = folder / warmup_requests.PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for item in logs:
            writer.write(item)
    return path


def test_the_rows_of_all_requests_for_a_signature(tmp_path: Path) -> None:
    first, second = np.ones((2, 3), np.float32), np.zeros((1, 3), np.float32)
    write(tmp_path, log("serve", x=first), log("other", x=first), log("serve", x=second))
    rows = warmup_requests.rows(tmp_path, "serve")
    assert rows is not None
    np.testing.assert_array_equal(rows["x"], np.concatenate([first, second]))
    assert warmup_requests.rows(tmp_path, "none") is None
    write(tmp_path, log("", x=first))
    rows = warmup_requests.rows(tmp_path, "serving_default")
    assert rows is not None
    assert rows.keys() == {"x"}


def test_requests_that_do_not_fit_each_other_are_no_rows(tmp_path: Path) -> None:
    write(tmp_path, log("s", x=np.ones((1, 3))), log("s", x=np.ones((1, 4))))
    assert warmup_requests.rows(tmp_path, "s") is None
    write(tmp_path, log("s", x=np.float32(1)))
    assert warmup_requests.rows(tmp_path, "s") is None
    assert warmup_requests.rows(tmp_path / "nowhere", "s") is None


def test_damage_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, log("s", x=np.ones((4, 3))))
    data = path.read_bytes()
    for changed in (data[:-1], data[:6], data[:20] + b"\0" + data[21:], b"\0" + data[1:]):
        path.write_bytes(changed)
        with pytest.raises(CorruptModel, match="tf_serving_warmup_requests"):
            warmup_requests.rows(tmp_path, "s")
    write(tmp_path, b"\xff" * 12)
    with pytest.raises(CorruptModel, match="is no PredictionLog"):
        warmup_requests.rows(tmp_path, "s")


def test_a_link_out_of_the_model_is_not_followed(tmp_path: Path) -> None:
    outside = write(tmp_path / "elsewhere", log("s", x=np.ones((1, 3))))
    link = tmp_path / "model" / warmup_requests.PLACE
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    assert warmup_requests.rows(tmp_path / "model", "s") is None


def test_ranges_are_measured_on_them(tmp_path: Path) -> None:
    folder = tmp_path / "shapes"
    shutil.copytree(ROOT / "sample_models" / "shapes" / "saved_model", folder)
    images = np.load(ROOT / "sample_models" / "shapes" / "shapes.npz")["image"]
    model = inspector.open_model(folder)
    with pytest.raises(BadFeed, match="samples: missing"):
        inspector.convert(model, quantise="int8")
    write(folder, log("serving_default", image=images[:40]), log("", image=images[40:]))
    result = lite_model(inspector.convert(model, quantise="int8"))
    report = result.quantisation
    assert report is not None
    assert (report.rows, report.rows_from) == (60, "samples")
    assert report.outputs["probabilities"].argmax_equal == 1.0
    assert any("own requests" in note for note in result.notes)
