"""Quantised TFLite models: sizes, answers, what stays float, and the traps of the library."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

import inspector
from benchmarks import digits
from benchmarks.support.lite_builder import Builder
from inspector.api import RECIPES
from inspector.backend.litert import lite_differences
from inspector.errors import (
    BadFeed,
    BadParameter,
    CorruptModel,
    InspectorError,
    QuantisationFailed,
    RunFailed,
    UnsupportedModel,
)
from inspector.formats.tflite.lite_model import LiteModel, lite_model
from inspector.jobs.client import quantisation
from inspector.optimisation.tflite import samples
from tests import lite_models
from tests.conftest import ROOT, data_path

SAMPLES = ROOT / "sample_models"
IMAGES, LABELS = digits.rows("test")
TRAINING = digits.rows("training")[0][:300]

# The largest difference of a probability on the 500 rows, with half of it in reserve.
FAR = {
    "float16": 0.0035,
    "dynamic": 0.04,
    "weights": 0.035,
    "int8": 0.12,
    "int4": 0.7,
    "int16": 0.08,
}
SMALLER = {"float16": 1.8, "dynamic": 2.7, "weights": 2.7, "int8": 2.6, "int4": 4, "int16": 2.5}


def network(name: str) -> LiteModel:
    return lite_model(inspector.open_model(digits.network(name)))


def quantised(model: inspector.Model, recipe: str, **options: Any) -> LiteModel:
    return lite_model(inspector.convert(model, quantise=recipe, **options))


def answers(model: inspector.Model, images: Any = IMAGES) -> Any:
    """As LiteRT has them, without Inspector."""
    assert model.path is not None
    runner = Interpreter(str(model.path)).get_signature_runner()
    return runner(image=images)["digit"]


def opened(data: bytes, path: Path) -> inspector.Model:
    path.write_bytes(data)
    return inspector.open_model(path)


def edited(change: Any, name: str = "dense") -> bytes:
    """The network with its file changed."""
    file = flatbuffer_utils.read_model_from_bytearray(bytearray(digits.network(name).read_bytes()))
    change(file)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(file))


@pytest.mark.parametrize("name", digits.NETWORKS)
@pytest.mark.parametrize("recipe", RECIPES)
def test_the_answers_of_each_recipe(recipe: str, name: str) -> None:
    model = network(name)
    result = quantised(model, recipe, samples={"image": TRAINING})
    before, after = answers(model), answers(result)
    assert after.dtype == np.float32
    assert np.abs(before - after).max() < FAR[recipe]
    same = (before.argmax(1) == after.argmax(1)).mean()
    assert same >= 0.99
    assert model.bytes["total"] / result.bytes["total"] > SMALLER[recipe]
    assert result.signatures.keys() == model.signatures.keys()
    assert result.name == model.name


def test_full_int8_reads_the_digits_as_well() -> None:
    result = quantised(network("conv"), "int8", samples={"image": TRAINING})
    before = (answers(network("conv")).argmax(1) == LABELS).mean()
    assert (answers(result).argmax(1) == LABELS).mean() >= before - 0.01


def test_the_report_is_that_of_litert() -> None:
    model = network("conv")
    result = quantised(model, "dynamic", samples={"image": IMAGES})
    report = result.quantisation
    assert report is not None
    assert (report.recipe, report.rows, report.rows_from) == ("dynamic", 500, "samples")
    before, after = answers(model), answers(result)
    digit = report.outputs["digit"]
    apart = np.abs(before - after)
    # Batches of other sizes add up in another order.
    assert digit.max_abs == pytest.approx(apart.max(), abs=2e-3)
    assert digit.mean_abs == pytest.approx(apart.mean(), abs=1e-4)
    assert digit.argmax_equal == pytest.approx(
        (before.argmax(1) == after.argmax(1)).mean(), abs=4e-3
    )
    assert report.max_difference == digit.max_abs
    assert report.types == {"int8": 2}
    assert "Quantised by the recipe dynamic: 2 as int8." in result.notes


def test_random_rows_are_compared_without_samples() -> None:
    report = quantised(network("dense"), "float16").quantisation
    assert report is not None
    assert (report.rows, report.rows_from) == (16, "random")
    assert any("16 random rows" in line for line in report.sentences())


@pytest.mark.tensorflow
def test_dynamic_and_float16_are_those_of_the_converter() -> None:
    """Dynamic with its threshold of 1024 elements; of float16 it also rounds the biases."""
    import tensorflow as tf

    path = SAMPLES / "shapes" / "saved_model"
    images = np.load(SAMPLES / "shapes" / "shapes.npz")["image"]
    lite = inspector.convert(inspector.open_model(path))
    assert lite.path is not None

    def converted(half: bool) -> Any:
        converter = tf.lite.TFLiteConverter.from_saved_model(str(path))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if half:
            converter.target_spec.supported_types = [tf.float16]
        return Interpreter(model_content=converter.convert()).get_signature_runner()(image=images)

    for recipe in ("dynamic", "float16"):
        result = quantised(lite, recipe, min_elements=1024 if recipe == "dynamic" else 0)
        runner = Interpreter(str(result.path)).get_signature_runner()
        expected = converted(recipe == "float16")
        for name, value in runner(image=images).items():
            near = 1e-4 if recipe == "dynamic" else 2**-10 * np.abs(value).max()
            np.testing.assert_allclose(value, expected[name], atol=near)


@pytest.mark.tensorflow
def test_a_model_of_tensorflow_is_converted_and_quantised() -> None:
    model = inspector.open_model(SAMPLES / "iris" / "saved_model")
    feeds = inspector.read_feeds(SAMPLES / "iris" / "iris.csv", model)
    result = quantised(model, "int8", signature="predict", samples=feeds)
    report = result.quantisation
    assert report is not None
    assert report.rows == 150
    # A moving average of the ranges of rows in order of their class loses a third of the classes.
    assert report.outputs["classes"].changed <= 2
    assert report.outputs["class_ids"].changed <= 2
    probabilities = inspector.predict(result, feeds).outputs["probabilities"]
    expected = inspector.predict(model, feeds, signature="predict").outputs["probabilities"]
    assert np.abs(probabilities - expected).max() < 0.12
    short = quantised(model, "dynamic", signature="predict", short_names=True, keep=["logits"])
    assert short.bytes["total"] < quantised(model, "dynamic", signature="predict").bytes["total"]


@pytest.mark.tensorflow
def test_samples_are_checked_before_the_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    from inspector.jobs.client import conversion

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("converted")

    monkeypatch.setattr(conversion, "to_tflite", never)
    model = inspector.open_model(SAMPLES / "shapes" / "saved_model")
    with pytest.raises(BadFeed, match="samples: picture: the model has no such input"):
        inspector.convert(model, quantise="int8", samples={"picture": [1.0]})


# The traps of the library.


def test_the_order_of_the_samples_does_not_matter() -> None:
    model = network("dense")
    first = quantised(model, "int8", samples={"image": TRAINING})
    last = quantised(model, "int8", samples={"image": TRAINING[::-1]})
    assert first.path is not None
    assert last.path is not None
    assert first.path.read_bytes() == last.path.read_bytes()


def test_an_output_that_an_operator_reads_stays_right(tmp_path: Path) -> None:
    """The library's own float outputs make such an operator read float32 as whole numbers."""

    def with_logits(file: Any) -> None:
        (graph,) = file.subgraphs
        (soft,) = (item for item in graph.operators if item.outputs[0] == graph.outputs[0])
        graph.outputs.append(soft.inputs[0])
        logits = schema.TensorMapT(b"logits", soft.inputs[0])
        file.signatureDefs[0].outputs.append(logits)

    model = opened(edited(with_logits), tmp_path / "two.tflite")
    result = quantised(model, "int8", samples={"image": TRAINING})
    before, after = (inspector.predict(item, {"image": IMAGES}).outputs for item in (model, result))
    assert np.abs(before["digit"] - after["digit"]).max() < FAR["int8"]
    largest = np.abs(before["logits"]).max()
    assert np.abs(before["logits"] - after["logits"]).max() < 0.05 * largest


