"""The names of classes that models have."""

from __future__ import annotations

from pathlib import Path

import pytest

import inspector
from inspector.analysis.class_names import class_names, read_class_names
from inspector.errors import InspectorError
from tests.conftest import ROOT, data_path
from tests.passes.text import graph

SAMPLES = ROOT / "sample_models"


def of(tmp_path: Path, text: str, classes: int) -> tuple[list[str], str] | None:
    path = tmp_path / "graph.pb"
    path.write_bytes(graph(text).to_bytes())
    return class_names(inspector.open_model(path), classes)


def test_a_lookup_table() -> None:
    model = inspector.open_model(SAMPLES / "iris/saved_model")
    assert class_names(model, 3) == (["setosa", "virginica", "versicolor"], "lookup table")
    assert class_names(model, 4) is None


def test_a_label_tensor(tmp_path: Path) -> None:
    labels = 'l = Const(value=["cat", "dog"], dtype=string)'
    assert of(tmp_path, labels, 2) == (["cat", "dog"], "label tensor")
    twice = f'{labels} ; m = Const(value=["one", "two"], dtype=string)'
    assert of(tmp_path, twice, 2) is None, "two lists: neither is sure"
    assert of(tmp_path, labels, 1) is None


def test_a_file_of_a_table() -> None:
    model = inspector.open_model(SAMPLES / "reviews/saved_model")
    (asset,) = {asset.path for asset in model.assets if asset.path}
    words = [line for line in asset.read_text(encoding="utf-8").splitlines() if line.strip()]
    names = class_names(model, len(words))
    assert names is not None
    assert names == ([word.strip() for word in words], "asset")


def test_metadata_of_a_tflite_file() -> None:
    path = data_path("models/public/coral_mobilenet_v1_0_25_128_quant/model.tflite")
    names = class_names(inspector.open_model(path), 1001)
    assert names is not None
    assert names[1] == "TFLite metadata"
    assert names[0][:2] == ["background", "tench, Tinca tinca"]
    assert names[0][-1] == "toilet tissue, toilet paper, bathroom tissue"


def test_a_text_file(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cat\n\n dog \n")
    assert read_class_names(tmp_path / "names.txt") == ["cat", "dog"]
    with pytest.raises(InspectorError, match="no text in UTF-8"):
        read_class_names(tmp_path / "none.txt")
