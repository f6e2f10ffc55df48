"""What the node table tells of an operation is what the file tells."""

from __future__ import annotations

import json

import pytest

from inspector import formats
from inspector.view.table import node_details
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_details import OperationDetails
from tests.conftest import ROOT
from tests.view.graphs import table

SAMPLES = ROOT / "sample_models"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))["samples"]


@pytest.mark.parametrize("sample", MANIFEST, ids=lambda sample: sample["id"])
def test_each_node_of_a_sample_is_told_as_the_file_tells_it(sample):
    builder = NodeTableBuilder(formats.open_model(SAMPLES / sample["path"]))
    operations = OperationDetails(builder)
    summary = NodeTable.from_json(builder.node_table().to_json())
    for name in summary.names[:400]:
        told, found = operations.details(name), node_details.of(summary, name)
        assert found is not None
        # Whose result a node of a body is, the file's graph tells last; the table tells in order.
        assert sorted(found.pop("consumers")) == sorted(told["consumers"])
        # A node that runs a body also waits for what its body ends with.
        assert set(found["control_inputs"]) >= set(told["control_inputs"])
        if name not in builder.unfolded.returns:
            assert found["control_inputs"] == told["control_inputs"]
        found["control_inputs"] = told["control_inputs"]
        assert found == {key: told[key] for key in found}


def test_what_only_the_file_tells_needs_no_shapes():
    builder = NodeTableBuilder(formats.open_model(SAMPLES / "iris/saved_model"))
    operations = OperationDetails(builder)
    content = operations.content("dnn/logits/MatMul")
    assert content["attrs"]["T"] == "float32"
    assert "shapes" not in vars(builder)  # on a large graph they take nearly all of the time
    assert {**operations.details("dnn/logits/MatMul"), **content} == operations.details(
        "dnn/logits/MatMul"
    )


def test_inputs_that_are_missing_and_names_that_are_not_there():
    summary = table("x = Placeholder()\ny = Add(x, gone:2, ^x)")
    found = node_details.of(summary, "y")
    assert found is not None
    assert [item["name"] for item in found["inputs"]] == ["x:0", "gone:2"]
    assert found["inputs"][1] == {"name": "gone:2", "dtype": None, "shape": None}
    assert found["control_inputs"] == ["x"]
    assert node_details.of(summary, "x")["consumers"] == ["y"]
    assert node_details.of(summary, "z") is None
