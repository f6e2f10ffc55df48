"""``inspector predict`` with pictures, JSON, templates, class names and CSV."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inspector.analysis.class_names import every
from inspector.api import open_model
from tests.cli.test_cli import fails, run
from tests.conftest import ROOT, data_path

IRIS = ROOT / "sample_models/iris/saved_model"
SHAPES = ROOT / "sample_models/shapes/saved_model"
MOBILENET = data_path("models/public/coral_mobilenet_v1_0_25_128_quant/model.tflite")
FLOWER = {"sepal_length": [5.1], "sepal_width": [3.3], "petal_length": [1.7], "petal_width": [0.5]}


def picture(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.mark.tensorflow
def test_a_picture_gives_what_its_pixels_give(tmp_path: Path) -> None:
    with np.load(ROOT / "sample_models/shapes/shapes.npz") as rows:
        image = np.rint(rows["image"][:1])
    file = picture(tmp_path / "shape.png", image[0, ..., 0])
    np.savez(tmp_path / "pixels.npz", image=image)
    seen = run("predict", SHAPES, "--feeds", file, "--picture-scale", "raw", "--json").json
    expected = run("predict", SHAPES, "--feeds", tmp_path / "pixels.npz", "--json").json
    assert seen["outputs"]["probabilities"] == expected["outputs"]["probabilities"]
    scaled = run("predict", SHAPES, "--feeds", file, "--json").json["outputs"]["probabilities"]
    assert scaled != expected["outputs"]["probabilities"]


def test_a_picture_for_a_tflite_model_and_the_name_of_its_class(tmp_path: Path) -> None:
    file = picture(tmp_path / "plain.jpg", np.full((90, 120, 3), 255))
    answer = run("predict", MOBILENET, "--feeds", file, "--picture-fit", "crop", "--json").json
    (scores,) = answer["outputs"].values()
    assert scores["shape"] == [1, 1001]
    labels = every(open_model(MOBILENET))[0].names
    assert list(answer["top_1"].values()) == [[labels[int(np.argmax(scores["values"][0]))]]]


def test_a_picture_that_is_none_and_a_model_that_takes_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    assert "broken.png: picture: is no PNG or JPEG" in fails("predict", SHAPES, "--feeds", broken)
    assert "no input takes pictures" in fails("predict", IRIS, "--feeds", broken)
    assert "gone.jpg" in fails("predict", SHAPES, "--feeds", tmp_path / "gone.jpg")
    small = picture(tmp_path / "small.png", np.zeros((8, 8)))
    flags = ["--feeds", small, "--picture-scale", "caffe"]
    assert "the scale of pixels" in fails("predict", SHAPES, *flags)


@pytest.mark.tensorflow
def test_json_class_names_and_csv(tmp_path: Path) -> None:
    (tmp_path / "flower.json").write_text(json.dumps(FLOWER))
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    flags = ["--feeds", tmp_path / "flower.json"]
    answer = run("predict", IRIS, *flags, "--json").json
    assert answer["top_1"] == {"probabilities": ["setosa"]}
    assert "top-1: setosa" in run("predict", IRIS, *flags).out
    named = run("predict", IRIS, *flags, "--class-names", tmp_path / "names.txt", "--json").json
    assert named["top_1"] == {"probabilities": ["a"]}
    run("predict", IRIS, *flags, "-o", tmp_path / "answers.csv")
    with (tmp_path / "answers.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["classes.0"] == "setosa"
    shown = answer["outputs"]["probabilities"]["values"][0]
    np.testing.assert_allclose([float(row[f"probabilities.{i}"]) for i in range(3)], shown)
    (tmp_path / "list.json").write_text("[1, 2]")
    assert "is no object of lists by key" in fails(
        "predict", IRIS, "--feeds", tmp_path / "list.json"
    )


@pytest.mark.tensorflow
@pytest.mark.parametrize("suffix", ["npz", "csv"])
def test_a_template_can_be_fed_as_it_is(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"template.{suffix}"
    assert run("predict", IRIS, "--template", file).out == ""
    outputs = run("predict", IRIS, "--feeds", file, "--json").json["outputs"]
    assert outputs["logits"]["shape"] == [1, 3]
    assert "is there already" in fails("predict", IRIS, "--template", file)


def test_templates_that_cannot_be_written(tmp_path: Path) -> None:
    assert "no columns; give .npz" in fails("predict", SHAPES, "--template", tmp_path / "t.csv")
    assert "give .npz or .csv" in fails("predict", SHAPES, "--template", tmp_path / "t.txt")
    assert not list(tmp_path.iterdir())
