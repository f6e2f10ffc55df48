"""TFLite metadata and the files packed with a model; damaged and hostile ones end nowhere."""

from __future__ import annotations

import io
import random
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from inspector.analysis.describe import describe
from inspector.api import open_model
from inspector.cli.main import cli
from inspector.formats.tflite import metadata
from tests.conftest import data_path

LABELLED = data_path("models/public/coral_mobilenet_v1_0_25_128_quant/model.tflite")
BARE = data_path("models/public/tflm_micro_speech")


def facts(path: Path) -> dict[str, Any]:
    return describe(open_model(path)).to_dict()


def flatbuffer() -> bytes:
    """The metadata of the labelled model."""
    file = open_model(LABELLED).lite.file
    number = dict(file.metadata)[metadata.BUFFER]
    return bytes(file.buffer(number))


def read(data: bytes) -> dict[str, Any] | None:
    file: Any = SimpleNamespace(metadata=[(metadata.BUFFER, 0)], buffer=lambda number: data)
    return metadata.of(file)


def packed(tmp_path: Path, files: dict[str, bytes], **options: Any) -> Path:
    """The labelled model's flatbuffer with other files behind it."""
    data = LABELLED.read_bytes()
    (tmp_path / "m.tflite").write_bytes(data[: data.rindex(b"PK\x03\x04")])
    with zipfile.ZipFile(tmp_path / "m.tflite", "a", **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return tmp_path / "m.tflite"


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = facts(path)["associated_files"]
    return found


def test_metadata_and_labels_of_a_public_model() -> None:
    stated = facts(LABELLED)
    assert stated["metadata"] == {
        "name": "ImageClassifier",
        "description": "Identify the most prominent object in the image from a known set of "
        "categories.",
        "inputs": [{"name": "image", "description": "Input image to be classified."}],
        "outputs": [
            {"name": "probability", "description": "Probabilities of the labels respectively."}
        ],
    }
    (labels,) = stated["associated_files"]
    assert (labels["name"], labels["type"]) == ("imagenet_labels.txt", "labels along an axis")
    assert (labels["tensor"], labels["bytes"]) == ("probability", 21_686)
    assert labels["lines"][:2] == ["background", "tench, Tinca tinca"]
    assert len(labels["lines"]) == metadata.MOST_LINES
    text = CliRunner().invoke(cli, ["describe", str(LABELLED)]).stdout
    assert "  output       probability: Probabilities of the labels respectively.\n" in text
    assert "21,686 bytes  background, tench, Tinca tinca" in text


def test_a_model_without_has_none() -> None:
    (path,) = BARE.glob("*.tflite")
    stated = facts(path)
    assert stated["metadata"] is None
    assert stated["associated_files"] == []


def test_a_file_that_is_named_and_missing_and_one_that_is_not_named(tmp_path: Path) -> None:
    unnamed, missing = rows(packed(tmp_path, {"more.txt": b"one\ntwo"}))
    assert (unnamed["name"], unnamed["type"], unnamed["lines"]) == ("more.txt", "", ["one", "two"])
    assert (missing["name"], missing["bytes"]) == ("imagenet_labels.txt", None)
    text = CliRunner().invoke(cli, ["describe", str(tmp_path / "m.tflite")]).stdout
    assert "missing" in text


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"\xff\xfe\x00", []),
        (b"a\0b", []),
        (b"", []),
        (b"x" * 5_000, ["x" * metadata.MOST_TEXT]),
        (b"a\n" * 1_000_000, ["a"] * metadata.MOST_LINES),
        ("ä".encode() * (metadata.MOST_BYTES // 2) + b"!", ["ä" * metadata.MOST_TEXT]),
        (b"!" + "ä".encode() * metadata.MOST_BYTES, ["!" + "ä" * (metadata.MOST_TEXT - 1)]),
    ],
    ids=["no text", "zero byte", "empty", "long line", "bomb", "whole", "cut in a character"],
)
def test_the_start_of_a_text_and_no_other_bytes(
    content: bytes, lines: list[str], tmp_path: Path
) -> None:
    path = packed(tmp_path, {"f": content}, compression=zipfile.ZIP_DEFLATED)
    assert rows(path)[0]["lines"] == lines
    assert rows(path)[0]["bytes"] == len(content)


def test_too_many_files_other_packing_and_damage_end_without_files(tmp_path: Path) -> None:
    many = {f"{number}": b"" for number in range(metadata.MOST_FILES + 1)}
    path = packed(tmp_path, many)
    assert metadata.files(path, memoryview(path.read_bytes())) == []
    path = packed(tmp_path, {"f": b"text"}, compression=zipfile.ZIP_LZMA)
    assert rows(path)[0]["lines"] == []
    data = packed(tmp_path, {"f": b"text", "folder/": b""}).read_bytes()
    start = data.rindex(b"PK\x03\x04", 0, data.rindex(b"PK\x03\x04"))
    for at in range(start, len(data)):
        path.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        metadata.files(path, memoryview(path.read_bytes()))
        path.write_bytes(data[:at])
        metadata.files(path, memoryview(path.read_bytes()))


def test_damaged_metadata_is_read_as_far_as_it_goes_or_not_at_all() -> None:
    data = flatbuffer()
    assert read(data) is not None
    assert read(b"") is read(data[:6]) is read(data.replace(b"M001", b"M999")) is None
    generator = random.Random(7)
    for at in range(len(data)):
        read(data[:at])
        for value in (0, 0xFF, generator.randrange(256)):
            read(data[:at] + bytes([value]) + data[at + 1 :])


def test_a_list_of_billions_and_tables_within_themselves_end() -> None:
    # A model whose list of subgraphs is the list of its own table, again and again.
    fields = (12).to_bytes(2, "little") + (8).to_bytes(2, "little") + bytes(6)
    fields += (4).to_bytes(2, "little")
    table = len(fields) + 8
    body = (table - 8).to_bytes(4, "little", signed=True)
    body += (4).to_bytes(4, "little") + (0xFFFFFFFF).to_bytes(4, "little")
    data = table.to_bytes(4, "little") + b"M001" + fields + body + bytes(4 * 3)
    read(data)
    read(data + (0xFFFFFFF0).to_bytes(4, "little") * 200)


def test_tables_are_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = flatbuffer()
    monkeypatch.setattr(metadata, "MOST_TABLES", 2)  # the subgraph and its input
    stated = read(data)
    assert stated is not None
    assert [len(stated[key]) for key in ("inputs", "outputs", "files")] == [1, 0, 0]


def test_control_characters_of_names_are_escaped(tmp_path: Path) -> None:
    path = packed(tmp_path, {"bad\x1b[31m\nname": b"\x1b[2Jlabel"})
    text = CliRunner().invoke(cli, ["describe", str(path)]).stdout
    assert "\x1b" not in text
    assert "\\x1b[31m" in text


def test_a_zip_that_is_no_part_of_the_model_is_not_looked_for_in_its_middle() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("f", b"text")
    data = stream.getvalue() + bytes(1 << 17)
    assert metadata.files(Path("nowhere"), memoryview(data)) == []
