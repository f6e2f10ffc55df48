"""Functions of the object graph: listed by name, frozen and run as Python calls them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import inspector
from inspector.analysis.describe import describe
from inspector.cli.main import cli
from inspector.errors import BadFetch, FreezeError, UnknownSignature
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.model.callables import callables, with_callables
from inspector.optimisation.optimise import optimise
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.printing import describing
from tests.conftest import ROOT

BARE = ROOT / "tests" / "models" / "tf221" / "no_signatures"
VERSIONS = ("tf24", "tf215", "tf221")


@pytest.mark.parametrize("version", VERSIONS)
def test_functions_are_listed_with_their_tensors(version: str) -> None:
    facts = describe(open_model(BARE.parents[1] / version / "no_signatures")).to_dict()
    assert [item["name"] for item in facts["callables"]] == ["classify", "logits", "scaled"]
    assert facts["callables"][2] == {
        "name": "scaled",
        "inputs": [
            {"name": "a", "dtype": "float32", "shape": [None, 4]},
            {"name": "scale", "dtype": "float32", "shape": []},
        ],
        "outputs": [{"name": "y", "dtype": "float32", "shape": [None, 3]}],
        "problem": "",
    }
    text = describing.describe("m", facts)
    assert "scaled    a float32 [None, 4], scale float32 []  y float32 [None, 3]" in text


def test_a_model_with_signatures_lists_none() -> None:
    assert "callables" not in describe(open_model(BARE.parent / "several_functions")).to_dict()


@pytest.mark.parametrize("version", VERSIONS)
def test_one_is_frozen_by_name(version: str) -> None:
    frozen = freeze(open_model(BARE.parents[1] / version / "no_signatures"), signature="classify")
    assert list(frozen.signatures) == ["classify"]
    assert set(frozen.signatures["classify"].outputs) == {"class", "scores"}
    assert "VarHandleOp" not in frozen.graph.op_counts()
    assert "MatMul" in frozen.graph.op_counts()


def test_transforms_take_one_by_name() -> None:
    options = OptimiseOptions(transforms="", signature=("scaled", "logits"))
    result = optimise(open_model(BARE), options).model
    assert list(result.signatures) == ["scaled", "serving_default", "logits"]
    assert list(result.signatures["logits"].inputs) == ["x"]


def test_without_a_name_the_error_lists_them() -> None:
    reason = (
        "the model has no signature: name one of its functions with --signature, e.g. 'classify'"
    )
    with pytest.raises(FreezeError, match=reason):
        freeze(open_model(BARE))
    with pytest.raises(UnknownSignature, match="did you mean 'logits'"):
        freeze(open_model(BARE), signature="logit")


def test_what_is_not_a_saved_model_has_none() -> None:
    model = open_model(ROOT / "tests" / "models" / "tf221" / "function.pb")
    assert callables(model) == []
    assert with_callables(model, "x") is model


def test_damaged_objects_list_nothing() -> None:
    model = open_model(BARE)
    model.objects = memoryview(b"\xff\xff")
    assert callables(model) == []
    assert "nothing in it can be frozen or run" in describe(model).warnings[0]


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Functions of every kind, saved without signatures."""
    import tensorflow as tf

    class Inner(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.b = tf.Variable([1.0, 2.0], name="b")

        @tf.function
        def shift(self, x: Any) -> Any:
            return x + self.b

    class Outer(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(2.0, name="w")
            self.count = tf.Variable(3.0, name="w")
            self.inner = Inner()
            self.constant = tf.constant([5.0, 6.0])
            entries = tf.lookup.KeyValueTensorInitializer(["a"], [3.0])
            self.table = tf.lookup.StaticHashTable(entries, -1.0)

        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def __call__(self, x: Any) -> Any:
            return self.w * self.inner.shift(x) + self.constant

        @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
        def nested(self, x: Any) -> Any:
            return {"b": (x, self.w * x), "a_0": x + 1, "a": [x + 2]}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
        def look(self, words: Any) -> Any:
            return self.table.lookup(words)

        @tf.function(input_signature=[tf.TensorSpec([], name="x")])
        def step(self, x: Any) -> Any:
            self.count.assign_add(x)
            return self.count.read_value()

        @tf.function
        def traced(self, x: Any, twice: bool = False) -> Any:
            return 2 * x if twice else x

        @tf.function
        def untraced(self, x: Any) -> Any:
            return x

    outer = Outer()
    outer.inner.shift(tf.zeros([2, 2]))
    for twice in (False, True):
        outer.traced(tf.zeros([2]), twice=twice)
    folder = tmp_path_factory.mktemp("module") / "saved"
    tf.saved_model.save(outer, str(folder))
    return folder


ROWS = np.array([[1, 2], [3, 4]], np.float32)
CALLS = {
    "__call__": {"x": ROWS},
    "inner.shift": {"x": ROWS},
    "look": {"words": np.array([b"a", b"b"], object)},
    "step": {"x": np.float32(4)},
}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", CALLS)
def test_it_answers_as_the_loaded_function(name: str, module: Path) -> None:
    import tensorflow as tf

    from inspector.backend.predict import predict
    from tests import tf_models

    loaded = tf.saved_model.load(str(module))
    function = loaded
    for part in name.split("."):
        function = getattr(function, part)
    (fed,) = CALLS[name].values()
    expected = function(tf.constant(fed)).numpy()
    model = open_model(module)
    frozen = freeze(model, signature=name)
    np.testing.assert_allclose(tf_models.run_frozen(frozen, CALLS[name])["output_0"], expected)
    if name != "step":  # a prediction runs twice
        answer = predict(model, CALLS[name], signature=name)
        np.testing.assert_allclose(answer.outputs["output_0"], expected)


@pytest.mark.tensorflow
def test_results_of_any_structure_get_keys(module: Path) -> None:
    by_name = {item.name: item for item in callables(open_model(module))}
    assert [item.name for item in by_name["nested"].outputs] == ["a_0", "a_0_1", "b_0", "b_1"]
    assert [item.shape for item in by_name["nested"].outputs] == [[None, 2]] * 4


@pytest.mark.tensorflow
def test_further_traces_have_numbers_and_an_untraced_function_says_so(
    module: Path,
) -> None:
    model = open_model(module)
    by_name = {item.name: item for item in callables(model)}
    assert {"traced", "traced[1]"} <= set(by_name)
    assert by_name["untraced"].problem == "it was not traced before the model was saved"
    reason = "it was not traced before the model was saved; export it with tf.saved_model.save"
    with pytest.raises(FreezeError, match=reason):
        freeze(model, signature="untraced")


@pytest.mark.tensorflow
def test_the_library_and_the_command_line_run_one_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = inspector.open_model(BARE)
    rows = np.ones((2, 4), np.float32)
    answer = inspector.predict(model, {"a": rows, "scale": 2.0}, signature="scaled")
    assert answer["y"].shape == (2, 3)
    np.savez(tmp_path / "feeds.npz", a=rows, scale=np.float32(2))
    arguments = ["predict", str(BARE), "--signature", "scaled"]
    cli([*arguments, "--feeds", str(tmp_path / "feeds.npz")], standalone_mode=False)
    assert "y  float32 [2, 3]" in capsys.readouterr().out
    with pytest.raises(BadFetch, match="name one of its functions with --signature"):
        inspector.predict(model, {"a": rows})
