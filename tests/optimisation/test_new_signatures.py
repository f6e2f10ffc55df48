"""Results with several signatures, as TensorFlow and our own writers see them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.cli.main import cli
from inspector.formats import graphdef, open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph.protos import SignatureDef
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation import signature_boundary
from inspector.optimisation.optimise import optimise
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.optimisation.result import Optimised
from tests.conftest import ROOT
from tests.graphs import const, graph, node, placeholder

MODELS = ROOT / "tests" / "models"
FUNCTIONS = MODELS / "tf221" / "several_functions"
ESTIMATOR = MODELS / "tf115" / "estimator"
TWO = MODELS / "tf115" / "two_metagraphs"


def optimised(model: Model, **options: object) -> Optimised:
    return optimise(model, OptimiseOptions(transforms="fold_constants", **options))  # type: ignore[arg-type]


def test_all_signatures_of_a_model_are_kept() -> None:
    model = open_model(ESTIMATOR)
    result = optimised(model, all_signatures=True)
    assert set(result.model.signatures) == set(signatures.serving_keys(model.signatures))
    assert result.warnings == []
    for key, kept in result.model.signatures.items():
        before = model.signatures[key]
        assert set(kept.outputs) == set(before.outputs)
        assert set(kept.inputs) == set(before.inputs)
        assert kept.method_name == before.method_name


def test_what_is_left_out_is_said_everywhere() -> None:
    result = optimised(open_model(ESTIMATOR))
    (sentence,) = result.warnings
    assert sentence.startswith("Left out the signatures 'classification', 'predict': ")
    assert sentence in result.model.notes
    record = result.record()["signatures"]
    assert list(record["kept"]) == ["serving_default"]
    assert set(record["left_out"]) == {"classification", "predict"}


def test_a_main_signature_without_all_of_its_outputs_is_left_out() -> None:
    model = open_model(ESTIMATOR)
    outputs = tuple(signatures.output_tensors(model.signatures["classification"])[:1])
    result = optimised(model, outputs=outputs, signature="classification")
    record = result.record()["signatures"]
    assert list(record["kept"]) == list(result.model.signatures) == ["serving_default"]
    assert "classification" in record["left_out"]
    assert "serving_default" not in record["left_out"]
    assert result.warnings == [note for note in result.model.notes if note.startswith("Left out")]


def test_a_signature_that_is_requested_has_its_own_outputs_and_inputs() -> None:
    model = open_model(FUNCTIONS)
    result = optimised(model, signature=("scaled", "serving_default"))
    assert list(result.model.signatures) == ["scaled", "serving_default"]
    for key in ("scaled", "serving_default"):
        assert set(result.model.signatures[key].inputs) == set(model.signatures[key].inputs)
        assert set(result.model.signatures[key].outputs) == set(model.signatures[key].outputs)


def test_chosen_outputs_decide_what_is_kept() -> None:
    model = open_model(TWO)
    outputs = tuple(signatures.output_tensors(model.signatures["classify"]))
    result = optimised(model, outputs=outputs, all_signatures=True)
    assert set(result.model.signatures) == {"classify"}
    assert set(result.choice.left_out) == {"names", "serving_default"}


def test_without_another_request_one_is_kept_as_before() -> None:
    model = open_model(FUNCTIONS)
    assert set(freeze(model).signatures) == {"serving_default"}
    assert set(optimised(model).model.signatures) == {"serving_default"}


def crossed() -> Model:
    """One signature feeds a node that the other one computes."""
    nodes = [
        placeholder("raw", [2]),
        const("two", np.float32(2)),
        node("inner", "Mul", "raw", "two", T="float32"),
        node("y", "Relu", "inner", T="float32"),
        node("z", "Neg", "inner", T="float32"),
    ]
    outer, inner = SignatureDef(), SignatureDef()
    outer.inputs["raw"].name, outer.outputs["y"].name = "raw:0", "y:0"
    inner.inputs["inner"].name, inner.outputs["z"].name = "inner:0", "z:0"
    by_key = {"serving_default": outer, "inner": inner}
    return Model("GraphDef", "m", graph(*nodes), signatures=by_key)


def test_a_signature_that_feeds_what_another_computes_is_left_out() -> None:
    model = crossed()
    result = optimised(model, all_signatures=True)
    assert list(result.model.signatures) == ["serving_default"]
    assert result.choice.left_out == {
        "inner": "it feeds what the signature 'serving_default' computes"
    }
    assert "z" not in result.outputs
    result = optimised(model, signature=("inner", "serving_default"))
    assert result.choice.keys == ("inner",)
    assert result.choice.left_out["serving_default"] == "it needs what another signature feeds"


def test_signatures_of_one_cut_are_both_kept() -> None:
    model = crossed()
    outer = model.signatures["serving_default"]
    outer.inputs["raw"].name = "inner:0"
    cut, broken = signature_boundary.cut_at_all(model.graph, model.signatures, ["y", "z"])
    assert broken == {}
    assert cut.node("inner").op == "Placeholder"


def test_an_input_with_another_upstream_keeps_its_own_inputs() -> None:
    split = node("split", "Split", "axis", "x", T="float32", num_split=2)
    y = node("y", "Relu", "split:1", T="float32")
    model = Model("GraphDef", "m", graph(placeholder("x", [4]), const("axis", 0), split, y))
    for key, tensor in (("serving_default", "x:0"), ("half", "split:1")):
        model.signatures[key] = signature = SignatureDef()
        signature.inputs["a"].name, signature.outputs["y"].name = tensor, "y:0"
        signature.inputs["a"].dtype = signature.outputs["y"].dtype = 1
    for options in ({"all_signatures": True}, {"signature": "half"}):
        result = optimised(model, **options)
        assert result.model.signatures["half"].inputs["a"].name == "split:1"
        assert list(result.model.signatures["half"].inputs) == ["a"]


def test_signatures_are_checked_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_boundary, "_MOST_VISITS", 0)
    model = crossed()
    cut, broken = signature_boundary.cut_at_all(model.graph, model.signatures, ["y", "z"])
    assert broken == {"inner": "too many signatures feed in the middle of the graph"}
    assert cut is model.graph


def test_a_graph_def_says_which_outputs_belong_to_which_signature(tmp_path: Path) -> None:
    frozen = freeze(open_model(TWO), all_signatures=True)
    notes = graphdef.write(frozen, tmp_path / "frozen.pb")
    assert "Outputs of 'classify': scores = probabilities:0." in notes
    assert len([note for note in notes if note.startswith("Outputs of ")]) == 3
    one = graphdef.write(freeze(open_model(TWO)), tmp_path / "one.pb")
    assert not [note for note in one if note.startswith("Outputs of ")]


def test_the_command_line_keeps_several(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*args: object) -> str:
        cli([str(arg) for arg in args], standalone_mode=False)
        return capsys.readouterr().out

    out, record = tmp_path / "out", tmp_path / "record.json"
    text = run("convert", FUNCTIONS, "--to", "saved_model", "-o", out)
    assert "Left out the signature 'scaled': --all-signatures (all_signatures=True" in text
    text = run(
        "convert", FUNCTIONS, "--to", "saved_model", "-o", out, "--all-signatures", "--force"
    )
    assert "Left out" not in text
    assert set(open_model(out).signatures) == {"scaled", "serving_default"}
    both = ["--signature", "scaled", "--signature", "serving_default"]
    run(
        "optimise",
        FUNCTIONS,
        "-o",
        tmp_path / "both",
        *both,
        "--record",
        record,
        "--transforms",
        "",
    )
    assert list(json.loads(record.read_text())["signatures"]["kept"]) == [
        "scaled",
        "serving_default",
    ]
    text = run("freeze", FUNCTIONS, "-o", tmp_path / "f.pb", *both)
    assert "Outputs of 'scaled': " in text
    assert "Left out" in run("freeze", FUNCTIONS, "-o", tmp_path / "g.pb")


def test_python_takes_one_key_or_several() -> None:
    model = inspector.open_model(FUNCTIONS)
    assert list(inspector.freeze(model, signature="scaled").signatures) == ["scaled"]
    both = inspector.freeze(model, signature=["scaled", "serving_default"])
    assert list(both.signatures) == ["scaled", "serving_default"]
    assert len(inspector.optimise(model, transforms="", all_signatures=True).model.signatures) == 2


@pytest.mark.tensorflow
@pytest.mark.parametrize("folder", [FUNCTIONS, TWO], ids=lambda path: path.name)
def test_every_signature_answers_as_before_in_tensorflow(folder: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    model = open_model(folder)
    result = optimise(model, OptimiseOptions(preset="tidy", all_signatures=True)).model
    saved_model_writer.write(result, tmp_path / "new")
    before = tf.saved_model.load(str(folder), tags=model.tag_set)
    after = tf.saved_model.load(str(tmp_path / "new"))
    assert set(after.signatures) == set(signatures.serving_keys(model.signatures))
    for key, function in after.signatures.items():
        feeds = {
            name: tf.ones([size or 2 for size in spec.shape], spec.dtype)
            for name, spec in function.structured_input_signature[1].items()
        }
        expected = before.signatures[key](**feeds)
        for name, value in function(**feeds).items():
            np.testing.assert_array_equal(value.numpy(), expected[name].numpy())
