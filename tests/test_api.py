"""The seed notebook end to end, headless: the Python names, and the figures that came out there."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import subprocess
import sys

import numpy as np
import pytest

import inspector
from inspector.errors import (
    BadFeed,
    BadFetch,
    BadParameter,
    MissingFile,
    OutputExists,
    UnknownNode,
    UnknownTransform,
    UnsupportedModel,
)
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model.model import Model
from inspector.passes.presets import PRESETS
from tests.conftest import ROOT, data_path
from tests.graphs import const, graph, node, placeholder

IRIS = ROOT / "sample_models" / "iris" / "saved_model"
PROBABILITIES = "dnn/head/predictions/probabilities"
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
# The notebook's own list, word for word.
TRANSFORMS = [
    "remove_nodes(op=Identity)",
    "fold_constants(ignore_errors=true)",
    "fold_batch_norms",
    "fold_old_batch_norms",
    "round_weights(num_steps=256)",
    "quantize_weights",
    "strip_unused_nodes",
    "sort_by_execution_order",
]


@pytest.fixture(scope="module")
def expected():
    return json.loads(data_path("models/seed/EXPECTED.json").read_text())["iris"]


@pytest.fixture(scope="module")
def model() -> Model:
    return inspector.open_model(IRIS)


@pytest.fixture(scope="module")
def rows() -> dict[str, np.ndarray]:
    table = np.loadtxt(IRIS.parent / "iris.csv", delimiter=",", skiprows=1, usecols=range(4))
    return dict(zip(FEATURES, table.T.astype(np.float32), strict=True))


@pytest.fixture(scope="module")
def frozen(model) -> Model:
    return inspector.freeze(model, outputs=[PROBABILITIES])


@pytest.fixture(scope="module")
def result(model):
    return inspector.optimise(model, outputs=[PROBABILITIES], transforms=TRANSFORMS)


def counted(model: Model) -> tuple[int, int, int, int]:
    facts = inspector.describe(model).to_dict()
    return facts["nodes"], facts["constants"], facts["variables"], facts["identities"]


def test_describe_the_model(model):
    facts = inspector.describe(model).to_dict()
    assert counted(model) == (252, 84, 11, 23)
    assert facts["softmax"] == [PROBABILITIES]
    assert {row["name"] for row in facts["placeholders"]} == {*FEATURES}
    assert facts["bytes"]["variables"] == 3_168_751  # the notebook prints 3094.483 KB
    assert facts["suggested_outputs"][0]["name"] == PROBABILITIES


def test_freeze(frozen):
    assert counted(frozen) == (91, 31, 0, 20)
    assert {row["name"] for row in inspector.describe(frozen).to_dict()["placeholders"]} == {
        *FEATURES
    }


@pytest.mark.tensorflow
def test_optimise(result):
    assert counted(result.model) == (86, 41, 0, 0)
    assert [step.name for step in result.steps] == [text.split("(")[0] for text in TRANSFORMS]
    assert not [step.error for step in result.steps if step.error]
    (signature,) = result.model.signatures.values()
    assert list(signature.outputs) == ["probabilities"]
    assert signature.outputs["probabilities"].name == f"{PROBABILITIES}:0"
    assert [size.size for size in signature.outputs["probabilities"].tensor_shape.dim] == [-1, 3]
    assert set(signature.inputs) == {*FEATURES}


@pytest.mark.tensorflow
def test_save_as_a_saved_model_a_quarter_of_the_size(tmp_path, model, result, expected):
    folder = tmp_path / "optimised"
    assert inspector.save(result.model, folder) == []
    after = inspector.open_model(folder)
    assert counted(after) == (86, 41, 0, 0)
    facts = inspector.describe(after).to_dict()
    assert list(facts["signatures"]) == ["serving_default"]
    before = inspector.describe(model).to_dict()["bytes"]["total"]
    assert 3.0 < before / 2**20 < 3.1
    assert 0.7 < facts["bytes"]["total"] / 2**20 < 0.8
    # The tool's result, to one part in a hundred: constants that it could not fold are folded.
    assert facts["bytes"]["graph"] == pytest.approx(expected["optimised"]["bytes"], rel=0.01)
    with pytest.raises(OutputExists):
        inspector.save(result.model, folder)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_what_it_did_to_the_predictions(tmp_path, model, frozen, result, rows, expected):
    before = inspector.predict(model, rows)
    assert before.signature == "predict"
    assert set(before.outputs) == {"class_ids", "classes", "logits", "probabilities"}
    assert before["probabilities"].shape == (150, 3)
    # Freezing changes nothing at all.
    np.testing.assert_array_equal(
        inspector.predict(frozen, rows)["probabilities"], before["probabilities"]
    )
    after = inspector.predict(result.model, rows)
    difference = np.abs(after["probabilities"] - before["probabilities"]).max()
    assert difference == pytest.approx(0.09675952792167664, abs=1e-5)
    figures = expected["max_abs_difference_of_probabilities_on_150_rows"]
    assert difference == pytest.approx(figures["optimised_vs_original"], abs=1e-5)
    changed = after["probabilities"].argmax(1) != before["probabilities"].argmax(1)
    assert changed.sum() == expected["rows_of_150_whose_class_changes"] == 1
    inspector.save(result.model, tmp_path / "small")
    again = inspector.predict(inspector.open_model(tmp_path / "small"), rows)
    np.testing.assert_array_equal(again["probabilities"], after["probabilities"])
    inspector.save(result.model, tmp_path / "small.pb", "graphdef")
    as_graph = inspector.open_model(tmp_path / "small.pb")
    by_name = inspector.predict(as_graph, rows, [f"{PROBABILITIES}:0"])
    np.testing.assert_array_equal(by_name[f"{PROBABILITIES}:0"], after["probabilities"])


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_preset_smaller_changes_no_class(tmp_path, model, rows):
    before = inspector.predict(model, rows)["probabilities"]
    small = inspector.optimise(model, outputs=[PROBABILITIES], preset="smaller").model
    inspector.save(small, tmp_path / "small")
    bytes_of = {
        folder: sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        for folder in (IRIS, tmp_path / "small")
    }
    assert bytes_of[IRIS] / bytes_of[tmp_path / "small"] > 3.94
    after = inspector.predict(inspector.open_model(tmp_path / "small"), rows)["probabilities"]
    np.testing.assert_allclose(after, before, rtol=0, atol=0.0041)
    np.testing.assert_array_equal(after.argmax(1), before.argmax(1))


@pytest.mark.tensorflow
@pytest.mark.slow
def test_rounding_is_what_changes_a_class_with_the_preset_seed(model, rows):
    before = inspector.predict(model, rows)["probabilities"]
    seed = PRESETS["seed"].transforms
    without = seed.replace("round_weights(num_steps=256) ", "")
    assert without != seed
    changed = []
    for transforms in (seed, without):
        done = inspector.optimise(model, outputs=[PROBABILITIES], transforms=transforms).model
        after = inspector.predict(done, rows)["probabilities"]
        moved = np.abs(after - before).max()
        changed.append((round(float(moved), 2), (after.argmax(1) != before.argmax(1)).sum()))
    assert changed == [(0.1, 1), (0.03, 0)]  # the figures of the preset's note


@pytest.mark.tensorflow
def test_what_tensorflow_1_answered(model, frozen, result):
    with np.load(data_path("models/seed/iris/io.npz")) as recorded:
        feeds = {name: recorded[f"inputs/{name}"] for name in FEATURES}
        for run, key in (
            (inspector.predict(model, feeds), "saved_model/predict"),
            (inspector.predict(frozen, feeds), "frozen"),
            (inspector.predict(result.model, feeds), "optimised"),
        ):
            wanted = recorded[f"{key}/probabilities"]
            np.testing.assert_allclose(run["probabilities"], wanted, atol=1e-5)


@pytest.mark.tensorflow
@pytest.mark.slow
def test_the_hundred_thousand_rows(model, result, expected):
    feeds = dict.fromkeys(FEATURES, range(100_000))
    before, after = inspector.predict(model, feeds), inspector.predict(result.model, feeds)
    table = {row["figure"]: row["measured"] for row in expected["table"]}
    wanted = table["probabilities of the first row of range(100000), original"]
    np.testing.assert_allclose(before["probabilities"][0], wanted, atol=1e-6)
    np.testing.assert_allclose(after["probabilities"][0], table["the same, optimised"], atol=1e-5)
    assert before["classes"][0] == b"versicolor"
    assert before["class_ids"][0] == 2
    assert after["probabilities"].shape == (100_000, 3)
    assert before.run_ms > 0
    assert after.run_ms > 0


def test_every_key_of_the_facts_is_an_attribute_too(model):
    facts = inspector.describe(model)
    for key, value in facts.to_dict().items():
        if key in ("schema", "inspector"):
            continue
        assert hasattr(facts, key), key
        if isinstance(value, int | str):
            assert getattr(facts, key) == value, key


def test_what_transform_graph_returns_can_go_on(tmp_path, frozen):
    proto = inspector.TransformGraph(
        frozen.graph.to_proto(), [], [PROBABILITIES], ["remove_device"]
    )
    ends = {"inputs": {name: name for name in FEATURES}, "outputs": {"p": f"{PROBABILITIES}:0"}}
    model = inspector.from_graph_def(proto, {"serve": ends})
    assert inspector.describe(model).nodes == 91
    outputs = inspector.describe(model).to_dict()["signatures"]["serve"]["outputs"]
    assert outputs["p"]["dtype"] == "float32"
    inspector.save(model, tmp_path / "saved")
    saved = inspector.open_model(tmp_path / "saved")
    assert saved.signatures["serve"] == model.signatures["serve"]
    again = inspector.from_graph_def(proto, dict(saved.signatures), name="again")
    assert again.signatures["serve"] == model.signatures["serve"]
    with pytest.raises(BadFetch, match="no such tensor"):
        inspector.from_graph_def(proto, {"serve": {"outputs": {"p": "nowhere:0"}}})
    with pytest.raises(BadFetch, match="has inputs and outputs"):
        inspector.from_graph_def(proto, {"serve": {"output": {"p": f"{PROBABILITIES}:0"}}})


@pytest.mark.tensorflow
def test_a_graph_goes_to_tensorflow_and_comes_back(frozen):
    code = (
        "import sys, inspector\n"
        f"model = inspector.freeze(inspector.open_model({str(IRIS)!r}), [{PROBABILITIES!r}])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "proto = inspector.to_tensorflow(model)\n"
        "import tensorflow as tf\n"
        "assert isinstance(proto, tf.compat.v1.GraphDef), type(proto)\n"
        "tf.graph_util.import_graph_def(proto)\n"
        "again = inspector.from_graph_def(proto)\n"
        "print(inspector.diff(model, again).unchanged)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "91", done.stderr


@pytest.mark.parametrize("call", ["describe", "freeze", "optimise", "predict", "convert", "scan"])
def test_a_graph_def_is_no_model(call):
    with pytest.raises(TypeError, match=f"{call} takes a Model, not GraphDef"):
        getattr(inspector, call)(GraphDef())


def test_a_path_is_no_model_and_nothing_is_no_path(model, tmp_path):
    with pytest.raises(TypeError, match="save takes a Model, not str"):
        inspector.save("model", tmp_path / "x")
    with pytest.raises(TypeError, match="from_graph_def takes a GraphDef"):
        inspector.open_model(GraphDef())
    with pytest.raises(TypeError, match="a GraphDef is needed, not str"):
        inspector.from_graph_def("graph.pb")
    with pytest.raises(MissingFile, match="is empty"):
        inspector.open_model("")


def test_diff(model, frozen):
    delta = inspector.diff(model, frozen).to_dict()
    assert (delta["before"]["nodes"], delta["after"]["nodes"]) == (252, 91)
    assert {"op": "Identity", "before": 23, "after": 20} in delta["op_counts"]
    assert not delta["nodes"]["added"]


def test_transform_graph_takes_and_gives_its_own_kind(frozen):
    graph = frozen.graph.to_proto()
    before = graph.SerializeToString(deterministic=True)
    after = inspector.TransformGraph(graph, [], [PROBABILITIES], ["remove_nodes(op=Identity)"])
    assert type(after) is GraphDef
    assert len(after.node) == 71
    assert graph.SerializeToString(deterministic=True) == before


def test_optimise_needs_no_worker_without_kernels(monkeypatch, model):
    def refuse():
        raise AssertionError("a worker was asked")

    monkeypatch.setattr("inspector.jobs.client.ask.default_runner", refuse)
    steps = "remove_nodes(op=Identity) quantize_weights strip_unused_nodes"
    done = inspector.optimise(model, outputs=[PROBABILITIES], transforms=steps)
    assert len(done.model.graph) == 86


def test_optimise_takes_the_signatures_outputs_by_default(model):
    done = inspector.optimise(model, transforms="strip_unused_nodes", signature="predict")
    signature = done.model.signatures["predict"]
    assert done.model.signatures["serving_default"] == signature
    assert set(signature.outputs) == {"class_ids", "classes", "logits", "probabilities"}
    assert done.model.init_op is not None  # the classes come from a table
    assert done.model.init_op in done.model.graph


def test_inputs_that_are_no_placeholders_become_inputs_of_the_signature(model):
    cut = "dnn/input_from_feature_columns/input_layer/concat"
    done = inspector.optimise(
        model, inputs=[cut], outputs=[PROBABILITIES], transforms="strip_unused_nodes"
    )
    (signature,) = done.model.signatures.values()
    assert [info.name for info in signature.inputs.values()] == [f"{cut}:0"]


def test_a_placeholder_with_a_default_keeps_it():
    keep = node("keep", "PlaceholderWithDefault", "one", dtype="float32", shape=[])
    nodes = [placeholder("x", [None]), const("one", 1.0, np.float32), keep]
    nodes.append(node("y", "Mul", "x", "keep", T="float32"))
    before = Model(format="GraphDef", name="keep", graph=graph(*nodes))
    done = inspector.optimise(before, outputs=["y"], transforms="strip_unused_nodes")
    assert done.model.graph.node("keep").op == "PlaceholderWithDefault"
    assert [list(found.inputs) for found in done.model.signatures.values()] == [["x"]]
    asked = ["x", "keep"]
    done = inspector.optimise(before, asked, ["y"], transforms="strip_unused_nodes")
    assert done.model.graph.node("keep").op == "Placeholder"


def test_mistakes_are_told_before_the_work(model):
    progress: list[str] = []

    def note(_fraction, text):
        progress.append(text)

    with pytest.raises(UnknownTransform):
        inspector.optimise(model, transforms="remove_nodes(op=Identity) nonsense", progress=note)
    with pytest.raises(BadParameter, match="tidy"):
        inspector.optimise(model, preset="nonsense", progress=note)
    with pytest.raises(BadParameter, match="not both"):
        inspector.optimise(model, transforms="", preset="tidy", progress=note)
    assert progress == []
    with pytest.raises(UnknownNode):
        inspector.optimise(model, outputs=["nowhere"], transforms="", progress=note)
    with pytest.raises(UnknownNode):
        inspector.optimise(model, inputs=["nowhere"], outputs=[PROBABILITIES], transforms="")


def test_save_refuses_what_would_lose_the_variables(tmp_path, model):
    with pytest.raises(UnsupportedModel, match="freeze it first"):
        inspector.save(model, tmp_path / "x.pb", "graphdef")
    with pytest.raises(UnsupportedModel, match="there are graphdef, saved_model, tflite"):
        inspector.save(model, tmp_path / "x", "onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_feed_that_is_no_array(model):
    with pytest.raises(BadFeed, match="sepal_length"):
        inspector.predict(model, {"sepal_length": [[1.0], [1.0, 2.0]]})
    with pytest.raises(BadFeed, match="sepal_length"):
        inspector.predict(model, {"sepal_length": object()})


def test_a_model_shows_itself_in_a_notebook(model):
    text = model._repr_html_()
    assert text.startswith("<table>")
    for part in ("252", "SavedModel", "probabilities", "float32 [None, 3]", "3.1 MiB"):
        assert part in text
    image = text.partition("base64,")[2].partition('"')[0]
    picture = base64.b64decode(image).decode()
    assert picture.startswith("<?xml")
    assert "<script" not in picture


def test_names_are_escaped_in_a_notebook():
    graph = GraphDef()
    graph.node.add(name="<script>alert(1)</script>", op="<img src=x onerror=alert(2)>")
    hostile = inspector.Model(format="GraphDef", name="<b>\x1b[0m", graph=Graph.of(graph))
    text = hostile._repr_html_()
    assert "<script" not in text
    assert "<img src=x" not in text
    assert "<b>" not in text
    assert "\x1b" not in text


def test_importing_it_is_light():
    code = (
        "import sys, inspector\n"
        "heavy = ('tensorflow', 'streamlit', 'pandas', 'altair', 'keras', 'IPython', 'numpy')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "import inspector.analysis.describe, inspector.analysis.diff, inspector.freezing.freeze\n"
        "print(callable(inspector.describe), callable(inspector.diff), callable(inspector.freeze))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "True True True"]


@pytest.fixture(scope="module")
def small(model):
    steps = "remove_nodes(op=Identity) quantize_weights"
    return inspector.optimise(model, outputs=[PROBABILITIES], transforms=steps)


def prediction(name: str = "probabilities") -> inspector.Prediction:
    return inspector.Prediction({name: np.eye(3, dtype=np.float32)}, 1.25, 2.0, 3.0)


def test_objects_are_short_in_a_log(model, small):
    assert repr(model) == "<Model iris/saved_model: SavedModel, 252 nodes, 3.1 MiB>"
    assert repr(small) == ("<Optimised saved_model: 2 steps, 91 -> 86 nodes, 3.0 MiB -> 793.6 KiB>")
    assert repr(small.steps[1]).startswith("<Step quantize_weights: 71 -> 86 nodes, ")
    assert repr(inspector.describe(model)) == "<Facts of saved_model: SavedModel, 252 nodes>"
    difference = inspector.diff(small.frozen, small.model)
    assert repr(difference) == "<Diff: 15 added, 20 removed, 15 changed, 56 unchanged>"
    assert repr(inspector.scan(model)) == "<Scan of saved_model: 1 finding, nothing blocked>"
    assert repr(prediction()) == "<Prediction: probabilities float32 [3, 3]; 1.25 ms>"


def test_results_look_in_a_notebook_as_on_the_command_line(model, small):
    facts, difference = inspector.describe(model), inspector.diff(small.frozen, small.model)
    for result, part in (
        (facts, "signature predict"),
        (difference, "changed: 15 nodes"),
        (small, "quantize_weights  "),
        (small.steps[0], "remove_nodes(op=Identity)  "),
        (inspector.scan(model), "nothing that would be refused is reached"),
        (prediction(), "probabilities  float32 [3, 3]"),
    ):
        text = result._repr_html_()
        assert text.startswith("<pre")
        assert part in text or part in html.unescape(text), part


def test_results_are_escaped_in_a_notebook():
    name = "<img src=x onerror=alert(1)>\x1b[2J"
    proto = GraphDef()
    proto.node.add(name=name, op="NoOp")
    hostile = inspector.from_graph_def(proto, name=name)
    results = (inspector.describe(hostile), inspector.diff(hostile, hostile), prediction(name))
    for result in (*results, inspector.scan(hostile)):
        text = result._repr_html_()
        assert "<img" not in text
        assert "\x1b" not in text + repr(result)
    assert "\x1b" not in repr(hostile)


def test_equality_copies_and_pickles(model):
    again = inspector.open_model(IRIS)
    assert model == model
    assert model != again
    assert len({model, again}) == 2
    assert copy.deepcopy(model) is copy.copy(model) is model
    with pytest.raises(TypeError, match="pass its path"):
        pickle.dumps(model)
    error = UnknownNode("a", "b", "c")
    assert str(pickle.loads(pickle.dumps(error))) == "a: b: c"
