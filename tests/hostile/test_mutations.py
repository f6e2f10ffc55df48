"""Files of every format changed at random, and cut at every byte: an answer or one error.

``HYPOTHESIS_PROFILE=hostile`` tries five hundred times as much; `tests/hostile/fuzz.py` is
guided by coverage and finds what these do not.
"""

from __future__ import annotations

import gzip
import os
import random
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inspector.formats import open_model
from inspector.graph.protos import MetaGraphDef, SavedModel
from tests.formats.test_keras_misfits import DENSE, GOOD
from tests.hostile import graph_files, lite_files, model_files
from tests.hostile.battery import OK, outcome, outcomes
from tests.hostile.graph_files import good
from tests.hostile.mutating import _fields, mutate
from tests.keras_files import write_h5

EXAMPLES = 15_000 if os.environ.get("HYPOTHESIS_PROFILE") == "hostile" else 30


def _meta(folder: Path) -> bytes:
    made = SavedModel.FromString((folder / "saved" / "saved_model.pb").read_bytes())
    meta: MetaGraphDef = made.meta_graphs[0]
    return meta.SerializeToString(deterministic=True)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One good model of each format: the file to change, in a folder with what belongs to it."""
    base = tmp_path_factory.mktemp("samples")
    graph = good().SerializeToString(deterministic=True)
    model_files.saved(base / "saved")
    text = SavedModel.FromString((base / "saved" / "saved_model.pb").read_bytes())
    shutil.copytree(base / "saved", base / "saved_text")
    (base / "saved_text" / "saved_model.pb").unlink()
    (base / "saved_text" / "saved_model.pbtxt").write_text(text_format.MessageToString(text))
    model_files.bundle(base / "v2", name="model.ckpt")
    (base / "v2" / "model.ckpt.meta").write_bytes(_meta(base))
    model_files._v1(base / "v1", [2, 2], 4)
    files = {
        "graph": ("m.pb", graph),
        "graph_text": ("m.pbtxt", text_format.MessageToString(good()).encode()),
        "meta": ("m.meta", _meta(base)),
        "state": ("checkpoint", b'model_checkpoint_path: "model.ckpt"\n'),
        "pointer": ("p.pb", graph_files.LFS),
        "utf_16": ("m.pbtxt", text_format.MessageToString(good()).encode("utf-16")),
        "unknown": ("m.pb", b"\x78\x01" + graph + b"\x7b\x08\x01\x7c"),
        "tflite": ("m.tflite", lite_files.shaped()),
        "zip": ("m.zip", model_files.ARCHIVES["two_models"][1]()),
        "tar": ("m.tar", model_files._tar(("m.pb", graph))),
        "tgz": ("m.tgz", gzip.compress(model_files._tar(("m.pb", graph)), mtime=0)),
    }
    for name, (file, data) in files.items():
        (base / name).mkdir()
        (base / name / file).write_bytes(data)
    model_files.bundle(base / "state", name="model.ckpt")
    (base / "keras").mkdir()
    write_h5(base / "keras" / "m.h5", DENSE, GOOD)
    found = {name: base / name / file for name, (file, _) in files.items()}
    found |= {"saved": base / "saved" / "saved_model.pb"}
    found |= {"saved_text": base / "saved_text" / "saved_model.pbtxt"}
    found |= {"v2": base / "v2" / "model.ckpt.index", "v2_meta": base / "v2" / "model.ckpt.meta"}
    found |= {"keras": base / "keras" / "m.h5"}
    return found | {"v1": base / "v1" / "model.ckpt"}


NAMES = ("graph", "graph_text", "meta", "state", "zip", "tar", "tgz", "saved", "saved_text")
NAMES += ("v1", "v2", "v2_meta", "unknown", "tflite", "keras")
NOT_MODELS = ("pointer", "utf_16")
"""What is named and does not open."""

TEXTS = ("graph_text", "saved_text", "state")


@pytest.mark.parametrize("name", [*NAMES, *NOT_MODELS])
def test_changed_at_random(name: str, samples: dict[str, Path]) -> None:
    path = samples[name]
    whole = path.read_bytes()
    others = [item.read_bytes() for item in samples.values()]

    @settings(
        max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(st.integers(0, 1 << 32))
    def changed(seed: int) -> None:
        path.write_bytes(mutate(whole, random.Random(seed), others))
        for text in outcomes(path).values():
            assert str(path.parent) not in text
            assert len(text) < 4000

    try:
        changed()
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", NAMES)
def test_cut_at_every_byte(name: str, samples: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(samples[name].parent, tmp_path / "model")
    path = tmp_path / "model" / samples[name].name
    whole = path.read_bytes()
    assert name == "zip" or outcome(lambda: open_model(path)) == OK
    every = range(len(whole)) if len(whole) < 3000 else range(0, len(whole), 31)
    for length in every:
        path.write_bytes(whole[:length])
        told = outcome(lambda: open_model(path))
        # What ends between two fields of a message, or two entries of a text, is whole.
        whole_fields = _fields(whole[:length]) is not None
        assert told != OK or whole_fields or name in (*TEXTS, "tar", "tgz"), length
        assert str(tmp_path) not in told
