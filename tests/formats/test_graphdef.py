"""GraphDef files: written whole, read again, and tables that need no other file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import CorruptModel, LimitExceeded, MissingFile, OutputExists
from inspector.formats import graphdef, open_model, saved_model_writer
from inspector.freezing.freeze import freeze
from inspector.graph import parse_limits, varint
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.graph.tensors import from_numpy, to_numpy
from inspector.model.model import Asset, Model
from tests.conftest import data_path

STRING, INT64, FLOAT, RESOURCE = 7, 9, 1, 20


def test_the_file_is_the_graph_as_protobuf_writes_it(tmp_path: Path) -> None:
    model = open_model(data_path("models/seed/iris/frozen.pb"))
    graphdef.write(model, tmp_path / "out.pb")
    expected = model.graph.to_proto().SerializeToString(deterministic=True)
    assert (tmp_path / "out.pb").read_bytes() == expected


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    frozen = freeze(open_model(data_path("models/seed/ppscore/simple_save")), ["ppscore"])
    assert graphdef.write(frozen, tmp_path / "out.pb") == []
    again = open_model(tmp_path / "out.pb")
    assert again.graph.to_proto() == frozen.graph.to_proto()
    with pytest.raises(OutputExists):
        graphdef.write(frozen, tmp_path / "out.pb")


def table_model(tmp_path: Path, text: bytes, v2: bool = True, **attrs: int | bytes) -> Model:
    (tmp_path / "words.txt").write_bytes(text)
    proto = GraphDef()
    path = proto.node.add(name="path", op="Const")
    path.attr["dtype"].type = STRING
    path.attr["value"].tensor.dtype = STRING
    path.attr["value"].tensor.string_val.append(b"/elsewhere/words.txt")
    proto.node.add(name="file", op="Identity", input=["path"]).attr["T"].type = STRING
    table = proto.node.add(name="table", op="HashTableV2" if v2 else "HashTable")
    fill = proto.node.add(name="fill", input=["table", "file"])
    fill.op = "InitializeTableFromTextFile" + ("V2" if v2 else "")
    for key, value in attrs.items():
        if key.endswith("dtype"):
            table.attr[key].type = value
        elif isinstance(value, bytes):
            fill.attr[key].s = value
        else:
            fill.attr[key].i = value
    proto.node.add(name="init", op="NoOp", input=["^fill"])
    return Model(
        format="GraphDef",
        name="m",
        graph=Graph.of(proto),
        assets=[Asset("words.txt", "path:0", tmp_path / "words.txt")],
        init_op="init",
    )


def entries(model: Model) -> tuple[list[object], list[object], Graph]:
    graph, notes = graphdef.self_contained(model)
    assert "The init op 'init' must run once before the first run." in notes
    fill = graph.node("fill")
    keys, values = (graph.node(name).attr["value"].tensor for name in fill.input[1:3])
    assert (fill.attr["Tin"].type, fill.attr["Tout"].type) == (keys.dtype, values.dtype)
    return to_numpy(keys).tolist(), to_numpy(values).tolist(), graph


def test_a_table_of_lines_and_their_numbers(tmp_path: Path) -> None:
    model = table_model(
        tmp_path, b"a\r\n\nc", key_dtype=STRING, value_dtype=INT64, key_index=-2, value_index=-1
    )
    keys, values, graph = entries(model)
    assert keys == [b"a", b"", b"c"]
    assert values == [0, 1, 2]
    assert graph.node("fill").op == "LookupTableImportV2"
    # The constant that names the file was read by nothing but this.
    assert "path" not in graph or graph.consumers("path") == ["file"]


def test_a_table_of_columns_and_a_part_of_the_file(tmp_path: Path) -> None:
    model = table_model(
        tmp_path,
        b"head\nx;1;0.5\ny;2;1.5\nz;3;2.5\n",
        False,
        key_dtype=INT64,
        value_dtype=FLOAT,
        key_index=1,
        value_index=2,
        delimiter=b";",
        offset=1,
        vocab_size=2,
    )
    keys, values, graph = entries(model)
    assert (keys, values) == ([1, 2], [0.5, 1.5])
    assert graph.node("fill").op == "LookupTableImport"


@pytest.mark.parametrize(
    ("text", "why"), [(b"a\nb\n", "fewer than 2 columns"), (b"a\tx\n", "no int64")]
)
def test_a_file_that_does_not_fit_its_table_is_told(tmp_path: Path, text: bytes, why: str) -> None:
    model = table_model(
        tmp_path, text, key_dtype=STRING, value_dtype=INT64, key_index=0, value_index=1
    )
    with pytest.raises(CorruptModel, match=why):
        graphdef.self_contained(model)


def test_a_missing_asset_is_told(tmp_path: Path) -> None:
    model = table_model(tmp_path, b"a\n", key_index=-2, value_index=-1)
    model.assets = [Asset("words.txt", "path:0", None)]
    with pytest.raises(MissingFile, match=r"words\.txt"):
        graphdef.self_contained(model)
    with pytest.raises(MissingFile, match=r"words\.txt"):
        saved_model_writer.write(model, tmp_path / "out")


def test_a_graph_that_no_file_can_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    proto = GraphDef()
    node = proto.node.add(name="c", op="Const")
    node.attr["value"].tensor.CopyFrom(from_numpy(np.zeros(1000)))
    model = Model(format="GraphDef", name="m", graph=Graph.of(proto))
    monkeypatch.setattr(parse_limits, "MAX_MESSAGE", 5000)
    with pytest.raises(LimitExceeded, match="2 GiB"):
        graphdef.write(model, Path("nowhere"))


def _sparse(path: Path, size: int) -> None:
    """A Const of so many zeros, as a file with a hole in the place of its values."""
    # Each field holds all that follow in it, and the last one is the values.
    rest = size
    heads: list[bytes] = []
    for head in (
        b"\x08\x01\x22",  # of the tensor: its dtype, then its values
        b"\x42",  # of the attribute
        b"\x0a\x05value\x12",  # of the entry of the map
        b"\x0a\x01w\x12\x05Const\x2a",  # of the node
        b"\x0a",  # of the graph
    ):
        heads.insert(0, head + varint.encode(rest))
        rest += len(heads[0])
    with path.open("wb") as file:
        file.write(b"".join(heads))
        file.truncate(rest)


def test_a_sparse_file_is_a_graph(tmp_path: Path) -> None:
    _sparse(tmp_path / "w.pb", 400)
    graph = open_model(tmp_path / "w.pb").graph
    assert graph.node("w").attr["value"].tensor.tensor_content == bytes(400)


_PEAK = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(status)
"""


