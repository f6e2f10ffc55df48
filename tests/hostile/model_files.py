"""Hostile SavedModels, checkpoints and archives: a name for each, and what makes its files."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inspector.formats.checkpoint.sstable import MAGIC, masked_crc, slice_key
from inspector.graph.protos import (
    BundleEntryProto,
    BundleHeaderProto,
    SavedModel,
    SavedTensorSlices,
)
from inspector.graph.tensors import dtype_enum
from tests.graphs import const, node, placeholder
from tests.hostile.graph_files import LFS, _field, _varint, good

Make = Callable[[Path], Path]
FLOAT = dtype_enum("float32")


# Tables and checkpoints ---------------------------------------------------------------------------


def block(entries: list[tuple[bytes, bytes]]) -> bytes:
    """A block without shared prefixes."""
    data = b"".join(
        b"\0" + _varint(len(key)) + _varint(len(value)) + key + value for key, value in entries
    )
    return data + bytes(4) + (1).to_bytes(4, "little")


def table(blocks: list[bytes], compression: int = 0, repeat: int = 1) -> bytes:
    """A table of these blocks; the index names each so many times."""
    data, handles = b"", []
    for content in blocks:
        handles += [(b"k", _varint(len(data)) + _varint(len(content)))] * repeat
        stored = content + bytes([compression])
        data += stored + masked_crc(stored).to_bytes(4, "little")
    index = block(handles)
    place = b"\0\0" + _varint(len(data)) + _varint(len(index))
    data += index + b"\0" + masked_crc(index + b"\0").to_bytes(4, "little")
    return data + place.ljust(40, b"\0") + MAGIC


def entry(data: bytes, **fields: int) -> BundleEntryProto:
    """The entry ``w``, float32 [2, 2], with its right checksum; fields replace its own."""
    made = BundleEntryProto(dtype=FLOAT, size=len(data), crc32c=masked_crc(data))
    for size in (2, 2):
        made.shape.dim.add(size=size)
    for key, value in fields.items():
        setattr(made, key, value)
    return made


VALUES = np.array([[1, 2], [3, 4]], np.float32).tobytes()


def bundle(
    folder: Path,
    change: Callable[[BundleEntryProto], None] = lambda made: None,
    more: list[tuple[bytes, bytes]] | None = None,
    shards: int = 1,
    data: bytes = VALUES,
    name: str = "variables",
) -> Path:
    """A checkpoint of one variable, its entry changed."""
    folder.mkdir(parents=True, exist_ok=True)
    made = entry(VALUES)
    change(made)
    header = BundleHeaderProto(num_shards=shards)
    entries = [(b"", header.SerializeToString()), (b"w", made.SerializeToString()), *(more or [])]
    (folder / f"{name}.index").write_bytes(table([block(entries)]))
    (folder / f"{name}.data-00000-of-00001").write_bytes(data)
    return folder


def _slices(extents: list[list[tuple[int, int]]], stored: list[list[tuple[int, int]]]) -> Make:
    def change(made: BundleEntryProto) -> None:
        for item in extents:
            proto = made.slices.add()
            for start, length in item:
                proto.extent.add(start=start, length=length)

    def make(folder: Path) -> Path:
        part = entry(VALUES[:8])
        del part.shape.dim[0]
        part.shape.dim.add(size=1)
        part.shape.dim[0].size, part.shape.dim[1].size = 1, 2
        keys = sorted({slice_key("w", item) for item in stored})
        # The keys of slices begin with a zero and come before all others.
        folder.mkdir()
        header = (b"", BundleHeaderProto(num_shards=1).SerializeToString())
        made = entry(VALUES)
        change(made)
        rows = [header, *((key, part.SerializeToString()) for key in keys)]
        rows.append((b"w", made.SerializeToString()))
        (folder / "variables.index").write_bytes(table([block(rows)]))
        (folder / "variables.data-00000-of-00001").write_bytes(VALUES)
        return folder

    return make


def _changed(**fields: int) -> Make:
    def change(made: BundleEntryProto) -> None:
        for key, value in fields.items():
            setattr(made, key, value)

    return lambda folder: bundle(folder, change)


def _dims(*sizes: int) -> Make:
    def change(made: BundleEntryProto) -> None:
        del made.shape.dim[:]
        for size in sizes:
            made.shape.dim.add(size=size)

    return lambda folder: bundle(folder, change)


def _index(data: bytes) -> Make:
    def make(folder: Path) -> Path:
        bundle(folder)
        (folder / "variables.index").write_bytes(data)
        return folder

    return make


def _state(text: bytes, *more: str) -> Make:
    """A folder of checkpoints with this state file."""

    def make(folder: Path) -> Path:
        for name in ("model.ckpt", *more):
            bundle(folder, name=name)
        (folder / "checkpoint").write_bytes(text)
        return folder

    return make


def _v1(folder: Path, dims: list[int], values: int, name: str = "w") -> Path:
    folder.mkdir()
    meta = SavedTensorSlices()
    tensor = meta.meta.tensor.add(name=name, type=FLOAT)
    for size in dims:
        tensor.shape.dim.add(size=size)
    extent = tensor.slice.add()
    for _ in dims:
        extent.extent.add()
    stored = SavedTensorSlices()
    stored.data.name = name
    stored.data.data.float_val.extend([1.0] * values)
    key = slice_key(name, [(0, -1)] * len(dims))
    rows = [(b"", meta.SerializeToString()), (key, stored.SerializeToString())]
    (folder / "model.ckpt").write_bytes(table([block(rows)]))
    return folder / "model.ckpt"


GOOD_ROWS = [
    (b"", BundleHeaderProto(num_shards=1).SerializeToString()),
    (b"w", entry(VALUES).SerializeToString()),
]

CHECKPOINTS: dict[str, Make] = {
    "dtype_unknown": _changed(dtype=777),
    "dtype_string": _changed(dtype=dtype_enum("string")),
    "offset_beyond": _changed(offset=1 << 40),
    "offset_negative": _changed(offset=-8),
    "size_huge": _changed(size=1 << 62),
    "size_negative": _changed(size=-1),
    "size_short": _changed(size=12),
    "shard_huge": _changed(shard_id=2**31 - 1),
    "shard_negative": _changed(shard_id=-5),
    "checksum_of_values": _changed(crc32c=1),
    "shape_terabytes": _dims(1 << 20, 1 << 22),
    "shape_overflow": _dims(1 << 62, 1 << 62, 4),
    "shape_negative": _dims(-2, -2),
    "shape_300": _dims(*[1] * 300),
    "shape_other": _dims(3, 5),
    "shards_negative": lambda folder: bundle(folder, shards=-1),
    "shards_billion": lambda folder: bundle(folder, shards=2**31 - 1),
    "data_empty": lambda folder: bundle(folder, data=b""),
    "data_cut": lambda folder: bundle(folder, data=VALUES[:9]),
    "slices_missing": _slices([[(0, 1), (0, 0)], [(1, 1), (0, 0)]], [[(0, 1), (0, -1)]]),
    "slices_overlap": _slices([[(0, 1), (0, 0)], [(0, 1), (0, 0)]], [[(0, 1), (0, -1)]]),
    "slices_outside": _slices(
        [[(0, 1), (0, 0)], [(7, 1), (0, 0)]], [[(0, 1), (0, -1)], [(7, 1), (0, -1)]]
    ),
    "slices_negative": _slices([[(-1, 3), (-5, 0)]], [[(-1, 3), (-5, -1)]]),
    "slices_rank": _slices([[(0, 1)], [(1, 1)]], [[(0, 1)], [(1, 1)]]),
    "index_empty": _index(b""),
    "index_random": _index(np.random.default_rng(3).bytes(500)),
    "index_only_magic": _index(MAGIC),
    "index_cut": _index(table([block(GOOD_ROWS)])[:40]),
    "index_checksum": _index(table([block(GOOD_ROWS)]).replace(b"w", b"v")),
    "index_no_header": _index(table([block(GOOD_ROWS[1:])])),
    "index_not_sorted": _index(table([block([*GOOD_ROWS, (b"b", GOOD_ROWS[1][1])])])),
    "index_block_twice": _index(table([block(GOOD_ROWS)], repeat=1000)),
    "index_entries_garbage": _index(table([block([GOOD_ROWS[0], (b"w", b"\xff" * 20)])])),
    "index_header_garbage": _index(table([block([(b"", b"\xff" * 20)])])),
    "index_unknown_packing": _index(table([block(GOOD_ROWS)], compression=9)),
    "index_snappy_huge": _index(table([_varint(1 << 40) + b"\0a"], compression=1)),
    "index_snappy_garbage": _index(table([_varint(9) + b"\xff" * 20], compression=1)),
    "index_keys_not_utf8": _index(table([block([GOOD_ROWS[0], (b"\xff\xfe", GOOD_ROWS[1][1])])])),
    "index_keys_hostile": _index(
        table(
            [
                block(
                    [
                        GOOD_ROWS[0],
                        *((key, GOOD_ROWS[1][1]) for key in sorted([b"<b>\n\"'", b"../../x"])),
                    ]
                )
            ]
        )
    ),
    "state_outside": _state(b'model_checkpoint_path: "../../../etc/passwd"\n'),
    "state_absolute": _state(b'model_checkpoint_path: "/etc/passwd"\n'),
    "state_dots": _state(b'model_checkpoint_path: ".."\n'),
    "state_itself": _state(b'model_checkpoint_path: "checkpoint"\n'),
    "state_empty": _state(b'model_checkpoint_path: ""\n'),
    "state_long": _state(b'model_checkpoint_path: "' + b"x" * 5000 + b'"\n'),
    "state_zero": _state(b'model_checkpoint_path: "a\\000b"\n'),
    "state_no_text": _state(b"\xff\xfe\0 damaged"),
    "state_several": _state(b"damaged", "old.ckpt"),
    "state_pointer": _state(LFS),
    "data_pointer": lambda folder: bundle(folder, data=LFS),
    "index_pointer": _index(LFS),
    "state_near": _state(b'model_checkpoint_path: "modle.ckpt"\n'),
    "v1_terabytes": lambda folder: _v1(folder, [1 << 20, 1 << 21], 1),
    "v1_fewer_values": lambda folder: _v1(folder, [2, 2], 1),
    "v1_negative": lambda folder: _v1(folder, [-2], 1),
}


# SavedModels --------------------------------------------------------------------------------------


def saved(folder: Path, change: Callable[[SavedModel], None] = lambda made: None) -> Path:
    """A SavedModel of one variable, as TensorFlow 1 has it, changed."""
    made = SavedModel(saved_model_schema_version=1)
    meta = made.meta_graphs.add()
    meta.meta_info_def.tags.append("serve")
    graph = meta.graph_def
    graph.node.extend(
        [
            placeholder("x", [None, 2]),
            node("w", "VariableV2", dtype="float32", shape=[2, 2]),
            node("r", "Identity", "w", T="float32"),
            node("y", "MatMul", "x", "r", T="float32"),
            const("save/path", b"model"),
            const("save/names", [b"w"]),
            const("save/slices", [b""]),
            node("save/restore", "RestoreV2", "save/path", "save/names", "save/slices"),
            node("save/assign", "Assign", "w", "save/restore", T="float32"),
            node("save/all", "NoOp", "^save/assign"),
        ]
    )
    graph.node[7].attr["dtypes"].list.type.append(FLOAT)
    meta.saver_def.filename_tensor_name = "save/path:0"
    meta.saver_def.restore_op_name = "save/all"
    meta.saver_def.version = 2
    signature = meta.signature_def["serving_default"]
    signature.method_name = "tensorflow/serving/predict"
    for group, name in ((signature.inputs, "x"), (signature.outputs, "y")):
        group[name].name, group[name].dtype = f"{name}:0", FLOAT
    change(made)
    bundle(folder / "variables")
    (folder / "saved_model.pb").write_bytes(made.SerializeToString(deterministic=True))
    return folder


def _meta(change: Callable[..., object]) -> Make:
    def on_saved(made: SavedModel) -> None:
        change(made.meta_graphs[0])

    return lambda folder: saved(folder, on_saved)


def _asset(name: str) -> Make:
    def change(made: SavedModel) -> None:
        asset = made.meta_graphs[0].asset_file_def.add(filename=name)
        asset.tensor_info.name = "save/path:0"

    return lambda folder: saved(folder, change)


def _schema(version: int) -> Make:
    def change(made: SavedModel) -> None:
        made.saved_model_schema_version = version

    return lambda folder: saved(folder, change)


def _bytes(change: Callable[[bytes], bytes]) -> Make:
    def make(folder: Path) -> Path:
        saved(folder)
        file = folder / "saved_model.pb"
        file.write_bytes(change(file.read_bytes()))
        return folder

    return make


def _replaced(name: str, data: bytes) -> Make:
    def make(folder: Path) -> Path:
        saved(folder)
        (folder / name).write_bytes(data)
        return folder

    return make


def _versions(*names: str, empty: str | None = None) -> Make:
    def make(folder: Path) -> Path:
        for name in names:
            saved(folder / name)
        if empty is not None:
            (folder / empty).mkdir()
            (folder / empty / "left").write_text("No repository keeps an empty folder.\n")
        return folder

    return make


def _without(*names: str) -> Make:
    def make(folder: Path) -> Path:
        saved(folder)
        for name in names:
            (folder / name).unlink()
        (folder / "variables" / "left").write_text("No repository keeps an empty folder.\n")
        return folder

    return make


def _linked_asset(folder: Path) -> Path:
    _asset("words.txt")(folder)
    (folder / "assets").mkdir()
    (folder / "assets" / "words.txt").symlink_to("/etc/passwd")
    return folder


def _outputs(name: str, key: str = "y") -> Make:
    return _meta(
        lambda meta: setattr(meta.signature_def["serving_default"].outputs[key], "name", name)
    )


def _collections(meta) -> None:
    meta.collection_def["variables"].bytes_list.value.append(b"\xff\xfe")
    meta.collection_def["saved_model_assets"].any_list.value.add(type_url="x", value=b"\xff\xff")
    meta.collection_def["saved_model_main_op"].float_list.value.append(1.0)
    meta.collection_def["table_initializer"].int64_list.value.append(-1)


def _one_name_for_all(meta: Any) -> None:
    """The list of keys to restore: one text that stands for four billion."""
    (names,) = (node for node in meta.graph_def.node if node.name == "save/names")
    tensor = names.attr["value"].tensor
    tensor.string_val[:] = [b"w"]
    tensor.tensor_shape.dim[0].size = (1 << 32) - 1


SAVED: dict[str, Make] = {
    "schema_99": _schema(99),
    "schema_negative": _schema(-1),
    "schema_missing": _schema(0),
    "no_meta_graph": lambda folder: saved(folder, lambda made: made.ClearField("meta_graphs")),
    "empty_meta_graph": _meta(lambda meta: meta.Clear()),
    "two_graphs": _bytes(
        lambda data: b"\x08\x01" + _field(2, (2 * _field(2, good().SerializeToString())))
    ),
    "same_tags": lambda folder: saved(
        folder, lambda made: made.meta_graphs.add().CopyFrom(made.meta_graphs[0])
    ),
    "meta_graphs_2000": _bytes(lambda data: data + b"\x12\0" * 2000),
    "cut": _bytes(lambda data: data[: len(data) // 2]),
    "cut_by_one": _bytes(lambda data: data[:-1]),
    "text_for_binary": _bytes(
        lambda data: b"saved_model_schema_version: 1\nmeta_graphs { graph_def {"
    ),
    "output_gone": _outputs("gone:0"),
    "output_no_port": _outputs("y:9"),
    "output_empty": _outputs(""),
    "output_key_hostile": _outputs("y:0", "<script>\n\"'"),
    "input_gone": _meta(
        lambda meta: setattr(meta.signature_def["serving_default"].inputs["x"], "name", "gone:0")
    ),
    "no_signature": _meta(lambda meta: meta.ClearField("signature_def")),
    "restore_names_huge": _meta(_one_name_for_all),
    "restore_gone": _meta(lambda meta: setattr(meta.saver_def, "restore_op_name", "gone")),
    "collections_garbage": _meta(_collections),
    "asset_outside": _asset("../../../../etc/passwd"),
    "asset_absolute": _asset("/etc/passwd"),
    "asset_missing": _asset("words.txt"),
    "asset_long": _asset("x" * 5000),
    "asset_zero": _asset("a\0b"),
    "asset_folder": _asset("."),
    "variables_gone": _without(
        "variables/variables.index", "variables/variables.data-00000-of-00001"
    ),
    "index_gone": _without("variables/variables.index"),
    "data_gone": _without("variables/variables.data-00000-of-00001"),
    "graph_pointer": _bytes(lambda data: LFS),
    "data_pointer": _replaced("variables/variables.data-00000-of-00001", LFS),
    "index_pointer": _replaced("variables/variables.index", LFS),
    "unknown_fields": _bytes(lambda data: b"\x78\x01" + data + b"\x7b\x7c"),
    "versions": _versions("1", "2", "000123"),
    "versions_highest_empty": _versions("1", "2", empty="3"),
}


# Archives -----------------------------------------------------------------------------------------


def _zip(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in entries:
            info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
            info.compress_type = method
            archive.writestr(info, content)
    return data.getvalue()


def _tar(*entries: tarfile.TarInfo | tuple[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        for item in entries:
            if isinstance(item, tarfile.TarInfo):
                archive.addfile(item)
                continue
            info = tarfile.TarInfo(item[0])
            info.size = len(item[1])
            archive.addfile(info, io.BytesIO(item[1]))
    return data.getvalue()


def _entry(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def _patched(data: bytes, *changes: tuple[bytes, int, str, int]) -> bytes:
    """A zip with numbers written over: after a signature, at an offset."""
    made = bytearray(data)
    for mark, offset, form, value in changes:
        struct.pack_into(form, made, data.index(mark) + offset, value)
    return bytes(made)


MODEL = ("m.pb", good().SerializeToString(deterministic=True))
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"


def _overlapping() -> bytes:
    """Two entries of the list that tell of the same bytes."""
    data = _zip(MODEL)
    start = data.index(CENTRAL)
    end = data.index(END)
    second = data[start:end].replace(b"m.pb", b"n.pb")
    made = bytearray(data[:end] + second + data[end:])
    at = end + len(second)
    struct.pack_into("<HHL", made, at + 8, 2, 2, end + len(second) - start)
    return bytes(made)


def _zip64() -> bytes:
    return _patched(_zip(MODEL), (CENTRAL, 20, "<L", 0xFFFFFFFF), (CENTRAL, 24, "<L", 0xFFFFFFFF))


def _versions_zip() -> bytes:
    graph = SavedModel(saved_model_schema_version=1)
    graph.meta_graphs.add().graph_def.CopyFrom(good())
    return _zip(*((f"{name}/saved_model.pb", graph.SerializeToString()) for name in ("1", "20")))


ARCHIVES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nested": ("zip", lambda: _zip(("inner.zip", _zip(MODEL)))),
    "two_models": ("zip", lambda: _zip(MODEL, ("n.pb", MODEL[1]))),
    "no_model": ("zip", lambda: _zip(("a.txt", b"words"))),
    "empty_zip": ("zip", _zip),
    "bomb": ("zip", lambda: _zip(("m.pb", bytes(80 << 20)))),
    "duplicate_entries": ("tar", lambda: _tar(MODEL, MODEL)),
    "overlapping": ("zip", _overlapping),
    "encrypted": ("zip", lambda: _patched(_zip(MODEL), (LOCAL, 6, "<H", 1), (CENTRAL, 8, "<H", 1))),
    "lzma": ("zip", lambda: _zip(MODEL, method=zipfile.ZIP_LZMA)),
    "unknown_method": (
        "zip",
        lambda: _patched(_zip(MODEL), (LOCAL, 8, "<H", 77), (CENTRAL, 10, "<H", 77)),
    ),
    "size_too_small": ("zip", lambda: _patched(_zip(MODEL), (CENTRAL, 24, "<L", 5))),
    "size_too_large": ("zip", lambda: _patched(_zip(MODEL), (CENTRAL, 24, "<L", 4000))),
    "wrong_checksum": (
        "zip",
        lambda: _patched(_zip(MODEL), (LOCAL, 14, "<L", 7), (CENTRAL, 16, "<L", 7)),
    ),
    "offset_beyond": ("zip", lambda: _patched(_zip(MODEL), (CENTRAL, 42, "<L", 1 << 30))),
    "other_local_name": ("zip", lambda: _zip(MODEL).replace(b"m.pb", b"q.pb", 1)),
    "zip64_incomplete": ("zip", _zip64),
    "several_disks": ("zip", lambda: _patched(_zip(MODEL), (END, 4, "<H", 3), (END, 6, "<H", 2))),
    "directory_count": (
        "zip",
        lambda: _patched(_zip(MODEL), (END, 8, "<H", 9), (END, 10, "<H", 9)),
    ),
    "directory_beyond": ("zip", lambda: _patched(_zip(MODEL), (END, 16, "<L", 1 << 30))),
    "cut_zip": ("zip", lambda: _zip(MODEL)[:-10]),
    "names_hostile": ("zip", lambda: _zip(("<b>\"'\n.pb", MODEL[1]))),
    "name_drive": ("zip", lambda: _zip(("C:\\m.pb", MODEL[1]))),
    "name_spaces": ("zip", lambda: _zip((" a /b c .pb", MODEL[1]))),
    "name_backslash": ("tar", lambda: _tar(("a\\b.pb", MODEL[1]))),
    "name_colon": ("tar", lambda: _tar(("a:b.pb", MODEL[1]))),
    "name_not_utf8": ("tar", lambda: _tar(("m\udcff.pb", MODEL[1]), form=tarfile.GNU_FORMAT)),
    "name_backslash_dots": ("tar", lambda: _tar(("..\\m.pb", MODEL[1]))),
    "versions": ("zip", _versions_zip),
    "pointer": ("zip", lambda: _zip(("m.pb", LFS))),
    "pickle": ("zip", lambda: _zip(("m/data.pkl", b"\x80\x02."), ("m/version", b"3\n"))),
    "name_dot": ("zip", lambda: _zip((".", b"x"), MODEL)),
    "name_long": ("tar", lambda: _tar(("x" * 5000, b"1"), MODEL)),
    "name_million": ("tar", lambda: _tar(("x" * 1_000_000, b"1"), MODEL)),
    "path_traversal": ("tar", lambda: _tar(("../m.pb", MODEL[1]))),
    "path_absolute": ("tar", lambda: _tar(("/tmp/m.pb", MODEL[1]))),
    "pax_traversal": ("tar", lambda: _tar(_entry("m", pax_headers={"path": "../../m.pb"}))),
    "pax_size": ("tar", lambda: _tar(_entry("m", pax_headers={"size": str(1 << 50)}))),
    "pax_size_text": ("tar", lambda: _tar(_entry("m", pax_headers={"size": "many"}))),
    "pax_sparse": (
        "tar",
        lambda: _tar(
            _entry("m", pax_headers={"GNU.sparse.map": "0,1," * 9, "GNU.sparse.size": str(1 << 50)})
        ),
    ),
    "link": ("tar", lambda: _tar(_entry("m.pb", type=tarfile.SYMTYPE, linkname="/etc/passwd"))),
    "hard_link": (
        "tar",
        lambda: _tar(_entry("m.pb", type=tarfile.LNKTYPE, linkname="/etc/passwd")),
    ),
    "device": ("tar", lambda: _tar(_entry("m.pb", type=tarfile.CHRTYPE, devmajor=1, devminor=5))),
    "pipe": ("tar", lambda: _tar(_entry("m.pb", type=tarfile.FIFOTYPE))),
    "unknown_type": ("tar", lambda: _tar(_entry("m.pb", type=b"Z"), MODEL)),
    "tar_cut": ("tar", lambda: _tar(MODEL)[:700]),
    "tar_checksum": ("tar", lambda: _tar(MODEL).replace(b"m.pb", b"q.pb")),
    "tar_negative_size": (
        "tar",
        lambda: _tar(MODEL)[:124] + b"\xff" * 12 + _tar(MODEL)[136:],
    ),
    "gzip_cut": ("tgz", lambda: gzip.compress(_tar(MODEL), mtime=0)[:100]),
    "gzip_trailing": ("tgz", lambda: gzip.compress(_tar(MODEL), mtime=0) + b"garbage" * 10),
    "gzip_of_graph": ("tgz", lambda: gzip.compress(MODEL[1], mtime=0)),
    "gzip_bomb": ("tgz", lambda: gzip.compress(_tar(("m.pb", bytes(80 << 20))), mtime=0)),
    "gzip_random": ("tgz", lambda: b"\x1f\x8b\x08\0" + np.random.default_rng(4).bytes(300)),
    "gzip_of_zip": ("tgz", lambda: gzip.compress(_zip(MODEL), mtime=0)),
}
