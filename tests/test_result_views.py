"""Every public result is one short line in a log and escaped text in a notebook."""

from __future__ import annotations

import html
import inspect
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inspector
from inspector.analysis.tensor_errors import TensorError
from inspector.formats.tflite.quantisation_report import LayerSensitivity, QuantisedOutput
from inspector.graph.protos import GraphDef
from inspector.jobs.tasks.side_types import ComparedSideJson
from inspector.jobs.tasks.sweeping.sweep_types import SweepAnswer
from inspector.measurement.json_types import OutputDifference
from inspector.measurement.paired_ratio import Judgement
from inspector.model.operation import Output
from inspector.searching.candidates import Candidate
from tests.json_schemas import checked

NAME = "<img src=x onerror=alert(1)>\x1b[2J\u202e" * 50
"""Of nodes, outputs and files: markup, a terminal's escape, a change of direction, and long."""
LONGEST_LINE = 300
NOT_SHOWN = {"InspectorError", "Model", "Setting"}
"""An error is its text, a Model has a picture (tests/test_api.py), settings are the operator's."""


def output_difference() -> OutputDifference:
    return {
        "grade": "small",
        "equal": False,
        "max_abs": 0.25,
        "mean_abs": 0.125,
        "max_rel": 0.5,
        "percentiles": {"99": 0.2},
        "argmax_equal": 0.75,
        "changed": 1,
        "changed_rows": [3],
        "worst_rows": [{"row": 3, "max_abs": 0.25}],
        "histogram": None,
        "non_finite": [0, 0],
        "is_whole": False,
        "why": "",
    }


def side() -> ComparedSideJson:
    return {
        "name": NAME,
        "grade": "small",
        "outputs": {NAME: output_difference()},
        "class_changes": {NAME: [{"row": 3, "a": NAME, "b": NAME}]},
        "missing": [NAME],
        "accuracy": None,
        "mean_error": None,
    }


def measured_results() -> list[Any]:
    """What runs of models give, with figures made up."""
    times = inspector.RunTimes(10.0, 5.0, 1.25, 2.5, 3.5, 800.0, 4 << 20)
    steady = inspector.SteadyTimes(1.25, 2.5, 3.5, 800.0)
    judgement = Judgement("faster", 0.5, (0.4, 0.6), "wall", 20)
    runtimes = ("TensorFlow", "LiteRT")
    benchmark = inspector.Benchmark(1, 1, times, times, judgement, (20, 400), 10.0, runtimes)
    batches = (
        inspector.BatchTimes(1, steady, steady, judgement),
        inspector.BatchTimes(1024, None, None, None, NAME),
    )
    node = inspector.NodeTime(NAME, "MatMul", 1.25, 1.0, 64, 2e6, 4096)
    profile = inspector.Profile(
        "TensorFlow", "trace", 1, 20, 1.5, 0.0, [node] * 12, {NAME: f"is {NAME}"}
    )
    limit = inspector.Limit("max_difference", 0.1, 0.25)
    error = inspector.NodeError(NAME, NAME, "MatMul", "name", TensorError(0.5, 0.25, False))
    candidate = inspector.Measured(Candidate(NAME), bytes=1024, ratio=0.5, interval=(0.4, 0.6))
    failed = replace(candidate, error=NAME)
    output = QuantisedOutput(0.25, 0.125, 0.5, 0.75, 1, True)
    layer = LayerSensitivity(NAME, "CONV_2D", NAME, 1000, {NAME: output})
    answer: SweepAnswer = {
        "format": "SavedModel",
        "bytes": 2048,
        "nodes": 2,
        "result": "optimised.pb",
        "result_bytes": 1024,
        "result_nodes": 1,
        "check": None,
        "warnings": [NAME],
        "notes": [],
    }
    swept = inspector.Swept(NAME, "done", "a", answer)
    lost = inspector.Swept(NAME, "failed", "b", error=NAME)
    return [
        times,
        steady,
        benchmark,
        *batches,
        inspector.BatchSweep(1, 10.0, runtimes, batches),
        node,
        *profile.ops,
        profile,
        limit,
        inspector.Comparison(32, 2048, 1024, side(), limits=(limit,), latency=benchmark),
        error,
        inspector.Blame(error, None, {NAME: [NAME]}, NAME, [error], [NAME]),
        candidate,
        inspector.SearchResult(NAME, (candidate, failed), 30.0),
        swept,
        inspector.SweepResult(Path(NAME), (swept, lost), NAME, "graphdef", 30.0),
        inspector.QuantisationReport("dynamic", {"int8": 3}, 16, "samples", {NAME: output}),
        inspector.Sensitivity("dynamic", (layer,), 16, "random"),
        inspector.Prediction({NAME: np.eye(3, dtype=np.float32)} | outputs(), 1.25, 2.0, 3.0),
    ]