@pytest.mark.parametrize("command", ["describe", "freeze", "optimise"])
def test_a_file_of_2_gib_is_refused_before_it_is_read(tmp_path: Path, command: str) -> None:
    path = tmp_path / "w.pb"
    _sparse(path, 2 << 30)
    assert path.stat().st_blocks * 512 < 1 << 20
    args = [] if command == "describe" else ["-o", str(tmp_path / "out")]
    words = [sys.executable, "-m", "inspector", command, str(path), *args]
    # A child's peak begins with that of its parent, so that a small process starts the command.
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "w.pb: GraphDef: 2,147,483,6" in done.stderr
    assert "open the SavedModel that it was made from" in done.stderr
    assert int(done.stdout.split()[-1]) < 300_000  # KiB


def test_the_largest_message_is_none_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.pb"
    _sparse(path, 10_000)
    monkeypatch.setattr(parse_limits, "MAX_MESSAGE", path.stat().st_size)
    assert len(open_model(path).graph) == 1
    monkeypatch.setattr(parse_limits, "MAX_MESSAGE", path.stat().st_size - 1)
    with pytest.raises(LimitExceeded, match="checkpoint"):
        open_model(path)


@pytest.mark.tensorflow
def test_tensorflow_fills_the_table_with_the_same_entries(tmp_path: Path) -> None:
    import numpy as np

    from tests import tf_models

    for name in ("tf2_asset_table", "tf1_tables"):
        feeds = tf_models.BUILDERS[name](tmp_path / name)
        expected = tf_models.run_original(tmp_path / name, feeds)
        frozen = freeze(open_model(tmp_path / name))
        notes = graphdef.write(frozen, tmp_path / f"{name}.pb")
        assert len(notes) == 2
        alone = open_model(tmp_path / f"{name}.pb")
        alone.signatures, alone.init_op = frozen.signatures, frozen.init_op
        for path in tmp_path.glob("*.txt"):
            path.unlink()
        found = tf_models.run_frozen(alone, feeds)
        for key, value in expected.items():
            assert np.array_equal(found[key], value)
