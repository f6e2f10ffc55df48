"""Archives: any model in any of them, and nothing that a hostile one could do."""

from __future__ import annotations

import gc
import gzip
import io
import json
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from inspector import errors
from inspector.analysis.describe import describe
from inspector.formats import archives, open_model
from inspector.freezing.freeze import freeze
from inspector.jobs.client.default_runner import default_runner
from tests.conftest import data_path
from tests.keras_files import dense, sequential, write_keras

FROZEN = "models/seed/ppscore/checkpoints/frozen_model.pb"
SOURCES = {
    "SavedModel": "models/seed/ppscore/two_metagraphs",
    "Checkpoint": "models/seed/ppscore/checkpoints",
    "GraphDef": FROZEN,
    "MetaGraphDef": "models/public/tfnet_meta_cond_test/graph.meta",
}
Entries = list[tuple[str, bytes]]


def contents(source: str) -> Entries:
    path = data_path(source)
    if path.is_file():
        return [(path.name, path.read_bytes())]
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return [(file.relative_to(path).as_posix(), file.read_bytes()) for file in files]


def zipped(path: Path, entries: Entries) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def tarred(path: Path, entries: Entries) -> Path:
    mode = "w:gz" if path.suffix in (".gz", ".tgz") else "w"
    with tarfile.open(path, mode) as archive:
        for name, data in entries:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


PACK: dict[str, Callable[[Path, Entries], Path]] = {
    ".zip": zipped,
    ".tar": tarred,
    ".tar.gz": tarred,
    ".tgz": tarred,
}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where archives are unpacked in these tests."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.mark.parametrize("top", ["", "top/", "./", "a/b/c/"])
@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("format", SOURCES)
def test_every_format_opens_from_every_archive(
    tmp_path: Path, format: str, suffix: str, top: str
) -> None:
    original = open_model(data_path(SOURCES[format]))
    entries = [(top + name, data) for name, data in contents(SOURCES[format])]
    entries += [("__MACOSX/top/._saved_model.pb", b"node {"), (f"{top}README.md", b"# words")]
    model = open_model(PACK[suffix](tmp_path / f"my model{suffix}", entries))
    assert model.format == format
    assert model.graph.to_proto() == original.graph.to_proto()
    assert model.variables == original.variables
    assert model.files == original.files
    assert model.warnings == original.warnings
    if format == "SavedModel":
        parts = [part for part in top.split("/") if part not in ("", ".")]
        assert model.name == (parts[-1] if parts else "my model")
        assert all(asset.path and asset.path.is_file() for asset in model.assets)
    else:
        assert model.name == original.name


def test_the_suffix_does_not_matter_and_other_files_do_not_either(tmp_path: Path) -> None:
    entries = [*contents(FROZEN), ("README.md", b"# words"), ("labels.txt", b"a\nb\n")]
    assert len(open_model(zipped(tmp_path / "model.bin", entries)).graph) == 51


def test_files_live_as_long_as_a_model_that_needs_them(tmp_path: Path, scratch: Path) -> None:
    path = zipped(tmp_path / "m.zip", contents(SOURCES["Checkpoint"]))
    model = open_model(path)
    assert len(list(scratch.iterdir())) == 1
    frozen = freeze(model, ["ppscore"])
    assert len(frozen.graph) == 51
    del model
    gc.collect()
    assert len(list(scratch.iterdir())) == 1
    del frozen
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_the_caller_may_say_where(tmp_path: Path, scratch: Path) -> None:
    (tmp_path / "mine").mkdir()
    path = zipped(tmp_path / "m.zip", contents(FROZEN))
    model = open_model(path, scratch=tmp_path / "mine")
    assert model.path is not None
    assert model.path.is_relative_to(tmp_path / "mine")
    assert list(scratch.iterdir()) == []


