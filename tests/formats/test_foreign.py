"""Files that are no model of TensorFlow, each named as what it is, and none read further."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import pickle
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from inspector.errors import InspectorError, UnknownFormat
from inspector.formats import open_model
from inspector.formats.checkpoint.sstable import masked_crc
from tests.hostile import model_files
from tests.hostile.graph_files import _field, _varint, good

GRAPH = text_format.MessageToString(good())


class _Trap:
    """Unpickling it is what must not happen."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("a pickle was read",)


def _zip(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, pickle.dumps(_Trap()))
    return data.getvalue()


def _npy() -> bytes:
    data = io.BytesIO()
    np.save(data, np.arange(3))
    return data.getvalue()


def _npz() -> bytes:
    data = io.BytesIO()
    np.savez(data, a=np.arange(3))
    return data.getvalue()


def _safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def _record() -> bytes:
    size = struct.pack("<Q", 5)
    return size + struct.pack("<I", masked_crc(size)) + b"hello" + bytes(4)


def _onnx() -> bytes:
    graph = _field(1, _field(1, b"x") + _field(4, b"Relu")) + _field(2, b"g")
    opset = _field(1, b"") + b"\x10" + _varint(17)
    return (
        b"\x08\x08"
        + _field(2, b"pytorch")
        + _field(3, b"2.0")
        + _field(7, graph)
        + _field(8, opset)
    )


def _core_ml() -> bytes:
    network = _varint(500 << 3 | 2) + _varint(3) + b"\x0a\x01x"
    return b"\x08\x04" + _field(2, _field(1, _field(1, b"input"))) + network


FILES: dict[str, tuple[bytes, str]] = {
    "pickle": (pickle.dumps(_Trap(), 4), "a Python pickle"),
    "pickle of the second protocol": (pickle.dumps({"w": 1}, 2), "a Python pickle"),
    "joblib, compressed": (zlib.compress(pickle.dumps(_Trap())), "zlib, as joblib"),
    "PyTorch": (_zip("archive/data.pkl", "archive/version", "archive/data/0"), "a PyTorch file"),
    "TorchScript": (_zip("m/data.pkl", "m/constants.pkl", "m/code/x.py"), "a PyTorch file"),
    "old PyTorch": (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + b"x", "a PyTorch file"),
    "safetensors": (_safetensors(), "a safetensors file"),
    "npy": (_npy(), "a NumPy array"),
    "npz": (_npz(), "an .npz file"),
    "ONNX": (_onnx(), "an ONNX model"),
    "Core ML": (_core_ml(), "a Core ML model"),
    "GGUF": (b"GGUF\x03\0\0\0" + bytes(40), "a GGUF file"),
    "records": (_record(), "a TFRecord file"),
    "HTML": (b"\n<!DOCTYPE HTML>\n<html><body>Not found</body></html>", "an HTML page"),
    "HTML without a heading": (b"\xef\xbb\xbf<html lang='en'>", "an HTML page"),
    "XHTML": (b"<?xml version='1.0'?>\n<html xmlns='x'>", "an HTML page"),
    "XML": (b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>", "XML, no Saved"),
    "OpenVINO": (b"<?xml version='1.0'?>\n<net name='m' version='11'>", "an OpenVINO network"),
    "JSON": (b'{"error": "Invalid username or password."}', "JSON, no SavedModel"),
    "TensorFlow.js": (
        b'{"format": "x", "modelTopology": {}, "weightsManifest": []}',
        "TensorFlow.js",
    ),
    "config of Keras": (b'{"class_name": "Sequential", "config": {}}', "config of a Keras model"),
    "xz": (lzma.compress(b"x"), "compressed by xz"),
    "bzip2": (bz2.compress(b"x"), "compressed by bzip2"),
    "UTF-16 without a mark": (GRAPH.encode("utf-16-le"), r"GraphDef as text in UTF-16 \(little"),
    "UTF-16, big-endian, no mark": (GRAPH.encode("utf-16-be"), r"GraphDef as text in UTF-16 \(big"),
    "UTF-32 without a mark": (GRAPH.encode("utf-32-be"), r"GraphDef as text in UTF-32 \(big"),
    "prose in UTF-16": ("Words, äöü.\n".encode("utf-16"), r"text in UTF-16 .*, and no model"),
    "a comment first": (("# A graph\n" + GRAPH).encode("utf-16"), "a GraphDef as text in UTF-16"),
}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("suffix", [".pb", ".keras", ""])
def test_it_is_named(tmp_path: Path, case: str, suffix: str) -> None:
    data, told = FILES[case]
    path = tmp_path / f"m{suffix}"
    path.write_bytes(data)
    with pytest.raises(UnknownFormat, match=told) as caught:
        open_model(path)
    assert str(caught.value).startswith(f"m{suffix}: file: ")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_text_in_another_encoding_is_named(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "m.pbtxt"
    path.write_bytes(("\ufeff" + GRAPH).encode(codec))
    name = codec[:6].upper()
    with pytest.raises(UnknownFormat, match=f"a GraphDef as text in {name} .*: save it in UTF-8"):
        open_model(path)


def test_a_mark_of_utf_8_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "m.pbtxt"
    path.write_bytes(GRAPH.encode("utf-8-sig"))
    assert len(open_model(path).graph) == len(good().node)


def test_data_of_a_checkpoint_point_to_the_index(tmp_path: Path) -> None:
    model_files.bundle(tmp_path, name="model.ckpt-7")
    with pytest.raises(UnknownFormat, match=r"values of a checkpoint.*'model\.ckpt-7\.index'"):
        open_model(tmp_path / "model.ckpt-7.data-00000-of-00001")


@pytest.mark.parametrize("name", ["fingerprint.pb", "keras_metadata.pb"])
def test_what_lies_beside_a_saved_model_points_to_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x09" + bytes(8))
    with pytest.raises(UnknownFormat, match="open the folder that it lies in"):
        open_model(tmp_path / name)


def test_it_is_named_inside_of_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/a.txt", b"words")
        archive.writestr("model/m.onnx", _onnx())
    with pytest.raises(UnknownFormat, match=r"no model is in it: 'm\.onnx' is an ONNX model"):
        open_model(path)


@pytest.mark.parametrize("case", FILES)
def test_it_is_named_when_cut_or_it_is_one_error(tmp_path: Path, case: str) -> None:
    data, _ = FILES[case]
    for length in range(1, min(len(data), 300), 7):
        (tmp_path / "m").write_bytes(data[:length])
        with pytest.raises(InspectorError):
            open_model(tmp_path / "m")
