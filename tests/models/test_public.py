"""Models of public repositories and of the seeds: opened, frozen and run as the real tools do it.

The figures and answers were recorded with TensorFlow, see tests/data/models. What cannot be done
stands in exceptions.json with the sentence that a user gets and the reason; docs/models.md shows
the same table.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import inspector
from inspector.errors import InspectorError, UnsupportedModel
from inspector.formats import table
from inspector.graph.graph import node_name
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation import feeds
from tests.conftest import ROOT, data_path
from tests.models import public
from tests.models.checking import check_answers, check_graph, check_variables
from tests.models.public import Case, Run

EXCEPTIONS = json.loads((Path(__file__).parent / "exceptions.json").read_text(encoding="utf-8"))
ERRORS = {(row["model"], step): row["error"] for row in EXCEPTIONS for step in row["steps"]}
CASES = public.cases()
FORMATS = {
    "saved_model": "SavedModel",
    "graphdef": "GraphDef",
    "checkpoint": "Checkpoint",
    "meta_graph": "MetaGraphDef",
    "tflite": "TFLite",
}

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def test_the_models_are_there() -> None:
    data_path("models/public")
    assert len(CASES) >= 56
    assert {case.kind for case in CASES} >= set(FORMATS)
    assert {item["model"] for item in EXCEPTIONS} <= {case.name for case in CASES}


def test_the_docs_show_the_table_of_exceptions() -> None:
    page = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [
        f"| `{row['model']}` | {', '.join(row['steps'])} | {row['error']} | {row['why']} |"
        for row in EXCEPTIONS
    ]


def opened(case: Case, tags: list[str] | None = None) -> Model:
    if FORMATS[case.kind] not in table.BY_NAME:
        pytest.skip(f"{FORMATS[case.kind]} is not read")
    return inspector.open_model(case.path, tags)


def refused(case: Case, step: str, call: Callable[[], Any]) -> bool:
    """True where the table has this step, and the call ends with the sentence in the table."""
    if (case.name, step) not in ERRORS:
        return False
    with pytest.raises(InspectorError) as caught:
        call()
    assert str(caught.value) == ERRORS[case.name, step]
    return True


@each
def test_the_figures_are_those_of_the_real_tools(case: Case) -> None:
    if refused(case, "open", lambda: opened(case)):
        return
    facts = inspector.describe(opened(case)).to_dict()
    assert facts["format"] == FORMATS[case.kind]
    if case.kind == "saved_model":
        assert facts["tag_sets"] == [graph["tags"] for graph in case.graphs]
    for graph in case.graphs:
        check_graph(inspector.describe(opened(case, graph.get("tags"))).to_dict(), graph)
    if case.variables is not None:
        check_variables(facts, case.variables)
    if case.files:
        assert facts["bytes"] == _bytes(case)


def _bytes(case: Case) -> dict[str, int]:
    """Bytes of the parts, from the files' own sizes."""
    sizes = {"graph": 0, "variables": 0, "assets": 0}
    for name, size in case.files.items():
        parts = Path(name).parts
        if "assets.extra" in parts:
            continue
        if "variables" in parts or ".index" in name or ".data-" in name:
            sizes["variables"] += size
        elif "assets" in parts:
            sizes["assets"] += size
        elif Path(name).suffix in (".pb", ".meta", ".tflite") and "metadata" not in name:
            sizes["graph"] += size if Path(name).name != "fingerprint.pb" else 0
    return {**sizes, "total": sum(sizes.values())}


def outputs(case: Case, model: Model, run: Run | None) -> list[str] | None:
    """What to fetch: None where a signature says it."""
    if run is not None and run.signature:
        return None
    if run is not None and run.answers:
        return list(run.answers)
    if model.signatures:
        return None
    return [inspector.describe(model).suggested_outputs[0].name]


@each
def test_it_freezes(case: Case) -> None:
    if (case.name, "open") in ERRORS:
        pytest.skip("cannot be opened")
    model = opened(case)
    if case.kind == "tflite":
        with pytest.raises(UnsupportedModel, match="frozen already"):
            inspector.freeze(model)
        return
    wanted = outputs(case, model, None)
    if refused(case, "freeze", lambda: inspector.freeze(model, wanted)):
        return
    frozen = inspector.freeze(model, wanted)
    facts = inspector.describe(frozen).to_dict()
    assert facts["variables"] == 0
    assert not [op for op in facts["op_counts"] if op.endswith("PartitionedCall")]
    told = case.expected.get("frozen_by_tf")
    if told:
        frozen = inspector.freeze(model, told["outputs"])
        assert inspector.describe(frozen).to_dict()["op_counts"] == told["ops"]


@each
@pytest.mark.tensorflow
def test_it_answers_as_recorded_before_and_after_freezing(case: Case) -> None:
    if (case.name, "open") in ERRORS:
        pytest.skip("cannot be opened")
    tags = next((run.tags for run in case.runs if run.tags), None)
    model = opened(case, tags)
    for run in case.runs or [_at_random(case, model)]:
        wanted = outputs(case, model, run)
        _check_run(case, "predict", model, run, wanted)
        if case.kind != "tflite" and (case.name, "freeze") not in ERRORS:
            frozen = inspector.freeze(model, wanted, signature=run.signature)
            _check_run(case, "predict frozen", frozen, run, wanted)


def _check_run(case: Case, step: str, model: Model, run: Run, wanted: list[str] | None) -> None:
    given = _needed(run.feeds, model) if model.format == "GraphDef" else run.feeds
    call = partial(inspector.predict, model, given, wanted, run.signature)
    if not refused(case, step, call):
        check_answers(call().outputs, run.answers)


def _needed(given: dict[str, Any], model: Model) -> dict[str, Any]:
    """The feeds that a model still has after it was frozen."""
    keys = {key for signature in model.signatures.values() for key in signature.inputs}
    return {k: v for k, v in given.items() if k in keys or node_name(k) in model.graph}


def _at_random(case: Case, model: Model) -> Run:
    """A run without recorded answers."""
    facts = inspector.describe(model).to_dict()
    key = signatures.choose(model.signatures, None)
    if key is not None:
        slots = feeds.signature_slots(facts["signatures"][key]["inputs"])
        return Run(key, feeds.random_feeds(slots, batch=2), {})
    answers = outputs(case, model, None) or []
    needed = model.graph.ancestors(map(node_name, answers))
    slots = feeds.placeholder_slots(row for row in facts["placeholders"] if row["name"] in needed)
    return Run(None, feeds.random_feeds(slots, batch=2), {})