@pytest.mark.parametrize("recipe", ["float16", "int8"])
def test_a_quantised_model_is_refused(recipe: str, tmp_path: Path) -> None:
    """Float16 on whole numbers makes a file that cannot be loaded."""
    model = opened(lite_models.quantised(), tmp_path / "m.tflite")
    with pytest.raises(UnsupportedModel, match="is quantised already: the weight of"):
        quantised(model, recipe, samples={"x": np.zeros((1, 4), np.int8)})
    again = quantised(network("dense"), "float16")
    with pytest.raises(UnsupportedModel, match="it has operators DEQUANTIZE"):
        quantised(again, "dynamic")


def test_operator_codes_of_tensorflow_1(tmp_path: Path) -> None:
    """The library takes them for ADD, and leaves everything as it is."""

    def age(file: Any) -> None:
        for code in file.operatorCodes:
            code.builtinCode = 0

    old = opened(edited(age), tmp_path / "old.tflite")
    result = quantised(old, "dynamic", samples={"image": TRAINING})
    assert any("TensorFlow 1" in note for note in result.notes)
    assert old.bytes["total"] / result.bytes["total"] > SMALLER["dynamic"]
    np.testing.assert_allclose(answers(old), answers(network("dense")))
    assert np.abs(answers(old) - answers(result)).max() < FAR["dynamic"]


