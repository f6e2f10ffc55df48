"""Class names out of tables, constants, assets and packed files, and where there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inspector.analysis.class_names import MOST, class_names, read_class_names
from inspector.api import open_model
from inspector.errors import BadFeed, MissingFile
from tests.conftest import ROOT, data_path
from tests.passes.text import graph

NUMBERS = ["zero", "one", "two"]


def names(path: Path | str, count: int) -> tuple[list[str], str] | None:
    return class_names(open_model(path), count)


def test_the_vocabulary_of_an_estimator() -> None:
    expected = ["setosa", "virginica", "versicolor"]
    table = "lookup table dnn/head/predictions/class_string_lookup"
    assert names(ROOT / "sample_models/iris/saved_model", 3) == (expected, table)
    assert names(ROOT / "sample_models/iris/saved_model", 4) is None


@pytest.mark.parametrize("release", ["tf110", "tf115", "tf215", "tf221", "tf24"])
def test_tables_of_every_release(release: str) -> None:
    answer = names(ROOT / "tests/models" / release / "tables", 3)
    assert answer is not None
    assert answer[0] == NUMBERS
    assert answer[1].startswith("lookup table ")


def test_the_label_file_of_a_tflite_model_is_read_whole() -> None:
    path = data_path("models/public/coral_mobilenet_v1_0_25_128_quant/model.tflite")
    answer = names(path, 1001)
    assert answer is not None
    assert answer[1] == "label file imagenet_labels.txt"
    assert answer[0][0] == "background"
    assert answer[0][-1] == "toilet tissue, toilet paper, bathroom tissue"


def test_the_words_of_an_input_are_no_classes() -> None:
    # `shapes.txt` has two lines, and this classifier two classes: it lists values of a column.
    assert names(ROOT / "tests/models/tf115/estimator", 2) is None
    assert names(ROOT / "sample_models/reviews/saved_model", 40) is None


@pytest.mark.tensorflow
def test_an_asset_a_gathered_constant_and_keys_out_of_order(tmp_path: Path) -> None:
    import tensorflow as tf

    labels = tmp_path / "labels.txt"
    labels.write_text("cat\ndog\nbird\n")

    class Classifier(tf.Module):  # type: ignore[misc]
        def __init__(self, kind: str) -> None:
            self.kind = kind
            initializer: Any = None
            if kind == "file":
                initializer = tf.lookup.TextFileInitializer(
                    str(labels),
                    tf.int64,
                    tf.lookup.TextFileIndex.LINE_NUMBER,
                    tf.string,
                    tf.lookup.TextFileIndex.WHOLE_LINE,
                )
            elif kind == "keys":
                keys = tf.constant([2, 0, 1], tf.int64)
                initializer = tf.lookup.KeyValueTensorInitializer(
                    keys, tf.constant(["bird", "cat", "dog"])
                )
            if initializer is not None:
                self.table = tf.lookup.StaticHashTable(initializer, "?")

        @tf.function(input_signature=[tf.TensorSpec([None, 3], name="x")])
        def __call__(self, x: Any) -> Any:
            winner = tf.argmax(x, 1)
            if self.kind == "gather":
                label = tf.gather(["cat", "dog", "bird"], winner)
            else:
                label = self.table.lookup(winner)
            return {"scores": tf.nn.softmax(x), "label": label}

    for kind in ("file", "keys", "gather"):
        module = Classifier(kind)
        tf.saved_model.save(module, tmp_path / kind, module.__call__)
        answer = names(tmp_path / kind, 3)
        assert answer is not None, kind
        assert answer[0] == ["cat", "dog", "bird"]


def test_two_lists_of_one_length_are_none(tmp_path: Path) -> None:
    labels = 'l = Const(value=["cat", "dog"], dtype=string)'
    picked = "i = Placeholder(dtype=int64) ; p = Gather(l, i, Tparams=string, Tindices=int64)"
    (tmp_path / "one.pb").write_bytes(graph(f"{labels} ; {picked}").to_bytes())
    assert names(tmp_path / "one.pb", 2) == (["cat", "dog"], "constant l")
    other = 'm = Const(value=["one", "two"], dtype=string)'
    twice = f"{labels} ; {picked} ; {other} ; q = Gather(m, i, Tparams=string, Tindices=int64)"
    (tmp_path / "two.pb").write_bytes(graph(twice).to_bytes())
    assert names(tmp_path / "two.pb", 2) is None
    (tmp_path / "none.pb").write_bytes(graph(labels).to_bytes())
    assert names(tmp_path / "none.pb", 2) is None, "nothing is taken from it"


def test_a_file_of_names(tmp_path: Path) -> None:
    file = tmp_path / "labels.txt"
    file.write_bytes("\ufeffcat\r\n dog  house \n\nbird\n\n".encode())
    assert read_class_names(file) == ["cat", "dog house", "bird"]
    for data in (b"", b"one", b"\xff\xfe", b"x\n" * (MOST + 1)):
        file.write_bytes(data)
        with pytest.raises(BadFeed):
            read_class_names(file)
    with pytest.raises(MissingFile):
        read_class_names(tmp_path / "gone.txt")
