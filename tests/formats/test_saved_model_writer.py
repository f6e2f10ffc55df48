"""SavedModels as they are written: signature, init op, assets, versions, and not over others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.errors import OutputExists
from inspector.formats import open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef, SavedModel
from inspector.model.model import Model
from tests.conftest import data_path


def test_a_frozen_model_comes_back_as_it_was(tmp_path: Path) -> None:
    frozen = freeze(open_model(data_path("models/seed/iris/saved_model")))
    saved_model_writer.write(frozen, tmp_path / "out")
    again = open_model(tmp_path / "out")
    assert again.graph.to_proto() == frozen.graph.to_proto()
    assert again.graph.versions.producer == 26
    assert again.producer == "1.10.0"
    assert again.tag_set == ["serve"]
    assert again.init_op == frozen.init_op == "group_deps"
    assert again.signatures == frozen.signatures  # its key, ``predict``, too
    assert not again.warnings
    assert again.checkpoint is None
    assert again.variables == []


def test_a_graph_without_a_signature_gets_one_of_its_ends(tmp_path: Path) -> None:
    model = open_model(data_path("models/seed/ppscore/checkpoints/frozen_model.pb"))
    saved_model_writer.write(model, tmp_path / "out")
    signature = open_model(tmp_path / "out").signatures["serving_default"]
    assert sorted(signature.inputs) == ["sent1", "sent2"]
    assert list(signature.outputs) == ["ppscore"]


def test_assets_and_the_init_op_are_told_as_loaders_look_for_them(tmp_path: Path) -> None:
    model = open_model(data_path("models/public/tfx_taxi_trained/model"))
    frozen = freeze(model, signature="predict")
    saved_model_writer.write(frozen, tmp_path / "out")
    assert len(frozen.assets) == 2
    for asset in frozen.assets:
        assert asset.path is not None
        copy = tmp_path / "out" / "assets" / asset.name
        assert copy.read_bytes() == asset.path.read_bytes()
    (meta,) = SavedModel.FromString((tmp_path / "out" / "saved_model.pb").read_bytes()).meta_graphs
    assert len(meta.asset_file_def) == 2
    assert len(meta.collection_def["saved_model_assets"].any_list.value) == 2
    assert list(meta.collection_def["saved_model_main_op"].node_list.value) == [frozen.init_op]
    again = open_model(tmp_path / "out")
    assert [item.tensor for item in again.assets] == [item.tensor for item in frozen.assets]


def test_a_model_that_is_not_frozen_keeps_its_checkpoint(tmp_path: Path) -> None:
    model = open_model(data_path("models/seed/ppscore/two_metagraphs"), ["train"])
    saved_model_writer.write(model, tmp_path / "out")
    again = open_model(tmp_path / "out")
    assert again.variables == model.variables
    assert again.tag_set == ["train"]
    assert [asset.name for asset in again.assets] == ["vocab.txt"]
    assert again.checkpoint is not None
    assert model.checkpoint is not None
    assert np.array_equal(again.checkpoint.read("W"), model.checkpoint.read("W"))
    frozen = freeze(again, ["ppscore"])
    assert len(frozen.graph) == 51


def test_nothing_is_written_over(tmp_path: Path) -> None:
    model = Model(format="GraphDef", name="m", graph=Graph.of(GraphDef()))
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputExists):
        saved_model_writer.write(model, tmp_path)
    with pytest.raises(OutputExists):
        saved_model_writer.write(model, tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
