"""Files of Keras 2 in TensorFlow 1.10, 1.15, 2.4 and 2.15: they answer as they did there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.analysis.describe import describe
from inspector.formats import open_model
from tests.keras_files import quiet

FOLDER = Path(__file__).resolve().parent / "keras"
FILES = sorted(
    path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("tf*/*") if path.suffix != ".npz"
)
MADE_BY = {"tf110": "2.1.6-tf", "tf115": "2.2.4-tf", "tf24": "2.4.0", "tf215": "2.15.0"}


def test_there_are_files_of_all_versions() -> None:
    assert {name.partition("/")[0] for name in FILES} == set(MADE_BY)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", FILES)
def test_a_file_is_described_and_answers_as_where_it_was_made(name: str) -> None:
    from inspector.backend.keras_models import build
    from inspector.backend.predict import predict

    opened = open_model(FOLDER / name)
    facts = describe(opened).to_dict()
    with np.load((FOLDER / name).with_suffix(".npz")) as recorded:
        arrays = dict(recorded)
    made_by = MADE_BY[name.partition("/")[0]]
    assert facts["producer"] == f"keras {made_by}"
    assert facts["parameters"] == arrays["parameters"]
    assert facts["warnings"] == facts["flagged_ops"] == []
    assert len(facts["placeholders"]) == sum(key.startswith("in") for key in arrays)
    outputs = [key for key in arrays if key.startswith("out")]
    assert len(facts["suggested_outputs"]) == len(outputs)
    with quiet():
        graph = build(opened)
    feeds = {row["name"]: arrays[f"in{number}"] for number, row in enumerate(facts["placeholders"])}
    run = predict(graph, feeds, [f"output_node{number}" for number in range(len(outputs))])
    for number, key in enumerate(outputs):
        np.testing.assert_allclose(run.outputs[f"output_node{number}"], arrays[key], atol=1e-5)
