"""The JSON Schemas of the package: one for each command that answers, and what it prints fits.

Where a test reads the JSON of a command it checks it by `tests.json_schemas`; here is the rest.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import inspector
from inspector.cli.main import cli
from inspector.schemas import SCHEMA, stamped
from tests.conftest import ROOT, data_path
from tests.json_schemas import checked

WITHOUT_JSON = {"app", "schema", "transform_graph"}
SAMPLES = [ROOT / "sample_models" / name / "saved_model" for name in ("reviews", "forecast")]
MODELS = [
    "coral_mobilenet_v1_0_25_128_quant/model.tflite",
    "mlnet_cifar_checkpoint/ck",
    "serving_tflite_with_sigdef/m/00000123/model.tflite",
    "tf2onnx_redundant_inputs/model",
    "tfnet_meta_cond_test/graph.meta",
    "tfx_taxi_trained/model",
    "tflm_audio_preprocessor_int8/model.tflite",
]


def test_each_command_that_answers_has_a_schema() -> None:
    names = inspector.schema_names()
    assert set(names) == {*cli.commands, "benchmark_batches", "record"} - WITHOUT_JSON
    for name in names:
        schema = inspector.schema(name)
        Draft202012Validator.check_schema(schema)
        assert schema["properties"]["schema"]["const"] == SCHEMA
        assert {"schema", "inspector"} <= set(schema["required"])
    with pytest.raises(inspector.errors.BadParameter, match="did you mean 'describe'"):
        inspector.schema("descibe")


@pytest.mark.parametrize("path", [*map(str, SAMPLES), *MODELS], ids=lambda path: path[-40:])
def test_descriptions_and_scans_of_all_kinds_fit(path: str) -> None:
    place = Path(path) if Path(path).is_absolute() else data_path(f"models/public/{path}")
    model = inspector.open_model(place)
    checked("describe", json.dumps(inspector.describe(model).to_dict()))
    checked("scan", json.dumps(inspector.scan(model).to_dict()))
    rows = [row.to_dict() for row in inspector.operations(model)]
    checked("ops", json.dumps(stamped({"operations": rows})))


def test_a_keras_file_fits() -> None:
    (path, *_) = sorted(data_path("models/seed/keras").rglob("*.h5"))
    checked("describe", json.dumps(inspector.describe(inspector.open_model(path)).to_dict()))


def test_a_field_beyond_the_schema_is_found() -> None:
    with pytest.raises(AssertionError, match="extra"):
        checked(
            "render", json.dumps(stamped({"path": "", "format": "svg", "bytes": 1, "extra": 1}))
        )
