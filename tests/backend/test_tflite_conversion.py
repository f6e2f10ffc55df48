"""Models become TFLite models that LiteRT runs, with the answers of TensorFlow and their names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from ai_edge_litert.interpreter import Interpreter

import inspector
from inspector.errors import BadParameter, BlockedOp, ConversionFailed, UnsupportedModel
from inspector.graph.protos import NodeDef
from inspector.model import signatures
from inspector.model.model import Model
from inspector.optimisation import feeds as feeding
from inspector.optimisation.feeds import Slot
from tests import tf_models
from tests.conftest import ROOT, data_path
from tests.graphs import const, graph, node, placeholder

pytestmark = pytest.mark.tensorflow

CORPUS = ROOT / "tests" / "models"
SAMPLES = ROOT / "sample_models"
NEAR = 1e-5
"""Of the largest value of an output: LiteRT adds up in another order."""

CONVERTED = [
    *(SAMPLES / name / "saved_model" for name in ("iris", "shapes", "bikes")),
    *(CORPUS / name for name in ("tf110/frozen.pb", "tf115/two_metagraphs", "tf24/function.pb")),
    *(CORPUS / name for name in ("tf215/several_functions", "tf221/sharded_saving")),
    *(CORPUS / "keras" / name for name in ("tf110/conv.h5", "tf215/tf_ops.keras")),
]


def rows(model: Model, key: str | None, batch: int) -> dict[str, np.ndarray]:
    """Random rows for the inputs of a signature; whole numbers are 0."""
    infos = inspector.describe(model).to_dict()["signatures"][key]["inputs"]
    slots = [Slot(name, info["dtype"], info["shape"]) for name, info in infos.items()]
    values = feeding.random_feeds(slots, batch)
    # Random indices would be out of range.
    return {
        key: np.zeros_like(value) if value.dtype.kind in "iu" else value
        for key, value in values.items()
    }


def check(model: Model, lite: Model, key: str | None = None, *batches: int) -> None:
    """The outputs of both agree, by the names of the signature."""
    (lite_key,) = lite.signatures
    for batch in batches or (1, 3):
        values = rows(lite, lite_key, batch)
        expected = inspector.predict(model, values, signature=key).outputs
        answers = inspector.predict(lite, values).outputs
        assert answers.keys() == expected.keys()
        for name, answer in answers.items():
            assert answer.shape == expected[name].shape
            if answer.dtype.kind != "f":
                np.testing.assert_array_equal(answer, expected[name])
                continue
            scale = np.abs(expected[name]).max(initial=1e-30)
            np.testing.assert_allclose(answer / scale, expected[name] / scale, atol=NEAR)


def of_nodes(*nodes: NodeDef, outputs: tuple[str, ...] = ("y",)) -> Model:
    whole = graph(*nodes)
    signature = signatures.for_outputs(whole, outputs)
    return Model("GraphDef", "m", whole, signatures={"serve": signature})


@pytest.mark.parametrize("path", CONVERTED, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_answers_are_those_of_tensorflow(path: Path) -> None:
    model = inspector.open_model(path)
    lite = inspector.convert(model)
    if not model.signatures:
        model = inspector.optimise(model, transforms="").model
    check(model, lite)


def test_a_runner_of_litert_has_the_names_and_the_key(tmp_path: Path) -> None:
    model = inspector.open_model(SAMPLES / "iris" / "saved_model")
    path = tmp_path / "iris.tflite"
    inspector.save(inspector.convert(model, signature="predict"), path, "tflite")
    interpreter = Interpreter(str(path))
    signature = model.signatures["predict"]
    assert interpreter.get_signature_list() == {
        "predict": {"inputs": sorted(signature.inputs), "outputs": sorted(signature.outputs)}
    }
    runner = interpreter.get_signature_runner()
    answer = runner(**{name: np.full(1, 2.0, np.float32) for name in signature.inputs})
    assert answer["probabilities"].shape == (1, 3)
    assert answer["classes"].dtype.kind in "SO"  # out of a table of texts


def test_outputs_that_were_chosen() -> None:
    model = inspector.open_model(SAMPLES / "iris" / "saved_model")
    lite = inspector.convert(model, outputs=["dnn/head/predictions/probabilities"])
    assert list(lite.signatures) == ["serving_default"]
    assert list(lite.signatures["serving_default"].outputs) == ["probabilities"]
    assert "HASHTABLE" not in inspector.describe(lite).to_dict()["op_counts"]


def test_several_signatures_in_one_file(tmp_path: Path) -> None:
    model = inspector.open_model(CORPUS / "tf215" / "several_functions")
    lite = inspector.convert(model, all_signatures=True)
    assert set(lite.signatures) == {"scaled", "serving_default"}
    path = tmp_path / "m.tflite"
    inspector.save(lite, path, "tflite")
    interpreter = Interpreter(str(path))
    for key in lite.signatures:
        values = rows(model, key, 1)
        expected = inspector.predict(model, values, signature=key).outputs
        answers = interpreter.get_signature_runner(key)(**values)
        for name, answer in answers.items():
            np.testing.assert_allclose(answer, expected[name], rtol=NEAR, atol=NEAR)


def test_a_variable_that_a_run_assigns(tmp_path: Path) -> None:
    tf_models.tf2_counter(tmp_path / "counter")
    model = inspector.open_model(tmp_path / "counter")
    lite = inspector.convert(model)
    assert {"VAR_HANDLE", "ASSIGN_VARIABLE"} <= set(inspector.describe(lite).to_dict()["op_counts"])
    check(model, lite, None, 1)


def test_a_graphdef_that_must_be_initialised() -> None:
    model = inspector.open_model(data_path("field/f02_table_graphdef/table.pb"))
    check(inspector.optimise(model, transforms="").model, inspector.convert(model))


def test_the_same_tensor_twice_and_an_input_that_is_an_output() -> None:
    model = of_nodes(placeholder("x", [None, 2]), node("y", "Relu", "x", T="float32"))
    signature = model.signatures["serve"]
    for key in ("again", "copy"):
        signature.outputs[key].CopyFrom(signature.outputs["y"])
    signature.outputs["copy"].name = "x:0"
    check(model, inspector.convert(model))


def test_the_parts_of_a_ragged_input_are_inputs() -> None:
    model = inspector.open_model(CORPUS / "tf221" / "v1_ragged")
    lite = inspector.convert(model)
    inputs = signatures.tensors_by_key(model.signatures["serving_default"].inputs)
    assert set(lite.signatures["serving_default"].inputs) == set(inputs)
    splits, deeper = np.array([0, 2, 3]), np.array([0, 1, 1, 4])
    values = {"x/values": np.array([1, 2, 5], np.float32), "x/row_splits": splits}
    values |= {"deep/0": np.arange(4), "deep/1": splits, "deep/2": deeper}
    expected = inspector.predict(model, {inputs[key]: value for key, value in values.items()})
    answers = inspector.predict(lite, values).outputs
    np.testing.assert_array_equal(answers["sums"], [3.0, 5.0])
    np.testing.assert_array_equal(answers["sums"], expected["sums"])


def test_an_input_of_unknown_rank_has_the_one_that_is_needed() -> None:
    model = of_nodes(
        placeholder("x", None),
        const("kernel", np.ones((3, 3, 2, 1), np.float32)),
        node(
            *("y", "Conv2D", "x", "kernel"),
            T="float32",
            strides=[1, 1, 1, 1],
            padding="SAME",
        ),
    )
    lite = inspector.convert(model)
    values = {"x": np.arange(64, dtype=np.float32).reshape(2, 4, 4, 2)}
    (answer,) = inspector.predict(lite, values).outputs.values()
    (expected,) = inspector.predict(model, values).outputs.values()
    np.testing.assert_allclose(answer, expected, rtol=NEAR)


def test_a_table_with_values_of_hidden_shape_is_named() -> None:
    model = inspector.open_model(CORPUS / "tf221" / "tables")
    with pytest.raises(ConversionFailed) as error:
        inspector.convert(model)
    assert {"MutableDenseHashTableV2", "MutableHashTableV2"} <= {
        item["op"] for item in error.value.nodes
    }


def test_nodes_for_debugging_do_not_matter() -> None:
    model = of_nodes(
        placeholder("x", [None, 2]),
        node("checked", "CheckNumerics", "x", T="float32", message="m"),
        node("y", "Relu", "checked", T="float32"),
    )
    lite = inspector.convert(model)
    assert inspector.describe(lite).to_dict()["op_counts"] == {"RELU": 1}
    check(model, lite)


def test_the_batch_can_be_fixed() -> None:
    model = of_nodes(placeholder("x", [None, 2]), node("y", "Relu", "x", T="float32"))
    facts = inspector.describe(inspector.convert(model, batch=3)).to_dict()
    assert facts["signatures"]["serve"]["inputs"]["x"]["shape"] == [3, 2]
    with pytest.raises(BadParameter, match="at least one row"):
        inspector.convert(model, batch=0)


TEXT = (
    placeholder("x", [None], "string"),
    node("lower", "StringLower", "x"),
    placeholder("z", [None]),
    node("relu", "Relu", "z", T="float32"),
)


def test_what_has_no_operator_is_named() -> None:
    model = of_nodes(*TEXT, outputs=("lower", "relu"))
    with pytest.raises(ConversionFailed) as error:
        inspector.convert(model)
    assert str(error.value) == (
        "m: TFLite: TFLite has no operator for StringLower ('lower'); "
        "leave out the outputs 'lower'; "
        "or keep unsupported ops (--flex), which nothing here can run"
    )
    assert error.value.nodes == [{"op": "StringLower", "node": "lower", "function": ""}]


def test_flex_keeps_it() -> None:
    lite = inspector.convert(of_nodes(*TEXT, outputs=("lower", "relu")), flex=True)
    assert "FlexStringLower" in inspector.describe(lite).to_dict()["op_counts"]
    with pytest.raises(BadParameter, match="flex"):
        inspector.convert(lite, to="graphdef", flex=True)


def test_an_op_that_tensorflow_does_not_have() -> None:
    model = of_nodes(placeholder("x", [2]), node("y", "NobodysOp", "x"))
    with pytest.raises(ConversionFailed, match=r"not in TensorFlow 2.21: NobodysOp \('y'\)"):
        inspector.convert(model)


def test_an_op_that_is_not_run_is_not_converted(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("12345678")
    model = of_nodes(
        const("name", str(secret).encode()),
        node("read", "ReadFile", "name"),
        node("raw", "DecodeRaw", "read", out_type="float32"),
        placeholder("x", [2]),
        node("y", "AddV2", "x", "raw", T="float32"),
    )
    with pytest.raises(BlockedOp, match="ReadFile"):
        inspector.convert(model)


def test_a_tflite_model_is_copied(tmp_path: Path) -> None:
    model = of_nodes(placeholder("x", [None, 2]), node("y", "Relu", "x", T="float32"))
    first, second = tmp_path / "a.tflite", tmp_path / "b.tflite"
    inspector.save(model, first, "tflite")
    inspector.save(inspector.open_model(first), second, "tflite")
    assert first.read_bytes() == second.read_bytes()
    with pytest.raises(UnsupportedModel, match="frozen already"):
        inspector.convert(inspector.open_model(first))
    with pytest.raises(UnsupportedModel, match="graphdef, saved_model, tflite"):
        inspector.convert(model, to="onnx")


RECURRENT = ("tf24/keras", "tf215/keras", "tf221/keras", "keras/tf110/embed.h5")


@pytest.mark.parametrize("name", RECURRENT)
def test_lstm_and_gru_convert_with_a_fixed_batch(name: str) -> None:
    model = inspector.open_model(CORPUS / name)
    with pytest.raises(ConversionFailed, match=r"shapes that are not fixed.*; fix the batch"):
        inspector.convert(model)
    lite = inspector.convert(model, batch=2)
    assert "WHILE" in inspector.describe(lite).to_dict()["op_counts"]
    check(model, lite, next(iter(lite.signatures)), 2)


def test_short_names_make_a_small_file_smaller() -> None:
    model = inspector.open_model(CORPUS / "tf24" / "keras")
    long, short = (inspector.convert(model, batch=2, short_names=flag) for flag in (False, True))
    assert short.bytes["graph"] < 0.9 * long.bytes["graph"]
    assert list(short.signatures) == list(long.signatures)
    check(model, short, next(iter(short.signatures)), 2)
    with pytest.raises(BadParameter, match="short_names"):
        inspector.convert(model, to="graphdef", short_names=True)