def outputs() -> dict[str, Any]:
    return {f"{number}{NAME}": np.zeros((1,) * 30) for number in range(40)}


def other_results() -> list[Any]:
    """What is known of a model without running it."""
    proto = GraphDef()
    proto.node.add(name=NAME, op="ReadFile", input=[NAME])
    hostile = inspector.from_graph_def(proto, name=NAME)
    facts, difference = inspector.describe(hostile), inspector.diff(hostile, hostile)
    scan = inspector.scan(hostile)
    difference_of_step = inspector.Difference(name=NAME, equal=False)
    verdict = inspector.Verdict("violated", NAME, 0.1, (difference_of_step,) * 9)
    change = inspector.Change(NAME, "removed", NAME, NAME, (NAME,) * 9)
    skip = inspector.Skip(NAME, NAME)
    step = inspector.Step(
        NAME, NAME, "exact", changed=(change,) * 9, skipped=(skip,) * 9, check=verdict
    )
    report = inspector.ReportContents(
        (NAME, NAME), (facts.to_dict(), facts.to_dict()), difference.to_dict(), not_checked=[NAME]
    )
    return [
        facts,
        replace(facts.graph, op_counts=dict.fromkeys(map(str, range(99)), 1), softmax=[NAME] * 99),
        difference,
        scan,
        *scan.findings,
        difference_of_step,
        verdict,
        change,
        skip,
        step,
        inspector.Optimised(hostile, (step,), hostile),
        report,
        inspector.Origin(NAME, NAME, NAME, NAME, NAME),
        inspector.Operation(NAME, NAME, NAME, [NAME] * 99, [Output(NAME, None, (1,) * 99)] * 9),
        inspector.Suggestion(NAME, NAME, (NAME,) * 99),
        inspector.Variable(NAME, "float32", (1,) * 99, 4),
        *inspector.transforms().values(),
        *(param for item in inspector.transforms().values() for param in item.params),
        *inspector.presets().values(),
    ]


def by_type(results: list[Any]) -> Mapping[str, list[Any]]:
    types: dict[str, list[Any]] = {}
    for result in results:
        types.setdefault(type(result).__name__, []).append(result)
    return types


RESULTS = by_type([*measured_results(), *other_results()])
PUBLIC = {name for name in inspector.__all__ if inspect.isclass(getattr(inspector, name))}
AS_PRINTED = {
    "BatchSweep": "99 % interval\nbatch 1,024 not measured: <img",
    "Benchmark": "a p99 in brackets is of too few runs to rely on\nfaster: B takes 0.500 × of A",
    "Blame": "MatMul, 0.25 relative",
    "Comparison": "limit max_difference 0.1: 0.25, NOT MET",
    "Profile": "and 2 faster nodes\n",
    "QuantisationReport": "Quantised by the recipe dynamic: 3 as int8.",
    "ReportContents": "not checked: <img",
    "SearchResult": "best of 2 candidates: none is within the limits\n30 s",
    "SweepResult": "1 of 2 models done, 2.0 KiB → 1.0 KiB, 30 s",
    "Sensitivity": "on 16 rows of random rows",
}


def test_a_comparison_has_its_json_as_attributes() -> None:
    comparison = inspector.Comparison(32, 2048, 1024, side())
    facts = comparison.to_dict()
    for key in ("outputs", "class_changes", "missing_outputs", "accuracy", "mean_error"):
        assert getattr(comparison, key) == facts[key]


def test_the_json_of_a_prediction_fits_its_schema() -> None:
    prediction = inspector.Prediction({"p": np.array([[0.5, np.nan]])}, 1.0, 2.0, 3.0, "serve")
    facts = prediction.to_dict({"p": ["0"]})
    checked("predict", json.dumps(facts))
    assert facts["outputs"]["p"]["values"] == [[0.5, "NaN"]]


def test_every_public_result_is_in_the_table() -> None:
    assert set(RESULTS) == PUBLIC - NOT_SHOWN


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_a_result_is_a_short_line_and_escaped_text(name: str) -> None:
    for result in RESULTS[name]:
        line, text = repr(result), result._repr_html_()
        assert len(line) < LONGEST_LINE
        assert name in line.partition("(")[0]
        assert line.isprintable()
        assert text.startswith("<pre")
        assert "<img" not in text
        assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", sorted(AS_PRINTED))
def test_a_notebook_shows_what_the_command_line_prints(name: str) -> None:
    text = "".join(html.unescape(result._repr_html_()) for result in RESULTS[name])
    assert AS_PRINTED[name] in text
