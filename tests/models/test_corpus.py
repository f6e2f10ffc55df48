"""The corpus: each file has the figures, freezes, and answers as the TensorFlow that made it.

manifest.json holds what that TensorFlow says, written by the make_*.py scripts. An entry with
``open_error``, ``freeze_error`` or ``predict_error`` fails there with exactly this sentence;
``expert`` are the outputs that a person would pick, the best one first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inspector
from inspector.analysis.outputs import of_graph
from inspector.errors import InspectorError
from inspector.graph.graph import node_name
from inspector.model.model import Model
from tests.models.checking import check_answers, check_graph, check_variables

HERE = Path(__file__).parent
MANIFEST: list[dict[str, Any]] = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
FORMATS = {
    "saved_model": "SavedModel",
    "graphdef": "GraphDef",
    "checkpoint": "Checkpoint",
    "meta_graph": "MetaGraphDef",
}
MAKERS = sorted(HERE.glob("make_tf*.py"))

each = pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["name"])


def test_the_manifest_tells_of_each_file() -> None:
    told = {entry["path"] for entry in MANIFEST}
    for maker in MAKERS:
        folder = HERE / maker.stem.removeprefix("make_")
        for path in folder.iterdir():
            assert f"{folder.name}/{path.name}" in told, path
    for entry in MANIFEST:
        assert entry["shows"]
        assert entry["made_by"].split(",")[0] in {maker.name for maker in MAKERS}


def test_all_together_they_are_small() -> None:
    files = [path for path in HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 8 * 2**20
    assert max(path.stat().st_size for path in files) < 2**20


def test_no_file_names_the_machine_it_was_made_on() -> None:
    for maker in MAKERS:
        for path in (HERE / maker.stem.removeprefix("make_")).rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                assert not any(word in data for word in (b"/home/", b"/work/", b"/root/")), path


def opened(entry: dict[str, Any], tags: list[str] | None = None) -> Model:
    return inspector.open_model(HERE / entry["path"], tags)


def refused(entry: dict[str, Any], step: str, call: Callable[[], Any]) -> bool:
    """True where the manifest says that this step fails, and it fails so."""
    if f"{step}_error" not in entry:
        return False
    with pytest.raises(InspectorError) as caught:
        call()
    assert str(caught.value) == entry[f"{step}_error"]
    return True


@each
def test_the_figures_are_tensorflows(entry: dict[str, Any]) -> None:
    if refused(entry, "open", lambda: opened(entry)):
        return
    facts = inspector.describe(opened(entry)).to_dict()
    assert facts["format"] == FORMATS[entry["kind"]]
    graphs = entry.get("graphs", [])
    if entry["kind"] == "saved_model":
        assert facts["tag_sets"] == [graph["tags"] for graph in graphs]
    for graph in graphs:
        check_graph(inspector.describe(opened(entry, graph.get("tags"))).to_dict(), graph)
    if "variables" in entry:
        check_variables(facts, entry["variables"])
    assert facts["warnings"] == entry.get("warnings", [])


@each
def test_the_experts_outputs_are_suggested(entry: dict[str, Any]) -> None:
    if "expert" not in entry:
        pytest.skip("no expert said anything")
    found = [item.name for item in of_graph(opened(entry).outline)]
    assert found[0] == entry["expert"][0]
    assert {*entry["expert"]} <= {*found[:3]}


@each
@pytest.mark.tensorflow
def test_it_answers_as_recorded_before_and_after_freezing(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    from inspector.backend.predict import predict

    if "freeze_error" in entry:
        refused(entry, "freeze", lambda: inspector.freeze(opened(entry), entry["expert"]))
    for run in entry.get("runs", []):
        model, key = opened(entry, run.get("tags")), run["signature"]
        given, answers = (
            {name: array(value) for name, value in run[side].items()}
            for side in ("feeds", "answers")
        )
        fetches = None if key else list(answers)
        call = partial(predict, model, given, fetches, signature=key)
        if not refused(entry, "predict", call):
            check_answers(call().outputs, answers)
        if "freeze_error" in entry:
            continue
        frozen = inspector.freeze(model, fetches, signature=key)
        assert not frozen.notes or "stays a variable" not in " ".join(frozen.notes)
        (signature,) = frozen.signatures.values()
        if frozen.assets:  # tables are filled from files where these lie beside the graph
            inspector.save(frozen, tmp_path / "frozen", force=True)
            frozen = inspector.open_model(tmp_path / "frozen")
        left = {n: v for n, v in given.items() if _is_left(n, frozen, signature)}
        call = partial(predict, frozen, left, fetches, signature=key)
        if not refused(entry, "predict_frozen", call):
            check_answers(call().outputs, answers)


def _is_left(name: str, frozen: Model, signature: Any) -> bool:
    return name.partition("/")[0] in signature.inputs or node_name(name) in frozen.graph


def array(told: dict[str, Any]) -> Any:
    """An array of the manifest."""
    values = told["values"]
    if told["dtype"] == "string":
        made = np.empty(len(values), object)
        made[:] = [text.encode("latin-1") for text in values]
        return made.reshape(told["shape"])
    if told["dtype"].startswith("complex"):
        values = [complex(*pair) for pair in values]
    return np.array(values, told["dtype"]).reshape(told["shape"])


@pytest.mark.tensorflow
def test_a_frozen_model_with_tables_is_run_by_the_key_it_has() -> None:
    entry = next(item for item in MANIFEST if item["name"] == "tf115/estimator")
    run = next(run for run in entry["runs"] if run["signature"] == "predict")
    frozen = inspector.freeze(opened(entry), signature="predict")
    given = {name: array(value) for name, value in run["feeds"].items()}
    found = inspector.predict(frozen, given, signature="predict")
    check_answers(found.outputs, {name: array(value) for name, value in run["answers"].items()})