def test_a_file_of_tensorflow_1_itself() -> None:
    path = data_path("models/seed/keras/prod_model_tf115.tflite")
    result = quantised(inspector.open_model(path), "float16")
    assert result.quantisation is not None
    assert result.quantisation.types == {"float16": 2}


def test_a_file_without_signature_and_names(tmp_path: Path) -> None:
    def bare(file: Any) -> None:
        file.signatureDefs = None
        for tensor in file.subgraphs[0].tensors[2:]:
            tensor.name = None

    model = opened(edited(bare), tmp_path / "bare.tflite")
    (key,) = (item["name"] for item in inspector.describe(model).to_dict()["placeholders"])
    assert quantised(model, "dynamic", min_elements=64).signatures == {}
    result = quantised(model, "int8", samples={key: TRAINING})
    assert list(result.signatures) == ["serving_default"]
    report = result.quantisation
    assert report is not None
    assert all((item.argmax_equal or 0) >= 0.99 for item in report.outputs.values())


def test_a_model_of_a_fixed_batch(tmp_path: Path) -> None:
    def fix(file: Any) -> None:
        for tensor in file.subgraphs[0].tensors:
            tensor.shapeSignature = None

    model = opened(edited(fix), tmp_path / "one.tflite")
    result = quantised(model, "int8", samples={"image": TRAINING[:20]})
    assert result.quantisation is not None
    assert result.quantisation.rows == 20
    assert result.quantisation.outputs["digit"].argmax_equal == 1.0


def test_packed_labels_and_metadata_stay(tmp_path: Path) -> None:
    def describe(file: Any) -> None:
        file.metadata = [*(file.metadata or ()), schema.MetadataT("mine", len(file.buffers))]
        file.buffers.append(schema.BufferT(np.frombuffer(b"a note", np.uint8)))

    packed = io.BytesIO(edited(describe))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("labels.txt", "\n".join("0123456789"))
    model = opened(packed.getvalue(), tmp_path / "labelled.tflite")
    for recipe in ("dynamic", "int8"):
        result = quantised(model, recipe, samples={"image": TRAINING[:40]})
        facts = inspector.describe(result).to_dict()
        (labels,) = facts["associated_files"]
        assert labels["name"] == "labels.txt"
        assert labels["lines"] == list("0123456789")
        assert "mine" in facts["metadata_names"]
        assert (
            facts["model_description"] == inspector.describe(model).to_dict()["model_description"]
        )
        assert answers(result).shape == (500, 10)


