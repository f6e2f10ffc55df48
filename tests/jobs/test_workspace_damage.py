"""Every file of the store, damaged in every way: the answers are right all the same."""

from __future__ import annotations

import io
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.errors import MissingFile
from inspector.jobs.store.manifest import ENTRY, Manifest
from inspector.jobs.store.workspace import Workspace
from tests.jobs import stores


def truncate(file: Path, size: int) -> None:
    with file.open("r+b") as stream:
        stream.truncate(size)


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 4
    file.write_bytes(data)


def to_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def to_link(file: Path) -> None:
    root = next(parent.parent for parent in file.parents if parent.name in ENTRIES)
    file.rename(root / "elsewhere")
    file.symlink_to(root / "elsewhere")


def to_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


DAMAGES = {
    "empty": lambda file: truncate(file, 0),
    "half": lambda file: truncate(file, file.stat().st_size // 2),
    "last byte": lambda file: truncate(file, file.stat().st_size - 1),
    "first bit": lambda file: flip(file, 0),
    "middle bit": lambda file: flip(file, file.stat().st_size // 2),
    "last bit": lambda file: flip(file, -1),
    "longer": lambda file: file.write_bytes(file.read_bytes() + b"\n"),
    "foreign": lambda file: file.write_bytes(b'{"bytes": 3}'),
    "nested": lambda file: file.write_bytes(b"[" * 100_000),
    "gone": lambda file: file.unlink(),
    "folder": to_folder,
    "link": to_link,
    "pipe": to_pipe,
    "hole": lambda file: truncate(file, 1 << 36),
}
ENTRIES = ("models", "results")


MEMORY = Path("/dev/shm")
"""Where there is one: hundreds of stores are made, and a disk takes its time to sync each."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stores.fill(tmp_path_factory.mktemp("whole") / "store").root


@pytest.fixture
def store(whole: Path, folder: Path) -> Path:
    root = folder / "store"
    shutil.copytree(whole, root)
    return root


def files_of(root: Path) -> list[Path]:
    return sorted(file for part in ENTRIES for file in (root / part).rglob("*") if file.is_file())


@pytest.mark.parametrize("name", DAMAGES)
def test_each_file_of_the_store_damaged_in_each_way(whole: Path, folder: Path, name: str) -> None:
    files = files_of(whole)
    assert len(files) == 2 + (len(stores.FOLDER) + 1) + (len(stores.WRITTEN) + 2)
    for at, file in enumerate(files):
        if not file.stat().st_size and name not in ("longer", "foreign", "gone", "folder"):
            continue
        root = folder / str(at)
        shutil.copytree(whole, root)
        DAMAGES[name](root / file.relative_to(whole))
        for _start in range(2):  # as the app finds it, and once more
            stores.use_all(Workspace(root))
        shutil.rmtree(root)


@pytest.mark.parametrize("name", ["empty", "last byte", "middle bit", "gone"])
def test_damage_while_the_process_runs_is_noticed_too(store: Path, name: str) -> None:
    workspace = Workspace(store)
    stores.use_all(workspace)
    for file in files_of(store):
        if file.exists() and file.stat().st_size:
            DAMAGES[name](file)
    stores.use_all(workspace)


def test_a_broken_result_is_never_given(store: Path) -> None:
    (answer,) = (store / "results").glob("*/answer")
    flip(answer, 10)
    workspace = Workspace(store)
    assert workspace.result(stores.KEY) is None
    assert not (store / "results" / stores.KEY).exists()


def test_a_model_outlives_the_loss_of_its_manifest(store: Path) -> None:
    for manifest in (store / "models").glob("*/entry.json"):
        manifest.write_bytes(b"")
    workspace = Workspace(store)
    keys = [workspace.model(entry.name) for entry in (store / "models").iterdir()]
    assert None not in keys, "the content tells that it is the model"
    assert workspace.size() > sum(map(len, stores.FOLDER.values()))


def test_a_job_does_not_read_a_damaged_model(store: Path) -> None:
    workspace = Workspace(store)
    key = stores.add_folder(workspace)
    flip(key.path / "saved_model.pb", 3)
    with pytest.raises(MissingFile, match="open it again"), workspace.hold(key.hash):
        pass
    assert workspace.model(key.hash) is None


def test_the_damage_is_told_to_the_operator(store: Path, caplog: pytest.LogCaptureFixture) -> None:
    truncate(store / "results" / stores.KEY / "answer", 0)
    with caplog.at_level(logging.WARNING):
        Workspace(store).result(stores.KEY)
    assert "damaged and dropped" in caplog.text


def test_entries_that_lie_about_their_size_do_not_count(store: Path) -> None:
    honest = Workspace(store).size()
    for number, size in enumerate(["-5", "1e999", '"many"', "9" * 30]):
        entry = store / "results" / f"{number:064x}"
        entry.mkdir()
        (entry / "entry.json").write_text(f'{{"bytes": {size}}}')
    assert Workspace(store).size() == honest
    assert len(list((store / "results").iterdir())) == 1


@pytest.mark.parametrize("part", ENTRIES)
def test_an_entry_under_the_key_of_another_is_not_taken_for_it(store: Path, part: str) -> None:
    source = next((store / part).iterdir())
    shutil.copytree(source, store / part / ("cd" * 32))
    workspace = Workspace(store)
    assert (workspace.model if part == "models" else workspace.result)("cd" * 32) is None
    assert not (store / part / ("cd" * 32)).exists()
    assert (workspace.model if part == "models" else workspace.result)(source.name) is not None


def test_a_manifest_that_is_sound_and_lists_no_files_is_not_believed(store: Path) -> None:
    workspace = Workspace(store)
    key = workspace.add_file(io.BytesIO(b"forged"), "m.pb")
    entry = store / "models" / key.hash
    (entry / ENTRY).write_bytes(Manifest(key.hash, {}).to_json())
    key.path.unlink()
    assert Workspace(store).model(key.hash) is None
    assert Workspace(store).add_file(io.BytesIO(b"forged"), "m.pb").path.read_bytes() == b"forged"


def test_what_is_not_ours_is_left_alone_and_not_counted(store: Path) -> None:
    honest = Workspace(store).size()
    strange = [store / "models" / "my model.pb", store / "results" / "notes", store / "tmp" / "x"]
    for file in strange:
        file.write_bytes(b"precious")
    workspace = Workspace(store)
    assert workspace.size() == honest
    assert all(file.read_bytes() == b"precious" for file in strange)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda path: path.symlink_to("/etc")])
def test_something_else_in_the_place_of_an_entry(tmp_path: Path, make: object) -> None:
    workspace = Workspace(tmp_path)
    key = stores.add_file(workspace)
    shutil.rmtree(key.path.parent)
    make(key.path.parent)  # type: ignore[operator]
    assert stores.add_file(workspace) == key
    stores.check_file(key)
    assert Path("/etc/passwd").exists()


def test_contents_are_read_once_until_a_file_changes(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inspector.jobs.store.entries import manifest

    read: list[str] = []
    facts_of = manifest.facts_of

    def noted(path: Path) -> manifest.FileFacts:
        read.append(path.name)
        return facts_of(path)

    monkeypatch.setattr(manifest, "facts_of", noted)
    workspace = Workspace(store)
    hash_ = next(entry.name for entry in (store / "models").iterdir() if (entry / "saved").exists())
    for _click in range(3):
        key = workspace.model(hash_)
    assert key is not None
    assert sorted(read) == sorted(Path(name).name for name in stores.FOLDER)
    read.clear()
    os.utime(key.path / "saved_model.pb")
    assert workspace.model(hash_) == key
    assert "saved_model.pb" in read
    read.clear()
    new = workspace.add_file(io.BytesIO(b"new"), "new.pb")
    with workspace.hold(new.hash):
        assert read == [], "what has just been written is not read again"
