"""Messages as text: the same model as in binary form, and damage told with its line."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from inspector.analysis.describe import describe
from inspector.errors import CorruptModel, LimitExceeded, UnknownFormat
from inspector.formats import open_model, text
from inspector.freezing.freeze import freeze
from inspector.graph.protos import POOL, GraphDef, MetaGraphDef, SavedModel
from tests.conftest import data_path


def as_text(message: object) -> str:
    return text_format.MessageToString(message, descriptor_pool=POOL)  # type: ignore[arg-type]


def test_a_graphdef_as_text_is_the_same_graph(tmp_path: Path) -> None:
    binary = data_path("models/seed/ppscore/checkpoints/frozen_model.pb")
    path = tmp_path / "graph.bin"  # the content decides
    path.write_text("# Written by hand\n\n" + as_text(GraphDef.FromString(binary.read_bytes())))
    model = open_model(path)
    assert (model.format, model.name) == ("GraphDef", "graph.bin")
    assert model.graph.to_proto() == open_model(binary).graph.to_proto()
    assert model.files == [("graph.bin", path.stat().st_size)]
    assert model.bytes["graph"] == path.stat().st_size
    assert describe(model).to_dict()["nodes"] == 51


def saved_model_text(source: str, folder: Path) -> Path:
    """A copy of a SavedModel with its message as text, every ``Any`` expanded."""
    shutil.copytree(data_path(source), folder, copy_function=shutil.copyfile)
    for place in (folder, *folder.iterdir()):
        if place.is_dir():
            place.chmod(0o755)
    saved = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    (folder / "saved_model.pbtxt").write_text(as_text(saved))
    (folder / "saved_model.pb").unlink()
    return folder


def test_a_saved_model_as_text_has_its_variables_and_assets(tmp_path: Path) -> None:
    folder = saved_model_text("models/seed/ppscore/two_metagraphs", tmp_path / "ppscore")
    written = (folder / "saved_model.pbtxt").read_text()
    assert "[type.googleapis.com/tensorflow.AssetFileDef]" in written
    for tags in (["train"], ["serve"]):
        binary = open_model(data_path("models/seed/ppscore/two_metagraphs"), tags)
        model = open_model(folder, tags)
        assert (model.format, model.name, model.path) == ("SavedModel", "ppscore", folder)
        assert model.graph.to_proto() == binary.graph.to_proto()
        assert model.variables == binary.variables
        assert [asset.name for asset in model.assets] == [asset.name for asset in binary.assets]
        assert not model.warnings
        assert set(model.bytes) == set(binary.bytes)
        assert model.bytes["graph"] == len(written)
    serve = open_model(folder / "saved_model.pbtxt")
    assert serve.name == "ppscore"
    assert "Froze 2 variables." in freeze(serve, ["ppscore"]).notes


def test_the_binary_form_comes_first_as_in_tensorflow(tmp_path: Path) -> None:
    folder = saved_model_text("models/seed/ppscore/simple_save", tmp_path / "m")
    shutil.copy(data_path("models/seed/iris/saved_model/saved_model.pb"), folder)
    assert len(open_model(folder).graph) == 252


@pytest.mark.tensorflow
def test_tensorflow_runs_a_saved_model_as_text(tmp_path: Path) -> None:
    from inspector.backend.predict import predict

    folder = saved_model_text("models/seed/ppscore/simple_save", tmp_path / "m")
    with np.load(data_path("models/seed/ppscore/io.npz")) as data:
        feeds = {"sent1:0": data["inputs/sent1"], "sent2:0": data["inputs/sent2"]}
        expected = data["outputs/ppscore"]
    feeds["keep_prob:0"] = np.float32(1)
    done = predict(open_model(folder), feeds, ["ppscore:0"])
    np.testing.assert_allclose(done.outputs["ppscore:0"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'node { name: "x" }', "GraphDef"),
        (b"\xef\xbb\xbf\n  # word\n\tversions: <producer: 3>", "GraphDef"),
        (b"version: 21", "GraphDef"),
        (b"saved_model_schema_version: 1", "SavedModel"),
        (b"meta_graphs {}", "SavedModel"),
        (b"graph_def { }", "MetaGraphDef"),
        (b'model_checkpoint_path: "a"', "CheckpointState"),
        (b"node: 3", None),
        (b"version {", None),
        (b"nodes {}", None),
        (b"node", None),
        (b"# only a comment", None),
        (b"", None),
    ],
)
def test_the_first_field_tells_the_message(content: bytes, kind: str | None) -> None:
    assert text.recognise(content) == kind


WRONG = {
    "a field that is none": (b'node {\n  nam: "x"\n}', "line 2, column 3.*no field named"),
    "cut short": (b'node {\n  name: "x"', "line 2"),
    "cut inside a string": (b'node {\n  name: "x', "line 2, column 9: String missing"),
    "no UTF-8": (b'node { name: "\xff" }', "byte 14 is no UTF-8"),
    "a number for a text": (b"node { name: 3 }", "line 1, column 14: Expected string"),
    "a number too large": (b"versions { producer: 99999999999 }", "out of range"),
    "an unknown dtype": (b'node{attr{key:"T" value{type: DT_FOO}}}', "DT_FOO"),
    "nested without end": (
        b'node { attr { key: "f" value { func { ' + b'attr { key: "f" value { func { ' * 9000,
        "nested too deeply",
    ),
    "half a surrogate": (b'node { name: "\\ud800" }', "surrogates"),
    "a line of megabytes": (b'node { name: "' + b"x" * 2_000_000 + b'" z: 1 }', "no field named"),
}


@pytest.mark.parametrize("case", WRONG)
def test_damage_is_told_with_its_place(tmp_path: Path, case: str) -> None:
    content, reason = WRONG[case]
    (tmp_path / "m.pbtxt").write_bytes(content)
    with pytest.raises(CorruptModel, match=reason) as caught:
        open_model(tmp_path / "m.pbtxt")
    assert caught.value.what == "m.pbtxt"
    assert len(str(caught.value)) < 300


def test_an_any_of_a_type_that_is_not_known_is_told(tmp_path: Path) -> None:
    content = 'meta_graphs { collection_def { key: "a" value { any_list { value {'
    content += " [type.googleapis.com/other.Thing] { x: 1 } } } } } }"
    (tmp_path / "saved_model.pbtxt").write_text(content)
    with pytest.raises(CorruptModel, match=r"other\.Thing"):
        open_model(tmp_path)


def test_text_has_a_limit_with_a_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_TEXT_SIZE", "10")
    (tmp_path / "m.pbtxt").write_text('node { name: "x" op: "NoOp" }')
    with pytest.raises(LimitExceeded, match="save it in binary form"):
        open_model(tmp_path / "m.pbtxt")


def test_text_cut_anywhere_is_one_clear_error_or_a_smaller_graph(tmp_path: Path) -> None:
    graph = GraphDef()
    for number in range(4):
        node = graph.node.add(name=f"n{number}", op="Const")
        node.attr["value"].tensor.tensor_content = bytes(range(0, 250, 9))
        node.attr["shape"].shape.dim.add(size=number)
    content = as_text(graph).encode()
    path = tmp_path / "m.pbtxt"
    for length in range(1, len(content), 5):
        path.write_bytes(content[:length])
        with contextlib.suppress(CorruptModel, UnknownFormat):
            assert len(open_model(path).graph) < 5


def test_a_meta_graph_is_parsed_too() -> None:
    meta = MetaGraphDef()
    meta.graph_def.node.add(name="x", op="NoOp")
    data = as_text(meta).encode()
    assert text.recognise(data) == "MetaGraphDef"
    assert MetaGraphDef.FromString(text.to_binary(data, "MetaGraphDef", "m")) == meta