def test_nothing_to_quantise_is_said(tmp_path: Path) -> None:
    model = opened(lite_models.add(), tmp_path / "add.tflite")
    with pytest.raises(QuantisationFailed, match=r"nothing was quantised: .* the model has none$"):
        quantised(model, "dynamic")
    with pytest.raises(QuantisationFailed, match="of at least 100,000 elements"):
        quantised(network("dense"), "dynamic", min_elements=100_000)
    with pytest.raises(QuantisationFailed, match="none beside those kept in float"):
        quantised(network("dense"), "float16", keep=["."])


def test_no_samples_and_no_numbers() -> None:
    with pytest.raises(BadFeed, match="samples: missing: the recipe int8 measures ranges"):
        quantised(network("dense"), "int8")
    images = TRAINING[:4].copy()
    images[2, 1, 1] = np.nan
    with pytest.raises(BadFeed, match="image: holds nan in row 2"):
        quantised(network("dense"), "int8", samples={"image": images})
    with pytest.raises(BadFeed, match="picture: the model has no such input; known: image"):
        quantised(network("dense"), "dynamic", samples={"picture": images})


def test_ranges_are_not_measured_in_loops(tmp_path: Path) -> None:
    """TensorFlow's own calibration ends the process; the library raises 'Tensor data is null'."""
    model = opened(lite_models.loop(), tmp_path / "loop.tflite")
    with pytest.raises(QuantisationFailed, match="cannot be measured inside of WHILE; a recipe w"):
        quantised(model, "int8", signature="loop", samples={"start": np.int32(0)})


def test_ranges_are_measured_for_one_signature(tmp_path: Path) -> None:
    built = Builder()
    for at, key in enumerate(("one", "two")):
        tensors = [built.tensor("x"), built.tensor("y")]
        built.subgraph(key, tensors, [built.operator("TANH", [0], [1])], [0], [1])
        built.signature(key, at, {"x": 0}, {"y": 1})
    model = opened(built.bytes(), tmp_path / "two.tflite")
    with pytest.raises(QuantisationFailed, match="has several signatures, and samples are rows"):
        quantised(model, "int8", signature="two", samples={"x": np.zeros((1, 2), np.float32)})


def test_a_model_that_does_not_run_on_the_samples(tmp_path: Path) -> None:
    built = Builder()
    table = np.zeros((4, 8), np.float32).tobytes()
    built.subgraph(
        "main",
        [
            built.tensor("table", [4, 8], data=table),
            built.tensor("index", [1], schema.TensorType.INT32),
            built.tensor("row", [1, 8]),
        ],
        [built.operator("GATHER", [0, 1], [2], schema.GatherOptionsT())],
        [1],
        [2],
    )
    model = opened(built.bytes(), tmp_path / "gather.tflite")
    with pytest.raises(RunFailed, match="index out of bounds"):
        quantised(model, "int8", samples={"index": np.array([9], np.int32)})


# What stays float.


def test_operators_stay_float() -> None:
    model = network("conv")
    every = quantised(model, "dynamic", min_elements=0)
    assert every.quantisation is not None
    assert every.quantisation.types == {"int8": 5}
    cases: list[tuple[dict[str, Any], int]] = [
        ({"keep": ["digit"]}, 4),
        ({"keep_ops": ["FULLY_CONNECTED"]}, 3),
        ({"keep_ops": ["FULLY_CONNECTED"], "keep": ["re_lu"]}, 2),
        ({"min_elements": 1000}, 2),
    ]
    for kept, count in cases:
        result = quantised(model, "dynamic", **{"min_elements": 0, **kept}).quantisation
        assert result is not None
        assert result.types == {"int8": count}, kept
    half = quantised(model, "float16", min_elements=1000).quantisation
    assert half is not None
    assert half.types == {"float16": 2}


