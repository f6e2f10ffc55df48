"""Operators cut out of a TFLite file, also of a damaged one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from inspector import formats
from inspector.errors import CorruptModel, InspectorError
from inspector.formats.tflite import file_edits
from inspector.formats.tflite.operator_cutter import OperatorCutter
from tests import lite_models


def opened(folder: Path, data: bytes):
    path = folder / "model.tflite"
    path.write_bytes(data)
    return formats.open_model(path).lite.file


def answer(data: bytes, value: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=data, num_threads=1)
    (details,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(details["index"], value.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(details["index"], value)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_constants_and_subgraphs_go_along(tmp_path: Path) -> None:
    data = lite_models.add(batch=-1)
    alone = OperatorCutter(data, opened(tmp_path, data)).cut_one(0, {})
    assert alone.inputs == [0]
    assert answer(alone.data, np.float32([[1, 1], [5, 5]])).tolist() == [[2, 3], [6, 7]]
    data = lite_models.loop()
    alone = OperatorCutter(data, opened(tmp_path, data)).cut_one(0, {})
    assert answer(alone.data, np.int32(3)) == 10


def test_other_tensors_as_outputs(tmp_path: Path) -> None:
    data = lite_models.add(batch=-1)
    assert opened(tmp_path, data).subgraphs[0].outputs == [2]
    edited = opened(tmp_path, file_edits.with_outputs(data, 0, [0, 2]))
    assert edited.subgraphs[0].outputs == [0, 2]
    (signature,) = edited.signatures
    assert (signature.inputs, signature.outputs) == ({"0": 0}, {"0": 0, "2": 2})


@pytest.mark.parametrize("seed", [lite_models.add(), lite_models.loop(), lite_models.quantised()])
def test_a_damaged_file_is_one_error(seed: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(250):
        data = bytearray(seed)
        for place in rng.integers(0, len(data), rng.integers(1, 4)):
            data[place] = rng.integers(0, 256)
        try:
            file = opened(tmp_path, bytes(data))
            cutter = OperatorCutter(bytes(data), file)
            for number in range(len(file.subgraphs[0].operators)):
                if cutter.why_not(number) is None:
                    cutter.cut_one(number, {})
        except CorruptModel:
            seen.add("corrupt")
        except InspectorError:
            seen.add("refused")
        else:
            seen.add("cut")
    assert {"corrupt", "cut"} <= seen