def refused(path: Path, kind: type[Exception], reason: str) -> None:
    """One clear error, and nothing left behind."""
    around = sorted(path.parent.rglob("*"))
    with pytest.raises(kind, match=reason) as caught:
        open_model(path)
    assert str(path.parent) not in str(caught.value)
    del caught
    gc.collect()
    assert sorted(path.parent.rglob("*")) == around


NAMES = ["../out.pb", "/out.pb", "a/../../out.pb", "a\\..\\out.pb", "..", "a/.."]
NAMES += ["..\\out.pb", "\\out.pb", "\\\\server\\out.pb", "C:\\out.pb", "c:/out.pb", "a/..\\out.pb"]


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
@pytest.mark.parametrize("name", NAMES)
def test_no_name_leads_out(tmp_path: Path, suffix: str, name: str) -> None:
    path = PACK[suffix](tmp_path / f"m{suffix}", [*contents(FROZEN), (name, b"x")])
    refused(path, errors.UnsupportedModel, "leads out of the archive")


ODD = {
    "spaces": " my  model /a b .pb",
    "letters": "größe/日本語/🙂\u202e.pb",
    "dots": "model./...pb./m.pb.",
    "dot first": "./././m.pb",
    "backslash": "a\\b/m.pb",
    "colon": "a:b/c:m.pb",
    "device of Windows": "CON/nul.pb",
    "long": "x" * 200 + "/" + "ä" * 100 + ".pb",
    "longer than a file system takes": "é" * 2000 + "/" + "y" * 3000 + ".pb",
    "control characters": "a\nb\x1b[31m/m\t.pb",
    "markup": "<b>&amp;'\".pb",
    "surrogate": "m\udcff.pb",
}


