"""A model that a worker reads is the same as one that is read here; then no file is read here."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import inspector
from inspector import formats
from inspector.cli.main import cli
from inspector.errors import CorruptModel, MissingFile, UnsupportedModel
from inspector.jobs.handover import rebuilding
from inspector.model.model import Model
from tests.conftest import ROOT, data_path

IRIS = ROOT / "sample_models/iris/saved_model"
TWO = "SavedModel of TensorFlow 2"
MODELS = {
    "SavedModel of TensorFlow 1": IRIS,
    TWO: ROOT / "sample_models/bikes/saved_model",
    "tables": ROOT / "sample_models/reviews/saved_model",
    "GraphDef": data_path("models/seed/keras/prod_model.pb"),
    "Checkpoint": data_path("models/public/mlnet_cifar_checkpoint/ck"),
    "MetaGraphDef": data_path("models/public/tfnet_meta_cond_test/graph.meta"),
    "Keras": data_path("models/seed/keras/prod_model.h5"),
    "TFLite": data_path("models/seed/keras/prod_model_tf115.tflite"),
}


@pytest.fixture
def no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process opens no model by itself; workers are other processes."""

    def refuse(*_args: object, **_more: object) -> Model:
        raise AssertionError("a file of the model was read here")

    monkeypatch.setattr(formats, "open_model", refuse)


@pytest.mark.parametrize("kind", MODELS)
def test_the_description_is_the_same(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = inspector.open_model(MODELS[kind])
    facts, findings = inspector.describe(plain).to_dict(), inspector.scan(plain).to_dict()
    monkeypatch.setattr(formats, "open_model", None)
    isolated = inspector.open_model(MODELS[kind], isolated=True)
    assert inspector.describe(isolated).to_dict() == facts
    assert inspector.scan(isolated).to_dict() == findings
    assert isolated.path == MODELS[kind]


@pytest.mark.parametrize("kind", ["SavedModel of TensorFlow 1", TWO, "tables"])
def test_the_frozen_graph_is_the_same(kind: str, tmp_path: Path) -> None:
    graphs = []
    for isolated in (False, True):
        frozen = inspector.freeze(inspector.open_model(MODELS[kind], isolated=isolated))
        inspector.save(frozen, tmp_path / "frozen.pb", "graphdef", force=True)
        graphs.append((tmp_path / "frozen.pb").read_bytes())
    assert graphs[0] == graphs[1]


@pytest.mark.usefixtures("no_reading")
def test_an_archive_is_unpacked_in_the_worker_only(tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "iris"), "zip", IRIS)
    model = inspector.open_model(archive, isolated=True)
    assert len(inspector.freeze(model, ["dnn/head/predictions/probabilities"]).graph) == 91


@pytest.mark.usefixtures("no_reading")
def test_errors_come_from_the_worker(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pb"
    broken.write_bytes((IRIS / "saved_model.pb").read_bytes()[:30_000])
    with pytest.raises(CorruptModel, match=r"^broken\.pb: "):
        inspector.open_model(broken, isolated=True)
    with pytest.raises(MissingFile, match="there is no such file"):
        inspector.open_model(tmp_path / "nowhere", isolated=True)


def test_variables_that_are_not_frozen_stay_where_they_are(tmp_path: Path) -> None:
    model = inspector.open_model(IRIS, isolated=True)
    with pytest.raises(UnsupportedModel, match="freeze"):
        inspector.save(model, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.tensorflow
@pytest.mark.usefixtures("no_reading")
def test_it_runs() -> None:
    model = inspector.open_model(MODELS[TWO], isolated=True)
    feeds = inspector.read_feeds(ROOT / "sample_models/bikes/bikes.npz", model)
    outputs = inspector.predict(model, feeds).outputs
    assert all(np.isfinite(value).all() for value in outputs.values())


@pytest.mark.usefixtures("no_reading")
def test_the_command_line() -> None:
    done = CliRunner().invoke(cli, ["describe", str(IRIS), "--isolated"])
    assert done.exit_code == 0, done.output
    assert "792,068" in done.stdout


@pytest.mark.parametrize("how", ["named", "by dots", "by a link"])
def test_a_worker_that_was_taken_over_cannot_have_other_files_copied(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not of the model")
    place = tmp_path / "model"
    shutil.copytree(ROOT / "sample_models/reviews/saved_model", place)
    (place / "link").symlink_to(secret)
    path = {"named": secret, "by dots": place / ".." / "secret", "by a link": place / "link"}[how]
    ask = rebuilding.ask

    def lie(*args: Any, **options: Any) -> Any:
        result = ask(*args, **options)
        for asset in result.value["assets"]:
            asset["path"] = str(path)
        return result

    honest = inspector.open_model(place, isolated=True).assets
    monkeypatch.setattr(rebuilding, "ask", lie)
    lied = inspector.open_model(place, isolated=True).assets
    assert all(asset.path for asset in honest)
    assert [asset.path for asset in lied] == [None] * len(honest) != []
