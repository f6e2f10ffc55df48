"""Names files that are no model of TensorFlow, in half a sentence for an error.

Each is recognised by its first bytes, by the fields of its message or by its name, and not read any
further. Above all no pickle is read: that runs the code in it.

Source: the magic numbers in the formats' own documents; onnx.proto; Model.proto of Core ML;
tensorflow/core/lib/io/record_writer.cc.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping, Set
from itertools import islice

from inspector.files import git_lfs
from inspector.formats import table, text
from inspector.formats.checkpoint.sstable import masked_crc
from inspector.graph import wire
from inspector.graph.wire import BYTES, VARINT

PICKLE = (
    "a Python pickle, as joblib, scikit-learn and old versions of PyTorch write it: reading it "
    "would run the code in it, so it is not read"
)
TORCH = "a PyTorch file: a pickle is in it, which is not read; export the model to TensorFlow"
_PACKED = "compressed by {0}: unpack it and open what is in it"
_NO_MODEL = "{0}, and no model"

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", TORCH),
    (0, b"\x93NUMPY", _NO_MODEL.format("a NumPy array")),
    (0, b"GGUF", "a GGUF file of llama.cpp, which is not read here"),
    (0, b"ML\xefR", "MLIR bytecode, as StableHLO is exported, which is not read here"),
    (4, b"ET12", "an ExecuTorch program, which is not read here"),
    (0, b"\xfd7zXZ\0", _PACKED.format("xz")),
    (0, b"BZh", _PACKED.format("bzip2")),
    (0, b"\x28\xb5\x2f\xfd", _PACKED.format("Zstandard")),
    (0, b"\x04\x22\x4d\x18", _PACKED.format("LZ4")),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it and open what is in it"),
    (0, b"Rar!\x1a\x07", "a RAR archive: unpack it and open what is in it"),
    (0, b"\x89PNG\r\n\x1a\n", _NO_MODEL.format("a PNG picture")),
    (0, b"\xff\xd8\xff", _NO_MODEL.format("a JPEG picture")),
    (0, b"GIF8", _NO_MODEL.format("a GIF picture")),
    (0, b"%PDF-", _NO_MODEL.format("a PDF document")),
    (0, b"\x7fELF", _NO_MODEL.format("a program or library of Linux")),
    (0, b"SQLite format 3\0", _NO_MODEL.format("an SQLite database")),
    (0, b"PAR1", _NO_MODEL.format("a Parquet table")),
    (0, b"ARROW1", _NO_MODEL.format("an Arrow table")),
)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_HTML = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_XML = re.compile(rb"\s*<(?:\?xml|!doctype|[a-z])", re.IGNORECASE)
_OPENVINO = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<net\s")
_JSON = re.compile(rb"\s*[{\[]\s*[\"{\[\]}0-9tfn-]")
_DATA_FILE = re.compile(r"(.+)\.data-\d{5}-of-\d{5}$")
_PROTOCOLS = range(2, 6)
_RECORD = struct.Struct("<QI")
_HEADER = struct.Struct("<Q")

_JSON_KEYS: tuple[tuple[Set[bytes], str], ...] = (
    (
        {b'"modelTopology"', b'"weightsManifest"'},
        "the model.json of a TensorFlow.js model, which is not read here: open the model that it "
        "was converted from",
    ),
    (
        {b'"class_name"', b'"config"'},
        "the config of a Keras model without its weights: open the file that Keras' model.save() "
        "writes",
    ),
)
_COMPANIONS: Mapping[str, str] = {
    "fingerprint.pb": "the fingerprint of a SavedModel: open the folder that it lies in",
    "keras_metadata.pb": "what Keras keeps beside a SavedModel: open the folder that it lies in",
}
_TORCH_PARTS = ("version", "data/0", "constants.pkl")
_CORE_ML_MODELS = range(200, 4000)
_HEAD = 4096


def describe(data: memoryview, name: str) -> str | None:
    """What a file is that no reader opens; None for an unknown kind."""
    head = bytes(data[:_HEAD])
    if (pointer := git_lfs.reason(data)) is not None:
        return pointer
    if stem := _DATA_FILE.match(name):
        index = stem[1][:200] + ".index"
        return f"the values of a checkpoint, which its index lists: open '{index}' beside it"
    if name in _COMPANIONS:
        return _COMPANIONS[name]
    for at, magic, description in _MAGIC:
        if head[at:].startswith(magic):
            return description
    return _by_form(data, head)


def describe_zip(names: Iterable[str]) -> str | None:
    """What a zip archive of these entries is; None for one that may hold a model of ours."""
    listed = set(names)
    roots = [name.removesuffix("data.pkl") for name in listed if name.endswith("/data.pkl")]
    if any(f"{root}{part}" in listed for root in roots for part in _TORCH_PARTS):
        return TORCH
    if listed and all(name.endswith(".npy") for name in listed):
        return "an .npz file of NumPy arrays, and no model"
    return None


def _by_form(data: memoryview, head: bytes) -> str | None:
    if head[:1] == b"\x80" and len(head) > 1 and head[1] in _PROTOCOLS:
        return PICKLE
    if head.startswith(_ZLIB):
        return "compressed by zlib, as joblib writes its pickles, which are not read"
    if len(head) >= _RECORD.size and _is_record(head):
        return "a TFRecord file, of examples or of TensorBoard's events, and no model"
    if len(head) > _HEADER.size and head[_HEADER.size :].lstrip()[:1] == b"{":
        (size,) = _HEADER.unpack_from(head)
        if 2 <= size <= len(data) - _HEADER.size:
            return "a safetensors file: it holds weights and no graph of TensorFlow"
    return _of_text(head) or _of_message(data)


def _is_record(head: bytes) -> bool:
    size, checksum = _RECORD.unpack_from(head)
    return bool(size) and masked_crc(head[: _HEADER.size]) == checksum


def _of_text(head: bytes) -> str | None:
    if (encoding := text.encoding(head)) is not None:
        return text.in_encoding(head, encoding)
    plain = head.removeprefix(text.BOM)
    if _HTML.match(plain):
        return (
            "an HTML page and no model: the download gave a page of the website, such as an error "
            "or a sign-in; download the file itself"
        )
    if _OPENVINO.match(plain):
        return "an OpenVINO network, which is not read here"
    if _XML.match(plain):
        return f"XML, {table.EXPECTED}"
    if _JSON.match(plain):
        for keys, description in _JSON_KEYS:
            if all(key in head for key in keys):
                return description
        return f"JSON, {table.EXPECTED}"
    return None


def _of_message(data: memoryview) -> str | None:
    """ONNX and Core ML are protobuf too; each has a field that says which version it is."""
    kinds: set[tuple[int, int]] = set()
    try:
        kinds.update((field.number, field.wire) for field in islice(wire.fields(data), 100))
    except wire.Truncated:
        pass
    except wire.WireError:
        return None
    if {(1, VARINT), (7, BYTES)} <= kinds and max(number for number, _ in kinds) < 100:
        return "an ONNX model, which is not read here: open the TensorFlow model it was made from"
    if {(1, VARINT), (2, BYTES)} <= kinds and any(
        number in _CORE_ML_MODELS and kind == BYTES for number, kind in kinds
    ):
        return "a Core ML model, which is not read here: open the model that it was made from"
    return None