def test_what_is_kept_must_be_there() -> None:
    for kept, why in (
        ({"keep": ["nowhere"]}, "keep 'nowhere': fits no operator"),
        ({"keep_ops": ["CONV2D"]}, "did you mean 'CONV_2D'"),
        ({"keep_nodes": ["nowhere"]}, "keep 'nowhere': fits no operator"),
        ({"keep": ["("]}, "is no regular expression"),
        ({"min_elements": -1}, "min_elements: is -1"),
    ):
        with pytest.raises(BadParameter, match=why):
            quantised(network("conv"), "dynamic", **kept)
    with pytest.raises(
        BadParameter, match=r"quantise: int9: no recipe; did you mean 'int8'.*float"
    ):
        quantised(network("conv"), "int9")
    with pytest.raises(BadParameter, match="keep: is for a model that is quantised"):
        inspector.convert(network("conv"), keep=["x"])
    with pytest.raises(BadParameter, match="batch: is for a model that is converted"):
        quantised(network("conv"), "dynamic", batch=2)
    with pytest.raises(BadParameter, match="quantise: is for tflite"):
        inspector.convert(network("conv"), "graphdef", quantise="dynamic")


def test_sensitivity_orders_the_weights_and_the_worst_are_kept() -> None:
    model = network("conv")
    result = inspector.sensitivity(model, "int4", {"image": IMAGES[:200]}, min_elements=300)
    assert [layer.op for layer in result.layers].count("FULLY_CONNECTED") == 2
    figures = [layer.difference for layer in result.layers]
    assert figures == sorted(figures, key=lambda value: -(value or 0))
    # One by one, as the library itself would do it.
    first = result.layers[0]
    others = [layer.node for layer in result.layers[1:]]
    alone = quantised(model, "int4", min_elements=300, keep_nodes=others)
    apart = np.abs(answers(model, IMAGES[:200]) - answers(alone, IMAGES[:200])).max()
    assert first.outputs["digit"].max_abs == pytest.approx(apart, abs=2e-3)
    kept = quantised(model, "int4", min_elements=300, keep_nodes=result.worst(1))
    (weight,) = (
        tensor
        for tensor in inspector.describe(kept).to_dict()["tensors"]
        if tensor["name"] == first.weight
    )
    assert weight["dtype"] == "float32"
    data = result.to_dict()
    assert data["rows"] == 200
    assert data["layers"][0]["node"] == first.node
    assert data["layers"][0]["difference"] == first.difference


def test_sensitivity_with_measured_ranges() -> None:
    result = inspector.sensitivity(network("dense"), "int8", {"image": TRAINING})
    assert len(result.layers) == 3
    assert not any(layer.error for layer in result.layers)


# Without the extra, and hostile files.


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantisation, "find_spec", lambda _: None)
    with pytest.raises(UnsupportedModel, match=r"litert-quantizer: pip install 'tf-graph-inspecto"):
        quantised(network("dense"), "dynamic")


def test_a_file_that_is_cut_short(tmp_path: Path) -> None:
    data = digits.network("dense").read_bytes()
    for share in (0.1, 0.5, 0.9, 0.999):
        path = tmp_path / "cut.tflite"
        path.write_bytes(data[: int(share * len(data))])
        with pytest.raises(InspectorError):
            quantised(inspector.open_model(path), "dynamic")


@pytest.mark.parametrize("recipe", ["float16", "int8"])
def test_a_weight_that_is_shorter_than_its_shape(recipe: str, tmp_path: Path) -> None:
    def cut(file: Any) -> None:
        buffer = max(file.buffers, key=lambda item: 0 if item.data is None else len(item.data))
        buffer.data = buffer.data[:100]

    model = opened(edited(cut), tmp_path / "short.tflite")
    with pytest.raises((QuantisationFailed, CorruptModel, RunFailed), match=r"^short"):
        quantised(model, recipe, samples={"image": TRAINING[:4]})


