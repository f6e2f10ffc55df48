"""The job that compares answers, as the Compare page asks for it: three graphs in a budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.jobs import packing
from inspector.jobs.client.default_runner import default_runner
from tests.passes.text import graph

WEIGHTS = 1600
"""Of a layer of 10 MB: a model that large is measured before all rows run."""


def written(tmp_path: Path, name: str, value: str) -> str:
    path = tmp_path / f"{name}.pb"
    lines = f"""x = Placeholder(shape=[-1, {WEIGHTS}])
        unneeded = Placeholder(shape=[-1, 3])
        w = Const(value={value}({WEIGHTS}, {WEIGHTS}))
        y = MatMul(x, w)
        z = Relu(unneeded)"""
    path.write_bytes(graph(lines).to_bytes())
    return str(path)


@pytest.fixture
def args(tmp_path: Path) -> dict[str, Any]:
    """Three models, one of which answers differently."""
    names = {"as opened": "ones", "optimised": "zeros", "frozen": "ones"}
    paths = {name: written(tmp_path, name, value) for name, value in names.items()}
    return {
        "path": paths.pop("as opened"),
        "against": paths,
        "sides": [{"name": name, "outputs": ["y"]} for name in names],
        "feeds": {"kind": "random", "batch": 6, "seed": 0},
        "tolerance": 0.1,
        "classes": None,
    }


@pytest.mark.tensorflow
def test_each_model_is_compared_with_the_first(args: dict[str, Any]) -> None:
    value = default_runner().run("compare", args).value
    grades = {side["name"]: side["grade"] for side in value["sides"]}
    assert grades == {"optimised": "different", "frozen": "identical"}
    assert (value["rows"], value["rows_given"], value["left_out"]) == (6, 6, [])
    (output,) = value["sides"][0]["outputs"]
    assert output == "y"


@pytest.mark.tensorflow
def test_a_budget_that_is_large_enough_leaves_nothing_out(args: dict[str, Any]) -> None:
    value = default_runner().run("compare", {**args, "budget_s": 1000.0}).value
    assert (value["rows"], value["left_out"], len(value["sides"])) == (6, [], 2)


@pytest.mark.tensorflow
def test_without_time_a_large_model_runs_one_row_and_no_more(args: dict[str, Any]) -> None:
    value = default_runner().run("compare", {**args, "budget_s": 1e-6}).value
    assert (value["rows"], value["rows_given"]) == (1, 6)
    assert value["left_out"] == ["as opened", "optimised", "frozen"]
    assert value["sides"] == []


@pytest.mark.tensorflow
def test_feeds_that_the_outputs_do_not_need_are_left_out(args: dict[str, Any]) -> None:
    rows = {"x": np.ones((2, WEIGHTS), np.float32), "unneeded": np.ones((5, 3), np.float32)}
    blobs = {"feeds": packing.pack(rows)}
    request = {**args, "feeds": {"kind": "packed"}}
    assert default_runner().run("compare", request, blobs=blobs).value["rows"] == 2
