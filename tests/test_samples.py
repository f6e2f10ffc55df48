"""Each sample model has the manifest's figures, freezes, does what its `try` says, and predicts."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.graph.graph import tensor_name
from inspector.measurement import agreement
from inspector.optimisation import feeds
from tests.conftest import ROOT

SAMPLES = ROOT / "sample_models"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))["samples"]
each = pytest.mark.parametrize("sample", MANIFEST, ids=lambda sample: sample["id"])


def model_of(sample):
    return inspector.open_model(SAMPLES / sample["path"])


def feeds_of(sample):
    path = SAMPLES / sample["feeds"]
    if path.suffix == ".npz":
        return feeds.from_npz(path)
    slots = feeds.signature_slots(sample["expected"]["inputs"])
    return feeds.from_csv(path.read_text(encoding="utf-8"), slots)


def test_the_manifest_is_complete():
    assert {sample["id"] for sample in MANIFEST} >= {"iris", "shapes", "bikes"}
    folders = {
        path.name for path in SAMPLES.iterdir() if path.is_dir() and path.name[0] not in "._"
    }
    assert {Path(sample["path"]).parts[0] for sample in MANIFEST} == folders
    for sample in MANIFEST:
        assert sample["title"]
        assert sample["shows"].endswith(".")
        assert sample["licence"]


def test_all_together_they_are_small():
    size = sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file())
    assert size < 6 * 2**20


def test_no_sample_names_the_machine_it_was_made_on():
    for sample in MANIFEST:
        data = (SAMPLES / sample["path"] / "saved_model.pb").read_bytes()
        assert b"/home/" not in data
        assert b"sample_models/" not in data


@pytest.mark.parametrize("script", sorted(SAMPLES.glob("make_*.py")), ids=lambda path: path.stem)
def test_the_scripts_say_how_to_run_them(script):
    doc = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))
    assert f"sample_models/{script.name}" in doc


@each
def test_it_has_the_figures_of_the_manifest(sample):
    facts = inspector.describe(model_of(sample)).to_dict()
    expected = sample["expected"]
    assert facts["format"] == sample["format"]
    assert facts["bytes"]["total"] == pytest.approx(sample["bytes"], abs=200)  # fingerprint.pb
    for key in ("tag_sets", "producer", "nodes", "functions", "constants", "variables"):
        assert facts[key] == expected[key], key
    for key in ("identities", "op_counts", "function_op_counts"):
        assert facts[key] == expected[key], key
    assert [row["name"] for row in facts["placeholders"]] == expected["placeholders"]
    signature = facts["signatures"][sample["signature"]]
    assert signature["inputs"] == expected["inputs"]
    assert signature["outputs"] == expected["outputs"]
    assert facts["suggested_outputs"][0]["name"] == sample["suggested_output"]


@each
def test_it_freezes(sample):
    model = model_of(sample)
    frozen = inspector.freeze(model, signature=sample["signature"])
    counts = inspector.describe(frozen).to_dict()["op_counts"]
    assert not [op for op in counts if "Variable" in op or op.endswith("PartitionedCall")]
    (signature,) = frozen.signatures.values()
    assert set(signature.outputs) == set(sample["expected"]["outputs"])
    assert set(signature.inputs) == set(sample["expected"]["inputs"])
    tried = inspector.freeze(model, outputs=sample["try"]["outputs"])
    assert len(tried.graph) == sample["try"].get("frozen_nodes", len(tried.graph))


@each
@pytest.mark.tensorflow
def test_it_does_what_its_try_says(sample, tmp_path):
    model, wanted = model_of(sample), sample["try"]
    done = inspector.optimise(model, outputs=wanted["outputs"], transforms=wanted["transforms"])
    assert not [step.error for step in done.steps if step.error]
    left = {node.op for node in done.model.graph}
    assert not left & set(wanted["gone"])
    assert len(done.model.graph) == wanted.get("nodes", len(done.model.graph))
    assert len(done.model.graph) < len(done.frozen.graph) or sample["id"] in ("reviews", "forecast")

    values = feeds_of(sample)
    names = [tensor_name(name) for name in wanted["outputs"]]
    keys = [key for key, info in sample["expected"]["outputs"].items() if info["name"] in names]
    assert keys
    before = inspector.predict(model, values, signature=sample["signature"])
    frozen = inspector.predict(done.frozen, values)
    after = inspector.predict(done.model, values)
    inspector.save(done.model, tmp_path / "small")
    saved = inspector.predict(inspector.open_model(tmp_path / "small"), values)
    for key in keys:
        assert np.isfinite(before[key]).all()
        alone = agreement.compare_arrays(before[key], frozen[key])
        assert alone.max_abs is not None
        assert alone.max_abs <= 1e-6
        found = agreement.compare_arrays(before[key], after[key])
        assert found.max_abs is not None
        assert found.max_abs <= wanted["max_abs"]
        np.testing.assert_array_equal(saved[key], after[key])


def test_the_shapes_are_told_apart():
    sample = next(item for item in MANIFEST if item["id"] == "shapes")
    labels = (SAMPLES / "shapes" / "labels.csv").read_text().split()
    names = ("circle", "square", "triangle", "cross", "ring", "stripes")
    run = inspector.predict(model_of(sample), feeds_of(sample))
    right = [
        names[i] == label for i, label in zip(run["probabilities"].argmax(1), labels, strict=True)
    ]
    assert np.mean(right) > 0.9
