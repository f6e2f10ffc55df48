"""MetaGraphDefs alone: described as they are, and what freezing them lacks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from google.protobuf import text_format

from inspector.analysis.describe import describe
from inspector.errors import CorruptModel, InspectorError, MissingVariables, UnknownFormat
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.graph.protos import POOL, MetaGraphDef
from tests.conftest import data_path

PUBLIC = (
    "tfnet_meta_att_rnn_untrained",
    "tfnet_meta_cond_test",
    "tfnet_meta_kmeans",
    "tfnet_meta_lstm_crf_ner",
    "tfnet_meta_rcnn_untrained",
)
SEED = "models/seed/ppscore/checkpoints"


@pytest.mark.parametrize("name", PUBLIC)
def test_public_files_have_the_figures_that_tensorflow_gives(name: str) -> None:
    expected = json.loads(data_path(f"models/public/{name}/EXPECTED.json").read_text())["graph"]
    model = open_model(data_path(f"models/public/{name}/graph.meta"))
    facts = describe(model).to_dict()
    assert facts["format"] == "MetaGraphDef"
    assert facts["nodes"] == expected["nodes"]
    assert facts["op_counts"] == expected["ops"]
    assert facts["functions"] == expected["function_count"]
    assert [
        {**item, "shape": [-1 if size is None else size for size in item["shape"] or []]}
        for item in facts["placeholders"]
    ] == [
        {key: item[key] or [] for key in ("name", "dtype", "shape")}
        for item in expected["placeholders"]
    ]
    assert facts["variable_list"] == []
    has_variables = bool(expected["variable_nodes"])
    assert facts["warnings"] == (
        ["No checkpoint lies beside the file: its variables have no values."]
        if has_variables
        else []
    )


def test_a_graph_without_variables_freezes_alone() -> None:
    frozen = freeze(
        open_model(data_path("models/public/tfnet_meta_cond_test/graph.meta")), ["cond/Merge"]
    )
    assert "cond/Merge" in frozen.graph


def test_what_is_missing_to_freeze_is_said(tmp_path: Path) -> None:
    shutil.copy(data_path(f"{SEED}/var.meta"), tmp_path)
    model = open_model(tmp_path / "var.meta")
    assert (model.format, model.name, model.producer) == ("MetaGraphDef", "var.meta", "1.10.0")
    with pytest.raises(MissingVariables, match=r"'W' and 1 more: they have no values: .*"):
        freeze(model, ["ppscore"])


def test_the_checkpoint_of_the_same_prefix_gives_the_values(tmp_path: Path) -> None:
    model = open_model(data_path(f"{SEED}/var.meta"))
    assert model.format == "MetaGraphDef"
    assert model.bytes == {"graph": 60775, "variables": 10144, "assets": 0, "total": 70919}
    assert len(freeze(model, ["ppscore"]).graph) == 51
    for name in ("var.meta", "var.data-00000-of-00001"):
        shutil.copy(data_path(f"{SEED}/{name}"), tmp_path)
    (tmp_path / "var.index").write_bytes(b"no table")
    model = open_model(tmp_path / "var.meta")
    assert "cannot be read" in model.warnings[0]
    with pytest.raises(MissingVariables, match=r"the checkpoint cannot be read: var\.index"):
        freeze(model, ["ppscore"])


def test_text_and_another_name_do_not_matter(tmp_path: Path) -> None:
    meta = MetaGraphDef.FromString(data_path(f"{SEED}/var.meta").read_bytes())
    written = text_format.MessageToString(meta, descriptor_pool=POOL)
    (tmp_path / "graph").write_text(written)
    model = open_model(tmp_path / "graph")
    assert (model.format, len(model.graph)) == ("MetaGraphDef", 358)
    assert model.bytes["graph"] == len(written)


def tables(*collected: str, group: str = "") -> bytes:
    meta = MetaGraphDef()
    for name in ("table_a", "table_b"):
        meta.graph_def.node.add(name=name, op="HashTableV2")
        meta.graph_def.node.add(name=f"{name}/init", op="InitializeTableV2", input=[name])
    if group:
        inputs = [f"^{name}" for name in collected]
        meta.graph_def.node.add(name=group, op="NoOp", input=inputs)
    meta.collection_def["table_initializer"].node_list.value.extend(collected)
    return bytes(meta.SerializeToString())


@pytest.mark.parametrize(
    ("content", "init_op"),
    [
        (tables("table_a/init"), "table_a/init"),
        (tables("table_a/init", "table_b/init", group="init_all"), "init_all"),
        (tables("table_a/init", "table_b/init"), None),
        (tables("elsewhere"), None),
        (tables(), None),
    ],
)
def test_the_op_that_fills_the_tables(tmp_path: Path, content: bytes, init_op: str | None) -> None:
    (tmp_path / "m.meta").write_bytes(content)
    model = open_model(tmp_path / "m.meta")
    assert model.init_op == init_op


def test_a_file_cut_anywhere_is_one_clear_error(tmp_path: Path) -> None:
    data = data_path(f"{SEED}/var.meta").read_bytes()
    said_corrupt = 0
    for length in [*range(1, 300, 11), *range(300, len(data) - 1, 2503), len(data) - 1]:
        (tmp_path / "m").write_bytes(data[:length])
        with pytest.raises(InspectorError) as caught:
            open_model(tmp_path / "m").graph.op_counts()
        assert isinstance(caught.value, CorruptModel | UnknownFormat)
        said_corrupt += isinstance(caught.value, CorruptModel)
    assert said_corrupt > 20
