"""What a prediction says of classes, its files to download, and pictures that a job decodes."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inspector.errors import BadFeed
from inspector.jobs.client.default_runner import default_runner
from inspector.optimisation.feed_source import picture_blob
from tests.conftest import ROOT, data_path

IRIS = str(ROOT / "sample_models/iris/saved_model")
SHAPES = str(ROOT / "sample_models/shapes/saved_model")
MOBILENET = data_path("models/public/coral_mobilenet_v1_0_25_128_quant/model.tflite")
SOFTMAX = "dnn/head/predictions/probabilities"
PIXELS = {"names": ["x.png"], "fit": "stretch", "scale": None}


def asked(kind: str, path: str, blobs: dict[str, bytes] | None = None, **args: Any) -> Any:
    arguments = {"path": path, "tag_set": None, "outputs": [], "runs": 1, **args}
    return default_runner().run(kind, arguments, blobs=blobs)


def png(pixels: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.tensorflow
def test_classes_of_a_table_and_the_files() -> None:
    flower = {"sepal_length": "5.1", "sepal_width": "3.3", "petal_length": "[1.7]"}
    spec = {"kind": "typed", "values": {**flower, "petal_width": "0.5"}}
    answer = asked("predict", IRIS, outputs=[SOFTMAX], feeds=spec, files=True)
    named = answer.value["classes"][SOFTMAX]
    assert named["names"] == ["setosa", "virginica", "versicolor"]
    assert named["share"] is True
    head = answer.value["outputs"][SOFTMAX]["heads"]["as opened"][0]
    (row,) = answer.value["outputs"][SOFTMAX]["top"]["as opened"]
    assert row == sorted(([at, share] for at, share in enumerate(head)), key=lambda p: -p[1])
    (line,) = csv.DictReader(io.StringIO(answer.blobs["csv"].decode()))
    assert float(line[f"{SOFTMAX}.setosa"]) == pytest.approx(head[0])
    with np.load(io.BytesIO(answer.blobs["npz"])) as arrays:
        np.testing.assert_allclose(arrays[SOFTMAX], [head])
    unasked = asked("predict", IRIS, outputs=[SOFTMAX], feeds=spec)
    assert (
        unasked.blobs["npz"] == asked("predict", IRIS, outputs=[SOFTMAX], feeds=spec).blobs["npz"]
    )
    assert unasked.blobs == {"npz": b"", "csv": b""}


def test_a_picture_and_the_labels_of_a_quantised_tflite_model() -> None:
    spec = {"kind": "typed", "values": {}, "pictures": {"input": PIXELS}}
    picture = png(np.arange(128 * 128 * 3).reshape(128, 128, 3) % 251)
    answer = asked("predict_lite", str(MOBILENET), {picture_blob(0, 0): picture}, feeds=spec)
    ((key, output),) = answer.value["outputs"].items()
    named = answer.value["classes"][key]
    assert len(named["names"]) == 1001
    assert named["share"] is True
    shares = [share for _, share in output["top"]["as opened"][0]]
    assert shares == sorted(shares, reverse=True)
    assert 0 < shares[0] <= 1


@pytest.mark.tensorflow
def test_a_picture_for_a_savedmodel_and_one_that_is_broken() -> None:
    spec = {"kind": "typed", "values": {}, "pictures": {"image": {**PIXELS, "scale": "raw"}}}
    with np.load(ROOT / "sample_models/shapes/shapes.npz") as rows:
        image = np.rint(rows["image"][0, ..., 0])
    blobs = {picture_blob(0, 0): png(image)}
    seen = asked("predict", SHAPES, blobs, outputs=["probabilities"], feeds=spec)
    typed = {"kind": "typed", "values": {"image": str(image[None, ..., None].tolist())}}
    expected = asked("predict", SHAPES, outputs=["probabilities"], feeds=typed)
    heads = [a.value["outputs"]["probabilities"]["heads"] for a in (seen, expected)]
    assert heads[0] == heads[1]
    assert expected.value["classes"]["probabilities"]["names"] == []
    with pytest.raises(BadFeed, match="is no PNG or JPEG"):
        asked("predict", SHAPES, {picture_blob(0, 0): b"no"}, outputs=[], feeds=spec)
