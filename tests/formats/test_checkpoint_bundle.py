"""Checkpoints: every key and value as TensorFlow reads it, lazily, and damage told as such."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from inspector.errors import CorruptModel, InspectorError, MissingVariables
from inspector.formats.checkpoint.bundle import open_checkpoint, parse_slice
from inspector.formats.checkpoint.sstable import MAGIC, is_table, masked_crc, read_table, slice_key
from inspector.graph.protos import BundleEntryProto, BundleHeaderProto
from inspector.graph.tensors import dtype_name
from inspector.model.checkpoint import OBJECT_GRAPH
from tests.conftest import data_path

SEED = {
    "iris": "models/seed/iris/saved_model/variables/variables",
    "simple_save": "models/seed/ppscore/simple_save/variables/variables",
    "two_metagraphs": "models/seed/ppscore/two_metagraphs/variables/variables",
    "saver": "models/seed/ppscore/checkpoints/var",
    "cifar": "models/public/mlnet_cifar_saved_model/model/variables/variables",
    "keras": "models/public/tfnet_simple_model_from_auto_compile/model/variables/variables",
}


def seed(name: str) -> Path:
    data_path(SEED[name] + ".index")
    return Path(data_path(SEED[name] + ".index")).with_suffix("")


def same(ours: object, theirs: object) -> bool:
    if isinstance(theirs, bytes):  # numpy's own bytes would lose a zero at the end
        return np.asarray(ours).tolist() == theirs
    a, b = np.asarray(ours), np.asarray(theirs)
    if a.dtype == object or b.dtype.kind in "SO":
        return a.shape == b.shape and a.astype(object).tolist() == b.astype(object).tolist()
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def assert_equals_tensorflow(prefix: Path) -> list[str]:
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(prefix))
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    checkpoint = open_checkpoint(prefix)
    listed = {item.name: item for item in checkpoint.variables()}
    assert sorted(listed) == sorted(shapes)
    for key, variable in listed.items():
        assert variable.shape == shapes[key]
        assert variable.dtype == dtypes[key].name == dtype_name(checkpoint.dtype(key))
        assert same(checkpoint.read(key), reader.get_tensor(key)), key
    return list(listed)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", SEED)
def test_all_keys_and_values_are_those_that_tensorflow_reads(name: str) -> None:
    assert assert_equals_tensorflow(seed(name))


@pytest.mark.tensorflow
def test_every_dtype_and_a_scalar_an_empty_tensor_and_strings(tmp_path: Path) -> None:
    import tensorflow as tf

    values = {
        kind.name: tf.cast(tf.constant([[1, 0], [3, 4]]), kind)
        for kind in (
            tf.float32,
            tf.float64,
            tf.float16,
            tf.bfloat16,
            tf.int8,
            tf.int16,
            tf.int32,
            tf.int64,
            tf.uint8,
            tf.uint16,
            tf.bool,
            tf.complex64,
            tf.complex128,
        )
    }
    values["scalar"] = tf.constant(2.5)
    values["empty"] = tf.zeros([0, 3])
    values["strings"] = tf.constant([["", "a"], ["\0ü", "x" * 300]])
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "all"),
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=list(values.values()),
    )
    assert len(assert_equals_tensorflow(tmp_path / "all")) == len(values)


@pytest.mark.tensorflow
def test_partitioned_variables_are_put_together(tmp_path: Path) -> None:
    import tensorflow as tf

    # Starts beyond 63 and beyond 8191 take two and three bytes in a slice's key.
    full = np.arange(3 * 9000, dtype=np.float32).reshape(9000, 3)
    cuts = [(0, 40), (40, 60), (100, 8400), (8500, 500)]
    specs = [f"9000 3 {start},{length}:-" for start, length in cuts]
    specs += ["9000 3 0,9000:0,2", "9000 3 0,9000:2,1"]
    parts = [full[start : start + length] for start, length in cuts]
    parts += [full[:, :2], full[:, 2:]]
    tf.raw_ops.SaveV2(
        prefix=str(tmp_path / "parts"),
        tensor_names=["rows/é"] * 4 + ["columns"] * 2,
        shape_and_slices=specs,
        tensors=parts,
    )
    assert assert_equals_tensorflow(tmp_path / "parts") == ["columns", "rows/é"]
    checkpoint = open_checkpoint(tmp_path / "parts")
    assert same(checkpoint.read("rows/é", "9000 3 90,20:-"), full[90:110])
    assert [item.bytes for item in checkpoint.variables()] == [full.nbytes] * 2
    assert [piece.shape for piece in checkpoint.pieces("columns")] == [(9000, 2), (9000, 1)]
    assert sum(piece.sum(dtype=float) for piece in checkpoint.pieces("rows/é")) == full.sum(
        dtype=float
    )


@pytest.mark.tensorflow
def test_several_shards(tmp_path: Path) -> None:
    import tensorflow as tf

    prefixes = [str(tmp_path / f"part{number}") for number in range(3)]
    for number, prefix in enumerate(prefixes):
        tf.raw_ops.SaveV2(
            prefix=prefix,
            tensor_names=[f"v{number}", f"w{number}"],
            shape_and_slices=["", ""],
            tensors=[tf.fill([50], float(number)), tf.constant([b"s" * number])],
        )
    merged = tmp_path / "merged"
    tf.raw_ops.MergeV2Checkpoints(
        checkpoint_prefixes=prefixes, destination_prefix=str(merged), delete_old_dirs=False
    )
    assert len(list(tmp_path.glob("merged.data-*-of-00003"))) == 3
    assert assert_equals_tensorflow(merged) == ["v0", "v1", "v2", "w0", "w1", "w2"]
    (tmp_path / "merged.data-00001-of-00003").unlink()
    checkpoint = open_checkpoint(merged)
    assert checkpoint.read("v2").tolist() == [2.0] * 50
    with pytest.raises(MissingVariables, match="data-00001-of-00003 is not there"):
        checkpoint.read("v1")


def test_listing_reads_no_value(tmp_path: Path) -> None:
    prefix = seed("iris")
    shutil.copyfile(prefix.with_name("variables.index"), tmp_path / "variables.index")
    checkpoint = open_checkpoint(tmp_path / "variables")
    sizes = {item.name: item.bytes for item in checkpoint.variables()}
    assert len(sizes) == 11
    assert sum(sizes.values()) == 3168276
    with pytest.raises(MissingVariables, match="is not there"):
        checkpoint.read("global_step")


def test_a_tensor_is_a_view_of_the_file() -> None:
    value = open_checkpoint(seed("iris")).read("dnn/hiddenlayer_1/kernel")
    assert not value.flags.owndata
    assert not value.flags.writeable


def test_a_slice_of_a_whole_tensor() -> None:
    checkpoint = open_checkpoint(seed("iris"))
    whole = checkpoint.read("dnn/hiddenlayer_1/kernel")
    part = checkpoint.read("dnn/hiddenlayer_1/kernel", "512 512 10,5:0,512")
    assert same(part, whole[10:15])
    for spec in ("512 512 510,5:-", "512 512 0,5", "512 512 x,1:-", "512 512 0,-1:-"):
        with pytest.raises(CorruptModel):
            checkpoint.read("dnn/hiddenlayer_1/kernel", spec)


def test_slices_are_read_as_the_restore_op_writes_them() -> None:
    assert parse_slice("") is None
    assert parse_slice("10 4 -:-") is None
    assert parse_slice("10 4 0,5:-") == [(0, 5), (0, -1)]


def test_a_missing_key_names_those_like_it() -> None:
    with pytest.raises(MissingVariables, match="did you mean 'dnn/logits/bias'"):
        open_checkpoint(seed("iris")).read("dnn/logit/bias")


def test_the_object_graph_is_listed_and_readable() -> None:
    checkpoint = open_checkpoint(seed("keras"))
    assert OBJECT_GRAPH in checkpoint
    assert checkpoint.read(OBJECT_GRAPH).shape == ()


@pytest.mark.parametrize(
    ("extents", "key"),
    [
        ([(0, -1)], b"\0v\0\x01\x01\x01\x80\x7f"),
        ([(0, 1), (63, 64)], b"\0v\0\x01\x01\x02\x80\x81\xbf\xc0\x40"),
        ([(8191, 8192)], b"\0v\0\x01\x01\x01\xdf\xff\xe0\x20\x00"),
    ],
)
def test_keys_of_slices_are_ordered_codes(extents: list[tuple[int, int]], key: bytes) -> None:
    assert slice_key("v", extents) == key


def test_the_checksum_is_masked_crc32c() -> None:
    # CRC-32C of "123456789" is e3069283.
    crc = 0xE3069283
    assert masked_crc(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def table(blocks: list[tuple[bytes, int]]) -> bytes:
    """A table of these blocks, each with its compression."""
    data, index = b"", b""
    for content, compression in blocks:
        handle = varint(len(data)) + varint(len(content))
        index += varint(0) + varint(1) + varint(len(handle)) + b"k" + handle
        crc = masked_crc(content + bytes([compression]))
        data += content + bytes([compression]) + crc.to_bytes(4, "little")
    index += bytes(4) + (1).to_bytes(4, "little")
    place = varint(0) + varint(0) + varint(len(data)) + varint(len(index))
    data += index + b"\0" + masked_crc(index + b"\0").to_bytes(4, "little")
    return data + place.ljust(40, b"\0") + MAGIC


def test_a_block_packed_by_snappy_is_read() -> None:
    entries = b"\0\x03\x06keyabcabc" + b"\x02\x01\x05zxxxxx" + bytes(4) + b"\x01\0\0\0"
    # Literals, a copy with a two-byte tag, a run by a copy that overlaps itself, a long offset.
    packed = varint(len(entries))
    packed += bytes([8 << 2]) + entries[:9]
    packed += bytes([(3 - 1) << 2 | 2, 3, 0])
    packed += bytes([4 << 2]) + entries[12:17]
    packed += bytes([(4 - 4) << 2 | 1, 1])
    rest = entries[21:]
    packed += bytes([60 << 2, len(rest) - 1]) + rest
    assert dict(read_table(table([(packed, 1)]), "t")) == {b"key": b"abcabc", b"kez": b"xxxxx"}
    for broken in (packed[:-1], packed[:4], b"\xff" * 5, varint(2**40) + b"\0"):
        with pytest.raises(InspectorError):
            list(read_table(table([(broken, 1)]), "t"))


def test_an_unknown_compression_is_said() -> None:
    with pytest.raises(CorruptModel, match="method 7"):
        list(read_table(table([(b"\0" * 8, 7)]), "t"))


def test_a_table_that_is_no_bundle_is_said(tmp_path: Path) -> None:
    block = b"\0\x01\0k" + bytes(4) + b"\x01\0\0\0"
    (tmp_path / "c.index").write_bytes(table([(block, 0)]))
    with pytest.raises(CorruptModel, match="no header"):
        open_checkpoint(tmp_path / "c")


def _bundle(path: Path, entry: BundleEntryProto, data: bytes, endianness: int = 0) -> None:
    header = BundleHeaderProto(num_shards=1, endianness=endianness).SerializeToString()
    body = entry.SerializeToString()
    block = b"\0\0" + varint(len(header)) + header
    block += b"\0\x01" + varint(len(body)) + b"v" + body + bytes(4) + b"\x01\0\0\0"
    path.with_name(path.name + ".index").write_bytes(table([(block, 0)]))
    path.with_name(path.name + ".data-00000-of-00001").write_bytes(data)


def test_big_endian_values_are_turned(tmp_path: Path) -> None:
    data = (1).to_bytes(4, "big") + (258).to_bytes(4, "big")
    entry = BundleEntryProto(dtype=3, size=8, crc32c=masked_crc(data))
    entry.shape.dim.add(size=2)
    _bundle(tmp_path / "c", entry, data, 1)
    assert open_checkpoint(tmp_path / "c").read("v").tolist() == [1, 258]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"offset": 4}, "beyond the end"),
        ({"offset": -1}, "beyond the end"),
        ({"size": 4}, "4 bytes for shape"),
        ({"size": 1 << 60}, "beyond the end"),
        ({"dtype": 20}, "cannot be read"),
        ({"dtype": 7}, "strings"),
        ({"shard_id": 3}, "is not there"),
    ],
)
def test_an_entry_that_does_not_fit_is_an_error(
    tmp_path: Path, change: dict[str, int], why: str
) -> None:
    entry = BundleEntryProto(dtype=1, size=8, **{k: v for k, v in change.items() if k == "offset"})
    for key, value in change.items():
        setattr(entry, key, value)
    entry.shape.dim.add(size=2)
    _bundle(tmp_path / "c", entry, bytes(8))
    with pytest.raises(InspectorError, match=why):
        open_checkpoint(tmp_path / "c").read("v")


def test_a_changed_value_fails_its_checksum(tmp_path: Path) -> None:
    source = seed("iris")
    for file in source.parent.iterdir():
        shutil.copy(file, tmp_path)
    shard = tmp_path / "variables.data-00000-of-00001"
    data = bytearray(shard.read_bytes())
    data[200_000] ^= 1
    shard.write_bytes(data)
    checkpoint = open_checkpoint(tmp_path / "variables")
    damaged = []
    for variable in checkpoint.variables():
        try:
            checkpoint.read(variable.name)
        except CorruptModel as err:
            damaged.append(err.why)
    assert damaged == ["its values are damaged: their checksum fails"]


def test_an_index_with_any_byte_changed_is_refused_or_read(tmp_path: Path) -> None:
    data = bytearray(seed("simple_save").with_name("variables.index").read_bytes())
    assert is_table(bytes(data[-8:]))
    refused = 0
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= 0x41
        (tmp_path / "variables.index").write_bytes(broken)
        try:
            open_checkpoint(tmp_path / "variables").variables()
        except InspectorError:
            refused += 1
    # The blocks have checksums; only the footer and the empty block of metadata may go unseen.
    assert refused >= len(data) - 48 - 13