def test_custom_operators_and_no_buffers(tmp_path: Path) -> None:
    model = opened(lite_models.custom("Nobodys"), tmp_path / "custom.tflite")
    with pytest.raises(QuantisationFailed, match="nothing was quantised"):
        quantised(model, "dynamic")
    with pytest.raises((QuantisationFailed, RunFailed), match=r"^custom"):
        quantised(model, "int8", samples={"tensor_0": np.zeros((1, 2), np.float32)})
    path = data_path("models/public/coral_invalid_invoke/model.tflite")
    with pytest.raises(InspectorError):
        quantised(inspector.open_model(path), "int8", samples={"x": np.zeros((1, 3), np.uint8)})


def test_a_model_that_litert_cannot_run_is_not_compared(tmp_path: Path) -> None:
    def append(file: Any) -> None:
        (graph,) = file.subgraphs
        file.operatorCodes.append(
            schema.OperatorCodeT(32, b"FlexNobodys", 1, schema.BuiltinOperator.CUSTOM)
        )
        tensor = schema.TensorT(shape=[1, 10], name=b"y", shapeSignature=[-1, 10])
        graph.tensors.append(tensor)
        code = len(file.operatorCodes) - 1
        graph.operators.append(
            schema.OperatorT(code, list(graph.outputs), [len(graph.tensors) - 1])
        )

    model = opened(edited(append), tmp_path / "flex.tflite")
    report = quantised(model, "dynamic").quantisation
    assert report is not None
    assert report.types == {"int8": 2}
    assert "Flex" in report.unchecked
    assert report.outputs == {}
    assert report.max_difference is None


@pytest.mark.slow
def test_files_that_are_changed_at_random(tmp_path: Path) -> None:
    """A file that opens is quantised, or refused with an error of ours; it may end its worker."""
    data = digits.network("dense").read_bytes()
    rng = random.Random(5)
    outcomes = []
    for _ in range(24):
        changed = bytearray(data)
        # The tables lie in front of the weights, which may hold any number.
        for _ in range(rng.choice((1, 2, 4))):
            changed[rng.randrange(6000)] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        try:
            model = opened(bytes(changed), tmp_path / "changed.tflite")
            recipe = rng.choice(("float16", "dynamic", "int8"))
            quantised(model, recipe, samples={"image": TRAINING[:2]}, timeout=60)
            outcomes.append("quantised")
        except InspectorError as err:
            outcomes.append(f"{type(err).__name__}: {err}")
    assert not [line for line in outcomes if "failed unexpectedly" in line]
    assert "quantised" in outcomes
    assert len(set(outcomes)) > 2


# Of the corpus, with the tolerance of each recipe by the largest value of an output.
CORPUS = ("tf110/frozen.pb", "tf215/several_functions", "keras/tf215/tf_ops.keras")
NEAR = {"float16": 0.01, "dynamic": 0.1, "weights": 0.1, "int8": 0.1, "int16": 0.1}


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_keeps_its_answers(name: str) -> None:
    """Against TensorFlow's answers for the model, on random rows."""
    path = ROOT / "tests" / "models" / name
    model = inspector.optimise(inspector.open_model(path), transforms="").model
    lite = lite_model(inspector.convert(model))
    rows = samples.random_rows(lite_differences.slots(lite), 16)
    expected = inspector.predict(model, rows).outputs
    for recipe, near in NEAR.items():
        result = quantised(lite, recipe, samples=rows, min_elements=0)
        for key, value in inspector.predict(result, rows).outputs.items():
            if value.dtype.kind == "f":
                scale = np.abs(expected[key]).max()
                np.testing.assert_allclose(value / scale, expected[key] / scale, atol=near)
