"""The wire level: which message a file is, and graphs without their long values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import CorruptModel, LimitExceeded
from inspector.formats import open_model
from inspector.formats.wire_kinds import recognise
from inspector.graph import parse_limits, varint, wire
from inspector.graph.protos import GraphDef, MetaGraphDef, NodeDef, SavedModel
from inspector.graph.tensors import elements, from_numpy, to_numpy
from inspector.graph.wire import ELIDE_FROM, GraphBytes, Truncated, WireError, elide, fields
from tests.conftest import data_path


def const(name: str, values: np.ndarray) -> NodeDef:
    node = NodeDef(name=name, op="Const")
    node.attr["dtype"].type = 1
    node.attr["value"].tensor.CopyFrom(from_numpy(values))
    return node


def graph_of(*sizes: int) -> GraphDef:
    graph = GraphDef()
    graph.versions.producer = 27
    for number, size in enumerate(sizes):
        graph.node.append(const(f"c{number}", np.arange(size, dtype=np.float32) + number))
        graph.node.add(name=f"r{number}", op="Relu", input=[f"c{number}"])
    return graph


def meta_of(graph: GraphDef, **info: str) -> MetaGraphDef:
    meta = MetaGraphDef(graph_def=graph)
    meta.meta_info_def.tags.append("serve")
    for key, value in info.items():
        setattr(meta.meta_info_def, key, value)
    return meta


def saved(*metas: MetaGraphDef) -> SavedModel:
    return SavedModel(saved_model_schema_version=1, meta_graphs=metas)


def only_functions() -> GraphDef:
    graph = GraphDef()
    graph.library.function.add().signature.name = "f"
    return graph


def with_op_list() -> MetaGraphDef:
    meta = meta_of(graph_of(3), tensorflow_version="1.10.0")
    meta.meta_info_def.stripped_op_list.op.add(name="Relu")
    return meta


KINDS = {
    "one node": (GraphDef(node=[NodeDef(name="x", op="Placeholder")]), "GraphDef"),
    "nodes and values": (graph_of(3, 5000), "GraphDef"),
    "old version field": (GraphDef(node=[NodeDef(name="x", op="A>B.c_1")], version=3), "GraphDef"),
    "odd op": (GraphDef(node=[NodeDef(name="", op="O'p <b>\n\u202e" + "é" * 400)]), "GraphDef"),
    "functions too": (
        GraphDef(node=graph_of(2).node, library=only_functions().library),
        "GraphDef",
    ),
    "meta graph": (meta_of(graph_of(3)), "MetaGraphDef"),
    "meta graph with ops": (with_op_list(), "MetaGraphDef"),
    "meta graph without info": (MetaGraphDef(graph_def=graph_of(3)), "MetaGraphDef"),
    "saved model": (saved(meta_of(graph_of(3))), "SavedModel"),
    "saved model, two": (saved(with_op_list(), meta_of(graph_of(1))), "SavedModel"),
    "saved model, no graph": (saved(meta_of(GraphDef())), "SavedModel"),
    "only functions": (only_functions(), None),
}


@pytest.mark.parametrize("case", KINDS)
def test_the_message_is_recognised(case: str) -> None:
    proto, kind = KINDS[case]
    assert recognise(proto.SerializeToString()) == kind


def unknown(number: int, kind: int) -> bytes:
    """A field of a number that no message here has, of each wire type."""
    tag = varint.encode(number << 3 | kind)
    value = {
        wire.VARINT: b"\xff\x01",
        wire.FIXED64: b"\n" * 8,
        wire.BYTES: b"\x03abc",
        wire.FIXED32: b"\x12" * 4,
    }
    if kind == wire.GROUP:
        inside = unknown(1, wire.BYTES) + unknown(2, wire.VARINT)
        if number < 1000:
            inside += unknown(number + 1000, wire.GROUP)
        return tag + inside + varint.encode(number << 3 | wire.GROUP_END)
    return tag + value[kind]


WIRES = (wire.VARINT, wire.FIXED64, wire.BYTES, wire.GROUP, wire.FIXED32)
RECOGNISED = [case for case in KINDS if KINDS[case][1] and case != "saved model, no graph"]


@pytest.mark.parametrize("kind", WIRES)
@pytest.mark.parametrize("number", [8, 15, 536_870_911])
@pytest.mark.parametrize("case", RECOGNISED)
def test_unknown_fields_are_passed_over(case: str, number: int, kind: int) -> None:
    proto, name = KINDS[case]
    extra = unknown(number, kind)
    places = [0, *(field.end for field in fields(proto.SerializeToString()))]
    for place in places[:4] + places[-1:]:
        data = proto.SerializeToString()
        data = data[:place] + extra + data[place:]
        assert recognise(data) == name, place
        # Protobuf itself reads it, and keeps what it does not know.
        read = type(proto).FromString(data)
        assert [*fields(data)][-1].end == len(data)
        read.DiscardUnknownFields()
        assert read == proto
    assert recognise(extra * 500 + proto.SerializeToString()) == name


@pytest.mark.parametrize("kind", WIRES)
@pytest.mark.parametrize("form", ["GraphDef", "MetaGraphDef", "SavedModel"])
def test_a_file_with_unknown_fields_opens(tmp_path: Path, form: str, kind: int) -> None:
    graph = graph_of(3, 5000)
    graph.node[0].MergeFromString(unknown(90, kind))
    protos = {
        "GraphDef": graph,
        "MetaGraphDef": meta_of(graph),
        "SavedModel": saved(meta_of(graph)),
    }
    extra = unknown(90, kind)
    data = extra + protos[form].SerializeToString() + extra
    path = tmp_path / ("saved_model.pb" if form == "SavedModel" else "m.pb")
    path.write_bytes(data)
    model = open_model(path)
    assert model.format == form
    assert [node.name for node in model.outline] == [node.name for node in graph.node]
    constant = model.outline.get("c1")
    assert constant is not None
    value = to_numpy(model.value(constant))
    assert np.array_equal(value, to_numpy(graph.node[2].attr["value"].tensor))


@pytest.mark.tensorflow
@pytest.mark.parametrize("kind", WIRES)
def test_tensorflow_reads_unknown_fields_too(tmp_path: Path, kind: int) -> None:
    import tensorflow as tf

    graph_def = graph_of(3)
    graph_def.node[1].attr["T"].type = 1
    data = unknown(90, kind) + graph_def.SerializeToString() + unknown(91, kind)
    read = tf.compat.v1.GraphDef.FromString(data)
    with tf.Graph().as_default() as graph:
        tf.compat.v1.import_graph_def(read, name="")
    (tmp_path / "m.pb").write_bytes(data)
    names = [node.name for node in open_model(tmp_path / "m.pb").graph]
    assert [op.name for op in graph.get_operations()] == names


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x7b", "cut short"),
        (b"\x7b\x7b\x7c", "cut short"),
        (b"\x7c", "end of a group that has no start"),
        (b"\x7b\x84\x01", "the end of another group"),
        (b"\x7b" * 101 + b"\x7c" * 101, "more than 100 groups"),
        (b"\x7b\x0f\x7c", "wire type 7"),
    ],
)
def test_a_broken_group_is_said(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        list(fields(data))
    assert list(fields(b"\x7b" * 100 + b"\x7c" * 100)) == [wire.Field(15, 3, 0, 1, 200)]


def test_a_large_message_may_have_a_part_for_every_eight_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(parse_limits, "MAX_PARTS", 10)
    monkeypatch.setattr(parse_limits, "_LARGE", 1000)
    named = GraphDef(node=[NodeDef(name=f"a_name_of_the_usual_length_{at}") for at in range(100)])
    parse_limits.check(GraphDef.DESCRIPTOR, named.SerializeToString(), "m.pb", "GraphDef")
    with pytest.raises(LimitExceeded, match="more than 250 messages"):
        parse_limits.check(GraphDef.DESCRIPTOR, b"\x0a\0" * 1000, "m.pb", "GraphDef")


def test_what_is_counted_ends_at_no_group(monkeypatch: pytest.MonkeyPatch) -> None:
    data = unknown(15, wire.GROUP) + b"\x0a\0" * 3000
    monkeypatch.setattr(parse_limits, "MAX_PARTS", 1000)
    with pytest.raises(LimitExceeded, match="more than 1,000"):
        parse_limits.check(GraphDef.DESCRIPTOR, data, "m.pb", "GraphDef")


@pytest.mark.parametrize(
    "data", [b"\0", b"\n", b"text", b"\n\nlines of text\n", bytes(range(256)), b"\x08\x01" * 40]
)
def test_other_bytes_are_not(data: bytes) -> None:
    assert recognise(data) is None


def test_real_files_are_recognised() -> None:
    for name, kind in (
        ("models/seed/iris/saved_model/saved_model.pb", "SavedModel"),
        ("models/seed/iris/frozen.pb", "GraphDef"),
        ("models/seed/ppscore/checkpoints/var.meta", "MetaGraphDef"),
        ("models/public/tfnet_meta_cond_test/graph.meta", "MetaGraphDef"),
        ("models/seed/keras/prod_model.h5", None),
        ("models/seed/ppscore/checkpoints/var.index", None),
    ):
        assert recognise(data_path(name).read_bytes()) == kind, name


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_looked_at_without_an_error(data: bytes) -> None:
    recognise(data)
    try:
        list(fields(data))
        elide(data, 0, len(data))
    except WireError:
        pass


def test_a_field_that_runs_over_the_end_is_told_first() -> None:
    data = NodeDef(name="abc", op="Relu").SerializeToString()[:-2]
    found = fields(data)
    assert next(found).number == 1
    last = next(found)
    assert (last.number, last.end) == (2, len(data))
    with pytest.raises(Truncated, match="2 bytes or more"):
        next(found)


def _read(found: Iterator[wire.Field]) -> list[wire.Field | str]:
    """The fields, and then the error if there is one."""
    read: list[wire.Field | str] = []
    try:
        read += [field for field in found if field.wire == wire.BYTES and _length(field) > 2]
    except WireError as err:
        read.append(str(err))
    return read


def _length(field: wire.Field) -> int:
    return field.end - field.start


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([8, 10, 0x22, 13, 0x4B, 0xAA]), st.binary(max_size=9))))
def test_long_fields_are_those_that_are_long(parts: list[tuple[int, bytes]]) -> None:
    data = b"".join(bytes([key, len(value)]) + value for key, value in parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire, "ELIDE_FROM", 2)
        assert _read(wire._long_fields(data, 0, len(data))) == _read(fields(data))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 3 * ELIDE_FROM // 4), max_size=6), st.integers(0, 2))
def test_a_slim_graph_differs_in_its_long_values_only(sizes: list[int], functions: int) -> None:
    graph = graph_of(*sizes)
    for number in range(functions):
        function = graph.library.function.add()
        function.signature.name = f"f{number}"
        function.node_def.append(const("inner", np.arange(2000, dtype=np.float32)))
    data = graph.SerializeToString()
    elided = elide(data, 0, len(data))
    longest = max([4 * size for size in sizes] + [8000] * functions, default=0)
    assert (elided is not None) == (longest > ELIDE_FROM)
    if elided is None:
        return
    light = GraphDef.FromString(elided)
    source = GraphBytes(memoryview(data), 0, len(data), "m.pb")
    for old, new in zip(_all_nodes(graph), _all_nodes(light), strict=True):
        if old != new:
            tensor = new.attr["value"].tensor
            assert elements(tensor) == elements(old.attr["value"].tensor)
            with pytest.raises(CorruptModel, match="24 bytes"):
                to_numpy(tensor)
            tensor.CopyFrom(source.value(new))
        assert old == new
    assert light == graph


def _all_nodes(graph: GraphDef) -> list[NodeDef]:
    return [*graph.node, *(n for f in graph.library.function for n in f.node_def)]


def test_a_mark_that_the_model_brings_along_reads_only_the_model(tmp_path: Path) -> None:
    graph = graph_of(5000)
    fake = graph.node.add(name="fake", op="Const").attr["value"].tensor
    fake.dtype = 1
    fake.tensor_content = b"\x89hole\r\n\0" + (10**6).to_bytes(8, "little") + bytes(8)
    (tmp_path / "m").write_bytes(graph.SerializeToString())
    model = open_model(tmp_path / "m")
    with pytest.raises(CorruptModel, match="fake"):
        model.value(model.outline.node("fake"))
    assert model.graph.node("fake").attr["value"].tensor == fake


def test_the_values_of_a_file_are_read_when_the_graph_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.pb"
    path.write_bytes(graph_of(200_000, 7).SerializeToString())
    parsed = []
    whole = wire.GraphBytes.parse
    monkeypatch.setattr(
        wire.GraphBytes, "parse", lambda self: parsed.append(self.end) or whole(self)
    )
    model = open_model(path)
    outline = model.outline
    assert len(outline) == 4
    assert sum(node.ByteSize() for node in outline) < 1000
    assert to_numpy(model.value(outline.node("c0")))[199_999] == 199_999
    assert to_numpy(model.value(outline.node("c1")))[6] == 7
    assert all(size < 1000 for size in parsed)
    parsed.clear()
    assert to_numpy(model.graph.node("c0").attr["value"].tensor)[3] == 3
    assert model.graph.versions.producer == 27
    assert parsed == [path.stat().st_size]
    assert model.outline is outline


def test_a_small_file_is_parsed_once_for_both() -> None:
    model = open_model(data_path("models/seed/ppscore/checkpoints/frozen_model.pb"))
    assert model.outline is model.graph


def test_a_constant_without_a_value_is_an_error(tmp_path: Path) -> None:
    graph = GraphDef()
    graph.node.add(name="c", op="Const")
    (tmp_path / "m").write_bytes(graph.SerializeToString())
    model = open_model(tmp_path / "m")
    with pytest.raises(CorruptModel, match="without a value"):
        model.value(model.graph.node("c"))
    assert "value" not in model.graph.node("c").attr


@given(st.integers(0, 2**64 - 1))
def test_a_number_is_read_as_it_was_written(number: int) -> None:
    data = varint.encode(number)
    assert varint.decode(data, 0) == (number, len(data))
    with pytest.raises(IndexError):
        varint.decode(data, 0, len(data) - 1)
    assert NodeDef.FromString(b"\xf8\x3f" + data).ByteSize() == 2 + len(data)  # as protobuf does