@pytest.mark.parametrize("form", ["zip", tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
@pytest.mark.parametrize("case", ODD)
def test_odd_names_open(tmp_path: Path, case: str, form: str | int) -> None:
    path, name, data = tmp_path / "m", ODD[case], data_path(FROZEN).read_bytes()
    if isinstance(form, int):
        with tarfile.open(path, "w", format=form) as archive:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    elif case == "surrogate":
        pytest.skip("a name in a zip is text")
    else:
        zipped(path, [(name, data)])
    model = open_model(path)
    assert len(model.graph) == len(open_model(data_path(FROZEN)).graph)
    assert model.path is not None
    assert json.dumps(describe(model).to_dict()).encode()


def test_names_that_differ_in_case_or_in_bytes_that_are_no_text_are_two(tmp_path: Path) -> None:
    saved = contents("models/seed/ppscore/two_metagraphs")
    more = [("Saved_Model.pb", b"x"), ("m\udcff", b"1"), ("m\udcfe", b"2"), ("m\ufffd", b"3")]
    model = open_model(tarred(tmp_path / "m.tar", [*saved, *more]))
    assert model.format == "SavedModel"
    assert model.path is not None
    inside = {file.name for file in model.path.iterdir()}
    assert {"Saved_Model.pb", "m\\xff", "m\\xfe", "m\ufffd"} <= inside


def test_files_of_a_checkpoint_keep_one_prefix_where_names_are_too_long(tmp_path: Path) -> None:
    prefix = "p" * 300
    entries = [
        (name.replace("var.", f"{prefix}."), data)
        for name, data in contents("models/seed/ppscore/checkpoints")
        if name.startswith("var.")
    ]
    model = open_model(tarred(tmp_path / "m.tar", entries))
    assert model.format == "Checkpoint"
    assert model.checkpoint is not None
    assert model.checkpoint.missing() == []
    assert len(model.graph) > 0


@pytest.mark.parametrize(("system", "is_separator"), [(0, True), (10, True), (3, False)])
def test_backslashes_of_windows_are_slashes(
    tmp_path: Path, system: int, is_separator: bool
) -> None:
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(_of_system("model\\variables\\", system), b"")
        for name, data in contents("models/seed/ppscore/two_metagraphs"):
            archive.writestr(_of_system("model\\" + name.replace("/", "\\"), system), data)
    model = open_model(path)
    # Where a backslash is a letter, all files lie side by side, and the index is one of them.
    assert model.format == ("SavedModel" if is_separator else "Checkpoint")


def _of_system(name: str, system: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = system
    return info


def test_a_tar_of_the_oldest_form_opens(tmp_path: Path) -> None:
    data = bytearray(tarred(tmp_path / "m.tar", contents(FROZEN)).read_bytes())
    for start in range(0, len(data) - 512, 512):
        if data[start + 257 : start + 262] == b"ustar":
            data[start + 257 : start + 512] = bytes(255)
            data[start + 148 : start + 156] = b" " * 8
            data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    (tmp_path / "old").write_bytes(data)
    assert open_model(tmp_path / "old").format == "GraphDef"
    (tmp_path / "zeros").write_bytes(bytes(10240))
    refused(tmp_path / "zeros", errors.UnknownFormat, "bytes are no")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "m.tar", "w") as archive:
        archive.addfile(info)
    refused(tmp_path / "m.tar", errors.UnsupportedModel, "entry 'link': it is a link")


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(tmp_path / "m.zip", errors.UnsupportedModel, "entry 'link': it is a link")


def test_entries_that_get_in_each_others_way_are_refused(tmp_path: Path) -> None:
    twice = tarred(tmp_path / "m.tar", [("a", b"1"), ("a", b"2")])
    refused(twice, errors.CorruptModel, "two entries have one name")
    below = tarred(tmp_path / "n.tar", [("a", b"1"), ("a/b", b"2")])
    refused(below, errors.CorruptModel, "its name cannot be used")
    long = tarred(tmp_path / "o.tar", [("/".join(["x" * 250] * 20), b"1")])
    refused(long, errors.LimitExceeded, "its path is longer than a file system allows")


def test_the_number_of_entries_and_their_depth_have_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tarred(tmp_path / "deep.tar", [("a/" * 40 + "b", b"1")])
    refused(deep, errors.LimitExceeded, "folders deep")
    monkeypatch.setenv("INSPECTOR_FILES", "5")
    many = [(f"f{number}", b"") for number in range(6)]
    for suffix in (".zip", ".tar"):
        path = PACK[suffix](tmp_path / f"many{suffix}", many)
        refused(path, errors.LimitExceeded, "more than 5 entries")


@pytest.mark.parametrize("suffix", [".zip", ".tgz"])
def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    monkeypatch.setattr(archives, "RATIO_FROM", 1 << 20)
    path = PACK[suffix](tmp_path / f"m{suffix}", [("zeros", bytes(8 << 20))])
    refused(path, errors.LimitExceeded, "more than 200 times its size")
    monkeypatch.setenv("INSPECTOR_UNPACK_SIZE", "1 MiB")
    refused(path, errors.LimitExceeded, "more than 1 MiB")
    plain = tarred(tmp_path / "m.tar", [("zeros", bytes(2 << 20))])
    refused(plain, errors.LimitExceeded, "more than 1 MiB")


def test_a_zip_that_lies_about_its_sizes_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.zip", [("a.pb", b"x" * 5000)])
    data = path.read_bytes()
    for lie in (10, 9999):
        path.write_bytes(data.replace((5000).to_bytes(4, "little"), lie.to_bytes(4, "little")))
        refused(path, errors.CorruptModel, "damaged|its entry says")


def test_a_header_without_end_is_refused_before_it_is_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    path = tmp_path / "m.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    refused(path, errors.CorruptModel, "header of more than")


def test_an_archive_in_an_archive_is_not_opened(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", contents(FROZEN))
    path = zipped(tmp_path / "m.zip", [("inner.zip", inner.read_bytes())])
    refused(path, errors.UnsupportedModel, "archive inside an archive")


@pytest.mark.parametrize("name", ["keras.zip", "m.tgz"])
def test_a_keras_file_in_an_archive_is_opened(name: str, tmp_path: Path) -> None:
    file = write_keras(tmp_path / "net.keras", sequential(dense("deep", 3)))
    pack = zipped if name.endswith("zip") else tarred
    path = pack(tmp_path / name, [("top/net.keras", file.read_bytes())])
    model = open_model(path)
    assert (model.format, model.name) == ("Keras", "net.keras")
    assert "deep" in model.graph


def test_a_bomb_that_looks_like_a_keras_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECTOR_UNPACK_SIZE", "1 MiB")
    entries = [("config.json", b"{}"), ("metadata.json", b"{}"), ("x", bytes(2 << 20))]
    inner = zipped(tmp_path / "inner.keras", entries)
    path = zipped(tmp_path / "m.zip", [("inner.keras", inner.read_bytes())])
    refused(path, errors.LimitExceeded, "more than 1 MiB")


def test_what_is_no_model_is_said(tmp_path: Path) -> None:
    pb = data_path(FROZEN).read_bytes()
    cases: list[tuple[Entries, type[Exception], str]] = [
        ([], errors.UnknownFormat, "no model is in it"),
        ([("a.txt", b"words"), ("b", b"")], errors.UnknownFormat, "no model is in it"),
        (
            [("1/a.pb", pb), ("2/a.pb", pb)],
            errors.UnknownFormat,
            "holds 2 models: 1/a.pb, 2/a.pb; open one",
        ),
        (
            [("a.pb", pb), ("b.pb", pb)],
            errors.UnknownFormat,
            "holds 2 models: a.pb, b.pb; open one",
        ),
        ([("saved_model.pb", b"xx")], errors.UnknownFormat, "the bytes are no|text, no"),
        ([("config.json", b"{}"), ("metadata.json", b"{}")], errors.UnknownFormat, "Keras"),
    ]
    for number, (entries, kind, reason) in enumerate(cases):
        refused(zipped(tmp_path / f"m{number}.zip", entries), kind, reason)
    (tmp_path / "m.gz").write_bytes(gzip.compress(pb))
    refused(tmp_path / "m.gz", errors.UnsupportedModel, "a GraphDef compressed by gzip: unpack it")
    (tmp_path / "m.gz").write_bytes(gzip.compress(b"words"))
    refused(tmp_path / "m.gz", errors.UnsupportedModel, "no tar archive: unpack it")


@pytest.mark.parametrize("suffix", PACK)
def test_cut_or_changed_anywhere_is_one_clear_error_or_a_model(
    tmp_path: Path, suffix: str, scratch: Path
) -> None:
    path = PACK[suffix](tmp_path / f"m{suffix}", contents(FROZEN))
    data = path.read_bytes()
    step = max(len(data) // 60, 1)
    broken = [data[:length] for length in range(1, len(data), step)]
    for position in [*range(0, min(len(data), 300), 3), *range(0, len(data), step)]:
        changed = bytearray(data)
        changed[position] ^= 0x15
        broken.append(bytes(changed))
    for content in broken:
        path.write_bytes(content)
        try:
            open_model(path)
        except errors.InspectorError as err:
            told = str(err)
            assert str(tmp_path) not in told
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_an_encrypted_zip_is_said(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.zip", [("a.pb", b"x" * 50)])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    refused(path, errors.UnsupportedModel, "encrypted")


def test_the_original_is_left_alone(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.zip", contents(FROZEN))
    before = path.read_bytes()
    open_model(path)
    assert path.read_bytes() == before
    shutil.rmtree(tmp_path / "scratch")


def test_a_job_leaves_nothing_of_an_archive_with_its_result(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.zip", contents(SOURCES["SavedModel"]))
    answer = default_runner().run("open", {"path": str(path), "tag_set": ["train"]})
    assert answer.value["facts"]["tag_set"] == ["train"]
    assert not answer.folder or not any(answer.folder.iterdir())
    workspace = default_runner().workspace.root
    assert not [file for file in workspace.rglob("saved_model.pb") if file.parent.name == "m"]
