"""`open_model`: what is recognised, by content alone, and what a user is told of all the rest."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from inspector.errors import (
    AmbiguousModel,
    CorruptModel,
    InspectorError,
    MissingFile,
    UnknownFormat,
    UnknownTagSet,
    UnsupportedModel,
)
from inspector.formats import open_model
from inspector.graph.protos import GraphDef, SavedModel
from tests.conftest import data_path

SEED_SAVED_MODELS = {
    "iris/saved_model": ("iris", "saved_model"),
    "iris/optimised_saved_model": ("iris", "optimised_saved_model"),
    "ppscore/simple_save": ("ppscore", "simple_save"),
    "ppscore/two_metagraphs": ("ppscore", "two_metagraphs"),
}


@pytest.mark.parametrize("folder", SEED_SAVED_MODELS)
def test_saved_models_of_the_seed_have_the_figures_that_tensorflow_gives(folder: str) -> None:
    part, key = SEED_SAVED_MODELS[folder]
    expected = json.loads(data_path("models/seed/EXPECTED.json").read_text())[part][key]
    for meta in expected["meta_graphs"]:
        model = open_model(data_path(f"models/seed/{folder}"), tag_set=meta["tags"])
        assert model.format == "SavedModel"
        assert model.tag_set == meta["tags"]
        assert model.producer == meta["tf_version"]
        assert model.graph.op_counts() == dict(
            sorted(meta["graph"]["ops"].items(), key=lambda item: (-item[1], item[0]))
        )
        found = [{"name": v.name, "dtype": v.dtype, "shape": v.shape} for v in model.variables]
        assert found == expected.get("variables", [])
        assert not model.warnings
    assert model.tag_sets == [meta["tags"] for meta in expected["meta_graphs"]]


def test_sizes_are_those_of_the_files() -> None:
    model = open_model(data_path("models/seed/ppscore/two_metagraphs"))
    assert model.bytes == {"graph": 78901, "variables": 10144, "assets": 17, "total": 89062}
    assert ("assets/vocab.txt", 17) in model.files
    assert model.tag_set == ["serve"]


def test_assets_of_tensorflow_1_come_from_their_collection() -> None:
    model = open_model(data_path("models/seed/ppscore/two_metagraphs"), tag_set=["train"])
    (asset,) = model.assets
    assert asset.name == "vocab.txt"
    assert asset.path is not None
    assert asset.path.is_file()


@pytest.mark.parametrize("name", ["model", "model.h5", "weights.zip", "a b.tflite"])
def test_the_suffix_does_not_matter(tmp_path: Path, name: str) -> None:
    shutil.copy(data_path("models/seed/ppscore/checkpoints/frozen_model.pb"), tmp_path / name)
    assert len(open_model(tmp_path / name).graph) == 51
    shutil.copy(data_path("models/seed/ppscore/simple_save/saved_model.pb"), tmp_path / name)
    model = open_model(tmp_path / name)
    assert (model.format, len(model.graph)) == ("SavedModel", 385)
    assert any("variables folder is missing" in text for text in model.warnings)


def test_a_missing_variables_folder_leaves_a_model_to_look_at(tmp_path: Path) -> None:
    shutil.copy(data_path("models/seed/iris/saved_model/saved_model.pb"), tmp_path)
    model = open_model(tmp_path)
    assert len(model.graph) == 252
    assert model.variables == []
    assert model.checkpoint is None
    assert len(model.warnings) == 1
    assert "variables" in model.warnings[0]


def test_a_damaged_index_leaves_a_model_to_look_at(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(
        data_path("models/seed/iris/saved_model"), folder, copy_function=shutil.copyfile
    )
    (folder / "variables").chmod(0o755)
    index = folder / "variables" / "variables.index"
    index.write_bytes(index.read_bytes()[:-9])
    model = open_model(folder)
    assert len(model.graph) == 252
    assert "variables.index" in model.warnings[0]


def _saved_model(path: Path, *tag_sets: str) -> Path:
    proto = SavedModel(saved_model_schema_version=1)
    for tags in tag_sets:
        meta = proto.meta_graphs.add()
        meta.meta_info_def.tags.extend(tags.split(","))
        meta.graph_def.node.add(name="x", op="Placeholder")
    path.mkdir(exist_ok=True)
    (path / "saved_model.pb").write_bytes(proto.SerializeToString())
    return path


def test_the_tag_set_is_chosen_as_asked_in_any_order(tmp_path: Path) -> None:
    path = _saved_model(tmp_path / "m", "train", "serve,gpu", "serve")
    assert open_model(path).tag_set == ["serve"]
    assert open_model(path, ["gpu", "serve"]).tag_set == ["serve", "gpu"]
    assert open_model(_saved_model(path, "train", "serve,gpu")).tag_set == ["serve", "gpu"]
    assert open_model(_saved_model(path, "train", "test")).tag_set == ["train"]


def test_an_unknown_tag_set_is_told_with_those_there_are(tmp_path: Path) -> None:
    path = _saved_model(tmp_path / "m", "train", "serve,gpu")
    with pytest.raises(UnknownTagSet, match="the SavedModel has 'train' and 'serve,gpu'"):
        open_model(path, ["serve"])


def _write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


NODES = GraphDef()
for _number in range(100):
    NODES.node.add(name=f"node_{_number}", op="NoOp")

WRONG = {
    "there is nothing": (MissingFile, None, "no such file"),
    "empty": (CorruptModel, b"", "empty"),
    "text": (UnknownFormat, b"# A model\n\nwith words", "text"),
    "text cut inside a character": (UnknownFormat, ("ä" * 5000).encode()[1:], "text|bytes"),
    "noise": (UnknownFormat, bytes(range(256)) * 8, "bytes are no SavedModel"),
    "zeros": (UnknownFormat, bytes(64), "bytes are no SavedModel"),
    "GraphDef cut short": (CorruptModel, NODES.SerializeToString()[:-3], "cut short"),
    "h5": (CorruptModel, b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5"),
    "tflite": (CorruptModel, b"\x1c\0\0\0TFL3" + bytes(90), "TFLite"),
    "zip": (CorruptModel, b"PK\x03\x04" + bytes(90), "zip archive: its list of entries"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_files_are_one_clear_error(tmp_path: Path, case: str) -> None:
    kind, data, text = WRONG[case]
    path = tmp_path / "model.pb"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(kind, match=text) as caught:
        open_model(path)
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.what == "model.pb"


def test_a_saved_model_cut_anywhere_is_said_to_be_corrupt_or_unknown(tmp_path: Path) -> None:
    data = data_path("models/seed/ppscore/two_metagraphs/saved_model.pb").read_bytes()
    said_corrupt = 0
    for length in [*range(1, 200, 7), *range(200, len(data) - 1, 2503), len(data) - 1]:
        path = _write(tmp_path / "saved_model.pb", data[:length])
        with pytest.raises(InspectorError) as caught:
            open_model(path).graph.op_counts()
        said_corrupt += isinstance(caught.value, CorruptModel)
        assert isinstance(caught.value, CorruptModel | UnknownFormat)
    assert said_corrupt > 20


def test_a_folder_whose_only_model_lies_below_it_opens_that_one_and_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnknownFormat, match=r"holds no saved_model\.pb"):
        open_model(tmp_path)
    (tmp_path / "run").mkdir()
    _saved_model(tmp_path / "run" / "first", "serve")
    (tmp_path / "README.md").write_text("how it was trained")
    model = open_model(tmp_path)
    assert model.format == "SavedModel"
    assert "'run/first', the only one in it, is opened" in " ".join(model.warnings)
    _saved_model(tmp_path / "second", "serve")
    with pytest.raises(AmbiguousModel, match="holds 2 models: second, run/first; open one by its"):
        open_model(tmp_path)


def test_an_asset_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    proto = SavedModel(saved_model_schema_version=1)
    meta = proto.meta_graphs.add()
    meta.graph_def.node.add(name="x", op="Placeholder")
    for name in ("../../secret", str(tmp_path / "secret"), "link", "a\0b"):
        meta.asset_file_def.add(filename=name)
    folder = tmp_path / "m"
    (folder / "assets").mkdir(parents=True)
    (folder / "assets" / "link").symlink_to(tmp_path / "secret")
    (folder / "saved_model.pb").write_bytes(proto.SerializeToString())
    model = open_model(folder)
    assert [asset.path for asset in model.assets] == [None] * 4
    assert len(model.warnings) == 4


RIEGELI = bytes.fromhex("83af70d10d884a3f00000000000000004000000000000000 91bac23c9287e1a9")


@pytest.mark.parametrize("packed", [False, True])
def test_a_saved_model_in_pieces_says_what_it_is_and_what_to_do(
    tmp_path: Path, packed: bool
) -> None:
    folder = tmp_path / "big"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.cpb").write_bytes(RIEGELI)
    (folder / "fingerprint.pb").write_bytes(b"")
    place = Path(shutil.make_archive(str(folder), "zip", folder)) if packed else folder
    with pytest.raises(UnsupportedModel, match=r"over 2 GB.*without experimental_image_format"):
        open_model(place)


def test_a_saved_model_in_pieces_is_known_under_any_name(tmp_path: Path) -> None:
    (tmp_path / "model.pb").write_bytes(RIEGELI)
    with pytest.raises(UnsupportedModel, match="a Riegeli file"):
        open_model(tmp_path / "model.pb")
