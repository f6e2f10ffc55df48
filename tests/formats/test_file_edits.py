"""A TFLite file gets a signature and short names, and the rest of it stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import inspector
from benchmarks.support.lite_builder import Builder
from inspector.formats.tflite.file_edits import (
    with_short_names,
    with_signature,
    without_repeated_buffers,
)
from tests import lite_models


def test_a_runner_has_the_names(tmp_path: Path) -> None:
    data = with_signature(lite_models.add(), "serve", {"first": 0}, {"sum": 0, "again": 0})
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    before = tmp_path / "before.tflite"
    before.write_bytes(lite_models.add())
    assert inspector.diff(inspector.open_model(before), inspector.open_model(path)).unchanged > 0
    interpreter = Interpreter(model_content=data)
    assert interpreter.get_signature_list() == {
        "serve": {"inputs": ["first"], "outputs": ["again", "sum"]}
    }
    runner = interpreter.get_signature_runner("serve")
    (details,) = runner.get_input_details().values()
    value = np.ones(details["shape"], np.float32)
    answers = runner(first=value)
    assert set(answers) == {"sum", "again"}
    np.testing.assert_array_equal(answers["sum"], answers["again"])


@pytest.mark.parametrize("make", [lite_models.add, lite_models.loop, lite_models.quantised])
def test_all_but_the_signatures_stays(make: Callable[[], bytes]) -> None:
    data = make()
    signed = with_signature(data, "serve", {"first": 0}, {"last": 0})
    before, after = (schema.ModelT.InitFromPackedBuf(item, 0) for item in (data, signed))
    assert [item.signatureKey for item in after.signatureDefs] == [b"serve"]
    after.signatureDefs = before.signatureDefs
    assert packed(after) == packed(before)
    twice = with_signature(signed, "again", {"first": 0}, {"last": 0})
    assert list(Interpreter(model_content=twice).get_signature_list()) == ["again"]


def packed(model: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_a_place_that_there_is_not_is_an_error() -> None:
    with pytest.raises(IndexError):
        with_signature(lite_models.add(), "serve", {"first": 7}, {})


def test_names_become_short_but_for_the_ends(tmp_path: Path) -> None:
    data = with_signature(lite_models.add(), "serve", {"first": 0}, {"sum": 0})
    path = tmp_path / "m.tflite"
    path.write_bytes(with_short_names(data))
    interpreter = Interpreter(model_content=data)
    ends = [interpreter.get_input_details(), interpreter.get_output_details()]
    short = Interpreter(str(path))
    assert [
        [item["name"] for item in side]
        for side in (short.get_input_details(), short.get_output_details())
    ] == [[item["name"] for item in side] for side in ends]
    assert short.get_signature_list() == interpreter.get_signature_list()


def test_a_loop_keeps_its_signatures() -> None:
    data = lite_models.loop()
    short = with_short_names(data)
    before, after = Interpreter(model_content=data), Interpreter(model_content=short)
    assert after.get_signature_list() == before.get_signature_list()
    assert with_short_names(short) == short
    assert len(short) <= len(data)


def with_constants(*values: np.ndarray) -> bytes:
    """A sum of an input and these constants, each in a buffer of its own."""
    builder = Builder()
    constants = [
        builder.tensor(f"c{at}", value.shape, data=value.tobytes())
        for at, value in enumerate(values)
    ]
    count, shape = len(constants), values[0].shape
    sums = [builder.tensor(f"sum{at}", shape) for at in range(count)]
    tensors = [builder.tensor("x", shape), *constants, *sums]
    operators = [
        builder.operator("ADD", [at and count + at, 1 + at], [count + 1 + at], schema.AddOptionsT())
        for at in range(count)
    ]
    builder.subgraph("main", tensors, operators, [0], [len(tensors) - 1])
    return builder.bytes()


def test_constants_of_the_same_bytes_share_a_buffer() -> None:
    once, other = np.arange(4096, dtype=np.float32), np.ones(4096, np.float32)
    data = with_constants(once, other, once, once)
    shared = without_repeated_buffers(data)
    assert len(data) - len(shared) > 2 * once.nbytes - 1000
    answers = []
    for content in (data, shared):
        interpreter = Interpreter(model_content=content)
        interpreter.allocate_tensors()
        interpreter.set_tensor(0, other)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    np.testing.assert_array_equal(answers[0], 3 * once + 2)
    np.testing.assert_array_equal(answers[1], answers[0])


@pytest.mark.parametrize("size", [8, 64])
def test_a_file_of_which_little_repeats_is_not_written_again(size: int) -> None:
    little, much = np.ones(size, np.float32), np.arange(1 << 16, dtype=np.float32)
    for data in (with_constants(much[:size], little), lite_models.loop()):
        assert without_repeated_buffers(data) is data
    builder = Builder()
    names = {"a": little, "b": little, "c": much}
    tensors = [builder.tensor(key, each.shape, data=each.tobytes()) for key, each in names.items()]
    builder.subgraph("main", tensors, [], [], [0])
    data = builder.bytes()
    assert without_repeated_buffers(data) is data
