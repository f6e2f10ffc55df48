"""Which file a folder is opened by: numbered versions, and files that only stand for others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from inspector.analysis.describe import describe
from inspector.errors import InspectorError, UnknownFormat, UnsupportedModel
from inspector.files import git_lfs
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.jobs.client.default_runner import default_runner
from inspector.ui.server import server_paths
from tests.conftest import data_path
from tests.hostile import model_files
from tests.hostile.battery import outcomes

SAVED = "models/seed/ppscore/two_metagraphs"


def versions(folder: Path, *names: str) -> Path:
    for name in names:
        model_files.saved(folder / name)
    return folder


@pytest.mark.parametrize(
    ("names", "chosen", "versions_read"),
    [
        (["1"], "1", 1),
        (["1", "2", "000123"], "000123", 3),
        (["9", "10"], "10", 2),
        (["1", "1600000000", "temp-1700000000", "-5", "2.5", "²", "latest"], "1600000000", 2),
        (["7", str(10**19)], "7", 1),
    ],
)
@pytest.mark.parametrize("packed", ["", "zip", "gztar"])
def test_the_highest_version_is_opened_and_named(
    tmp_path: Path, names: list[str], chosen: str, versions_read: int, packed: str
) -> None:
    folder = versions(tmp_path / "half plus two", *names)
    (folder / "README.md").write_text("Versions of a model.\n")
    path = Path(shutil.make_archive(str(tmp_path / "m"), packed, folder)) if packed else folder
    model = open_model(path)
    assert model.path is not None
    assert model.path.name == chosen
    if versions_read == 1:
        note = f"one numbered version, as TensorFlow Serving has them: {chosen}, which is opened."
    else:
        note = f"as TensorFlow Serving has them: version {chosen}, the highest, is opened."
        assert f"The folder holds {versions_read} numbered versions" in model.warnings[0]
    assert model.warnings[0].endswith(note)
    assert describe(model).warnings[0] == model.warnings[0]
    assert set(outcomes(path)) == set(outcomes(folder / chosen))


def test_a_version_without_a_model_is_passed_over(tmp_path: Path) -> None:
    folder = versions(tmp_path, "1", "3")
    (folder / "7").mkdir()
    (folder / "8" / "variables").mkdir(parents=True)
    (told,) = open_model(folder).warnings
    assert "4 numbered versions (8, 7, 3, 1)" in told
    assert "version 3 is opened, since 8, 7 hold no SavedModel" in told


def test_a_model_in_the_folder_itself_comes_first(tmp_path: Path) -> None:
    model_files.saved(versions(tmp_path, "1"))
    assert open_model(tmp_path).warnings == []


def test_versions_open_in_a_job(tmp_path: Path) -> None:
    folder = versions(tmp_path / "m", "1", "2")
    source = default_runner().workspace.add_folder(folder)
    job = default_runner().submit("open", {"tag_set": None}, model=source)
    assert "version 2, the highest" in job.result().value["facts"]["warnings"][0]


def test_a_version_must_not_lead_out_of_the_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = versions(tmp_path / "root", "m/1").resolve()
    monkeypatch.setenv("INSPECTOR_ROOTS", str(root))
    assert root / "m" / "1" / "saved_model.pb" in server_paths.check(root / "m")
    assert [entry.model for entry in server_paths.listing(root)] == [True]
    versions(tmp_path / "secret")
    model_files.saved(tmp_path / "secret")
    (root / "m" / "2").symlink_to(tmp_path / "secret")
    with pytest.raises(UnsupportedModel, match="leads out of the folders"):
        server_paths.check(root / "m")


POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    b"size 12345678\n"
)
SAYS = r"a Git LFS pointer and not the file itself, of 12,345,678 bytes \(11\.8 MiB\)"


@pytest.mark.parametrize(
    "name", ["m.pb", "m.h5", "m.keras", "m.tflite", "m.zip", "m.index", "checkpoint", "m"]
)
def test_a_pointer_is_named_with_the_size_of_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(POINTER)
    with pytest.raises(UnknownFormat, match=SAYS + ": fetch it with 'git lfs pull'"):
        open_model(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (POINTER.replace(b"\n", b"\r\n"), "12,345,678"),
        (POINTER.replace(b"git-lfs", b"hawser"), "12,345,678"),
        (POINTER.replace(b"12345678", b"12"), "of 12 bytes"),
        (POINTER.partition(b"size")[0], "not the file itself: fetch"),
        (POINTER.replace(b"oid", b"ext-0-foo sha256:aa\noid"), "12,345,678"),
        (POINTER + b"x" * 1000, None),
        (b"version 3\nsize 5\n", None),
        (b"", None),
    ],
)
def test_what_a_pointer_is(data: bytes, told: str | None) -> None:
    reason = git_lfs.reason(data)
    assert (reason is None) if told is None else (reason is not None and told in reason)


def test_pointers_inside_of_a_saved_model(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(data_path(SAVED), folder)
    data = folder / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(POINTER)
    model = open_model(folder)
    assert [text for text in model.warnings if "LFS" in text] == [
        f"The data file {data.name} is a Git LFS pointer and not the file itself, of 12,345,678 "
        "bytes (11.8 MiB): fetch it with 'git lfs pull'. What needs its variables cannot be "
        "frozen or run."
    ]
    with pytest.raises(InspectorError, match=SAYS):
        freeze(model)
    (folder / "assets" / "vocab.txt").write_bytes(POINTER)
    warnings = open_model(folder, tag_set=["train"]).warnings
    assert any("asset 'vocab.txt' is a Git LFS pointer" in text for text in warnings)
    (folder / "variables" / "variables.index").write_bytes(POINTER)
    assert any("variables.index: file: a Git LFS" in text for text in open_model(folder).warnings)
    (folder / "saved_model.pb").write_bytes(POINTER)
    with pytest.raises(UnknownFormat, match=SAYS):
        open_model(folder)
    packed = shutil.make_archive(str(tmp_path / "m"), "zip", folder)
    with pytest.raises(UnknownFormat, match=SAYS):
        open_model(packed)


def test_pointers_beside_a_checkpoint_and_in_an_archive(tmp_path: Path) -> None:
    model_files.bundle(tmp_path / "m", name="model.ckpt")
    (tmp_path / "m" / "model.ckpt.meta").write_bytes(POINTER)
    warnings = open_model(tmp_path / "m").warnings
    assert any("model.ckpt.meta is a Git LFS pointer" in text for text in warnings)
    for file in (tmp_path / "m").iterdir():
        file.write_bytes(POINTER)
    with pytest.raises(UnknownFormat, match=SAYS):
        open_model(tmp_path / "m")
    (tmp_path / "m" / "a.txt").write_text("words")
    packed = shutil.make_archive(str(tmp_path / "p"), "tar", tmp_path / "m")
    with pytest.raises(UnknownFormat, match=SAYS):
        open_model(packed)


def test_pointers_among_the_shards_of_the_first_format(tmp_path: Path) -> None:
    whole = model_files._v1(tmp_path / "v1", [2, 2], 4).read_bytes()
    (tmp_path / "m-00000-of-00002").write_bytes(whole)
    (tmp_path / "m-00001-of-00002").write_bytes(POINTER)
    (warning,) = (text for text in open_model(tmp_path / "m").warnings if "LFS" in text)
    assert warning.startswith("The data file m-00001-of-00002 is a Git LFS pointer")


@pytest.mark.parametrize("part", ["config.json", "metadata.json", "model.weights.h5"])
def test_pointers_in_a_keras_file(tmp_path: Path, part: str) -> None:
    for name in ("config.json", "metadata.json"):
        (tmp_path / name).write_text('{"class_name": "Sequential", "config": {"layers": []}}')
    (tmp_path / part).write_bytes(POINTER)
    with pytest.raises(UnknownFormat, match=f"{part}: {SAYS}"):
        open_model(tmp_path)
