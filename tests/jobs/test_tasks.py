"""What the pages get from the jobs: asked for as the pages ask, of real workers."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest

from inspector import formats
from inspector.errors import BadFeed, CorruptModel, UnknownNode, UnknownTransform
from inspector.jobs import packing
from inspector.jobs.client.default_runner import default_runner
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.view.table.node_table import NodeTable
from inspector.view.table.operation_table import OperationTable
from inspector.view.tree import hierarchy
from inspector.view.tree.hierarchy import Hierarchy
from tests.conftest import ROOT

SAMPLES = ROOT / "sample_models"
MANIFEST = json.loads((SAMPLES / "manifest.json").read_text(encoding="utf-8"))["samples"]
SAMPLE = {sample["id"]: sample for sample in MANIFEST}
each = pytest.mark.parametrize("name", sorted(SAMPLE))


def path(name: str) -> str:
    return str(SAMPLES / SAMPLE[name]["path"])


def asked(kind: str, sample: str, /, blobs=None, **args):
    return default_runner().run(kind, {"path": path(sample), "tag_set": None, **args}, blobs=blobs)


def options(outputs, transforms):
    """The JSON of what an optimise job does."""
    return OptimiseOptions(outputs=tuple(outputs), transforms=transforms).to_json()


def rows_of(answer):
    summary = NodeTable.from_json(answer.blobs["summary"])
    operations = OperationTable(summary, answer.blobs["operations"])
    return operations.rows(range(len(operations)))


@each
def test_open(name):
    answer = asked("open", name)
    facts = answer.value["facts"]
    assert facts["nodes"] == SAMPLE[name]["expected"]["nodes"]
    summary = NodeTable.from_json(answer.blobs["summary"])
    for tensor in summary.fetches + summary.feeds:
        assert summary.get(tensor) is not None
    tree = Hierarchy.from_json(summary, answer.blobs["hierarchy"])
    assert tree.to_json() == hierarchy.build(summary).to_json()
    operations = OperationTable(summary, answer.blobs["operations"])
    table = operations.rows(range(len(operations)))
    assert set(table) == {"name", "op", "outputs", "inputs", "device", "function"}
    # The bodies of loops are in the picture too, and are not counted as nodes of the graph.
    assert table["name"] == summary.names
    assert table["function"].count("") == (facts.get("serving") or facts)["nodes"]
    assert (set(table["function"]) != {""}) == (name == "forecast")
    assert any(text.endswith("float32 [None, 3]") for text in table["outputs"]) == (
        name in ("iris", "bikes")
    )


def test_the_bodies_of_loops_are_among_the_operations():
    table = rows_of(asked("open", "forecast"))
    inside = [op for op, function in zip(table["op"], table["function"], strict=True) if function]
    assert "MatMul" in inside
    at = next(i for i, function in enumerate(table["function"]) if function)
    details = asked("node", "forecast", name=table["name"][at]).value
    assert details["op"] == table["op"][at]


def test_a_node_in_full():
    found = asked("node", "iris", name="dnn/logits/kernel/part_0").value
    assert found["op"] == "VariableV2"
    assert found["outputs"][0]["shape"] == [512, 3]
    softmax = asked("node", "iris", name="dnn/head/predictions/probabilities:0").value
    assert softmax["inputs"] == [
        {"name": "dnn/logits/BiasAdd:0", "dtype": "float32", "shape": [None, 3]}
    ]
    assert softmax["attrs"]["T"] == "float32"
    constant = asked("node", "shapes", name="preprocess/Const").value
    assert constant["value"]["first"] == "2"
    assert constant["value"]["elements"] == 1
    assert constant["consumers"] == ["preprocess/truediv"]
    with pytest.raises(UnknownNode, match="did you mean"):
        asked("node", "iris", name="dnn/logits/BiasAd")


@pytest.fixture(scope="module")
def optimised():
    """Answers of the optimise job by sample."""
    answers = {}

    def optimise(name):
        if name not in answers:
            wanted = SAMPLE[name]["try"]
            answers[name] = asked(
                "optimise", name, options=options(wanted["outputs"], wanted["transforms"])
            )
        return answers[name]

    return optimise


@pytest.mark.tensorflow
@each
def test_optimise_leaves_the_files(name, optimised):
    answer = optimised(name)
    value, folder = answer.value, answer.folder
    steps = value["steps"]
    assert " ".join(step["call"] for step in steps) == value["transforms"]
    assert value["after"]["nodes"] == steps[-1]["nodes"]["after"]
    assert value["frozen"]["nodes"] == steps[0]["nodes"]["before"]
    for key in ("bytes", "constants", "variables", "identities", "op_counts"):
        assert key in value["before"]
        assert key in value["frozen"]
        assert key in value["after"]
    assert set(value["diff"]["nodes"]) == {"added", "removed", "changed", "unchanged"}
    summary = NodeTable.from_json(answer.blobs["summary"])
    removed = len(value["diff"]["nodes"]["removed"])
    assert len(summary) >= value["after"]["nodes"] + removed
    assert (len(summary) > value["after"]["nodes"] + removed) == (name == "forecast")
    assert Hierarchy.from_json(summary, answer.blobs["hierarchy"]).children[0]
    record = json.loads((folder / "record.json").read_text())
    assert len(record["steps"]) == len(steps)
    for file, key in (("frozen.pb", "frozen"), ("optimised.pb", "after")):
        model = formats.open_model(folder / file)
        assert len(model.graph) == value[key]["nodes"] or name == "reviews"
    with zipfile.ZipFile(folder / "saved_model.zip") as archive:
        names = archive.namelist()
        assert "saved_model/saved_model.pb" in names
        assert ("saved_model/assets/vocabulary.txt" in names) == (name == "reviews")
        data = archive.read("saved_model/saved_model.pb")
    assert data == (folder / "saved_model" / "saved_model.pb").read_bytes()


@pytest.mark.tensorflow
@each
def test_predict_before_and_after(name, optimised):
    sample, folder = SAMPLE[name], optimised(name).folder
    against = {"frozen": str(folder / "frozen.pb"), "optimised": str(folder / "optimised.pb")}
    file = SAMPLES / sample["feeds"]
    value = asked(
        "predict",
        name,
        outputs=sample["try"]["outputs"],
        feeds={"kind": "file", "name": file.name},
        runs=3,
        against=against,
        blobs={"feeds": file.read_bytes()},
    ).value
    assert [side["name"] for side in value["sides"]] == ["as opened", "frozen", "optimised"]
    for side in value["sides"]:
        assert side["p50_ms"] > 0
        assert side["p90_ms"] >= side["p50_ms"]
        assert side["rows_per_s"] > 0
    assert value["runs"] == 3
    (output,) = sample["try"]["outputs"]
    assert value["agreement"]["frozen"][output]["max_abs"] <= 1e-6
    after = value["agreement"]["optimised"][output]
    assert after["max_abs"] <= sample["try"]["max_abs"]
    shown = value["outputs"][output]
    assert shown["shape"][0] == value["rows"]
    for head in shown["heads"].values():
        assert len(head) == value["rows"]
    if name == "iris":
        assert value["agreement"]["frozen"][output]["equal"]
        assert after["max_abs"] == pytest.approx(0.09675952792167664, abs=1e-5)
        assert after["rows_changed"] == 1


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "spec",
    [
        {"kind": "random", "batch": 4, "seed": 1},
        {"kind": "range", "n": 4},
        {
            "kind": "typed",
            "values": {
                "serving_default_hour": "[[8], [9], [17], [23]]",
                "weekday": "[[0], [1], [5], [6]]",
                "weather": "[[20, 0, 3], [11.5, 1, 9], [25, 0, 2], [-3, 0, 20]]",
            },
        },
    ],
    ids=lambda spec: spec["kind"],
)
def test_the_kinds_of_feeds(spec):
    value = asked(
        "predict", "bikes", outputs=["StatefulPartitionedCall_1"], feeds=spec, runs=1
    ).value
    assert value["rows"] == 4
    assert value["outputs"]["StatefulPartitionedCall_1"]["shape"] == [4, 3]
    assert value["agreement"] == {}


@pytest.mark.tensorflow
def test_an_output_inside_the_serving_function(optimised):
    """Only the frozen graph has it, so that is what is compared with."""
    table = rows_of(asked("open", "bikes"))
    (inner,) = [
        name for name, op in zip(table["name"], table["op"], strict=True) if op == "Softmax"
    ]
    answer = asked("optimise", "bikes", options=options([inner], "strip_unused_nodes"))
    value = asked(
        "predict",
        "bikes",
        outputs=[inner],
        feeds={"kind": "random", "batch": 2, "seed": 0},
        runs=1,
        against={"optimised": str(answer.folder / "optimised.pb")},
    ).value
    assert value["agreement"]["optimised"][inner]["max_abs"] <= 1e-6


@pytest.mark.tensorflow
def test_errors_arrive_as_they_are(tmp_path):
    (tmp_path / "bad.pb").write_bytes(
        (SAMPLES / "iris/saved_model/saved_model.pb").read_bytes()[:999]
    )
    with pytest.raises(CorruptModel):
        default_runner().run("open", {"path": str(tmp_path / "bad.pb"), "tag_set": None})
    with pytest.raises(UnknownTransform, match="nonsense"):
        asked("optimise", "iris", options=options(["dnn/logits/BiasAdd"], "nonsense"))
    with pytest.raises(BadFeed, match="petal_width"):
        asked(
            "predict",
            "iris",
            outputs=["dnn/logits/BiasAdd"],
            feeds={"kind": "typed", "values": {"petal_length": "[1]"}},
        )


def test_arrays_survive_the_way():
    arrays = {
        "file": np.arange(6, dtype=np.int16).reshape(2, 3),
        "text": np.array([["a", "ü"], ["", ""]]),
        "bytes": np.array([b"a", b"\xff\x00\xff"], object),
        "empty": np.zeros((0, 4), np.float64),
        "no text": np.zeros((0,), object),
        "scalar": np.bool_(True),
        "list": [[1.5, 2], [3, 4]],
        "": np.float16(3),
    }
    back = packing.unpack(packing.pack(arrays))
    assert list(back) == list(arrays)
    for name in ("file", "empty", "scalar", "list", ""):
        np.testing.assert_array_equal(back[name], np.asarray(arrays[name]))
        assert back[name].dtype == np.asarray(arrays[name]).dtype
    assert back["text"].tolist() == [[b"a", "ü".encode()], [b"", b""]]
    assert back["bytes"].tolist() == [b"a", b"\xff\x00\xff"]
    assert back["no text"].shape == (0,)
    with pytest.raises(BadFeed, match="ragged"):
        packing.pack({"ragged": [[1], [1, 2]]})
    with pytest.raises(BadFeed, match="thing"):
        packing.pack({"thing": [io.BytesIO()]})
