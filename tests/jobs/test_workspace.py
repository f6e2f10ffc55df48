"""The workspace: content-addressed, nothing half made, nothing outside, oldest unused first."""

from __future__ import annotations

import io
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded, MissingFile, UnsupportedModel
from inspector.jobs.store import entries
from inspector.jobs.store.names import safe_relative
from inspector.jobs.store.workspace import Workspace
from tests.jobs import stores


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


def add(workspace, text, name="m.pb"):
    return workspace.add_file(io.BytesIO(text), name)


def in_tmp(workspace):
    return list((workspace.root / "tmp").iterdir())


def test_a_file_is_stored_by_its_content_under_its_own_name(workspace):
    key = add(workspace, b"abc", "my model.pb")
    assert key.path.read_bytes() == b"abc"
    assert key.path.name == key.name == "my model.pb"
    assert key.path == workspace.root / "models" / key.hash / "my model.pb"
    assert key.bytes == 3
    assert add(workspace, b"abc", "my model.pb") == key
    assert add(workspace, b"abd", "my model.pb").hash != key.hash
    assert not in_tmp(workspace)
    assert workspace.model(key.hash) == key


def test_another_name_is_another_model_so_names_stay_private(workspace):
    assert add(workspace, b"abc", "a.pb").path.name == "a.pb"
    assert add(workspace, b"abc", "b.pb").path.name == "b.pb"


def test_a_folder_is_stored_with_its_paths(workspace, tmp_path):
    source = tmp_path / "saved"
    (source / "variables").mkdir(parents=True)
    (source / "saved_model.pb").write_bytes(b"graph")
    (source / "variables" / "variables.index").write_bytes(b"index")
    key = workspace.add_folder(source)
    assert key.path.name == "saved"
    assert (key.path / "variables" / "variables.index").read_bytes() == b"index"
    uploaded = workspace.add_files(
        [
            ("variables/variables.index", io.BytesIO(b"index")),
            ("saved_model.pb", io.BytesIO(b"graph")),
        ],
        "saved",
    )
    assert uploaded == key, "the same model, however it came"


def test_the_same_bytes_in_another_place_are_another_model(workspace):
    def two(first, second):
        files = [(first, io.BytesIO(b"x")), (second, io.BytesIO(b"y"))]
        return workspace.add_files(files, "m").hash

    assert len({two("a", "b"), two("b", "a"), two("a/b", "b")}) == 3


UNSAFE = ["", "/etc/passwd", "../x", "a/../../x", "a//b", ".", "a/.", "x\0y", "C:/x", "..\\x"]
UNSAFE += ["a" * 300, "/".join("a" * 40), "half a character \ud800"]


@pytest.mark.parametrize("name", UNSAFE)
def test_unsafe_paths_are_refused(workspace, tmp_path, name):
    with pytest.raises(UnsupportedModel):
        workspace.add_files([("good", io.BytesIO(b"1")), (name, io.BytesIO(b"2"))], "m")
    assert not in_tmp(workspace)
    assert not list((workspace.root / "models").iterdir())


@pytest.mark.parametrize("name", ["a/b", "..", "entry.json", ""])
def test_unsafe_names_are_refused(workspace, name):
    with pytest.raises(UnsupportedModel):
        add(workspace, b"x", name)


@given(st.text())
def test_a_path_is_safe_or_refused(tmp_path_factory, name):
    root = tmp_path_factory.getbasetemp()
    try:
        relative = safe_relative(name)
    except UnsupportedModel:
        return
    assert root in (root / relative).resolve().parents


def test_a_name_twice_is_refused(workspace):
    with pytest.raises(UnsupportedModel, match="twice"):
        workspace.add_files([("a", io.BytesIO(b"1")), ("a", io.BytesIO(b"2"))], "m")
    assert not in_tmp(workspace)


def test_what_comes_in_pieces_is_the_same_model(workspace):
    with workspace.receive("m.pb") as incoming:
        with incoming.file("m.pb") as file:
            for piece in (b"a", b"", b"bc"):
                file.write(piece)
        assert incoming.bytes == 3
        key = incoming.finish()
    assert key == add(workspace, b"abc", "m.pb")
    assert key.path.read_bytes() == b"abc"
    assert not in_tmp(workspace)


def test_files_of_a_folder_may_come_at_the_same_time(workspace):
    contents = {"saved_model.pb": b"graph" * 1000, "variables/variables.index": b"index" * 1000}
    with workspace.receive("saved") as incoming:
        files = {name: incoming.file(name) for name in contents}
        for at in range(0, 5000, 100):
            for name, file in files.items():
                file.write(contents[name][at : at + 100])
        key = incoming.finish()
    assert key == workspace.add_files(
        [(name, io.BytesIO(data)) for name, data in contents.items()], "saved"
    )
    assert (key.path / "variables" / "variables.index").read_bytes() == b"index" * 1000


def test_what_is_not_finished_leaves_nothing(workspace):
    with workspace.receive("m") as incoming:
        incoming.file("m").write(b"half")
    with pytest.raises(UnsupportedModel), workspace.receive("m") as incoming:
        incoming.file("../m")
    with pytest.raises(MissingFile), workspace.receive("m") as incoming:
        incoming.finish()
    assert not in_tmp(workspace)
    assert not list((workspace.root / "models").iterdir())


def test_what_is_received_is_bounded(workspace):
    with workspace.receive("m", 1000) as incoming:
        incoming.file("a").write(bytes(600))
        with pytest.raises(LimitExceeded):
            incoming.file("b").write(bytes(600))
    assert not in_tmp(workspace)


def test_links_in_a_folder_are_refused(workspace, tmp_path):
    source = tmp_path / "saved"
    source.mkdir()
    (source / "saved_model.pb").symlink_to("/etc/passwd")
    with pytest.raises(UnsupportedModel, match="link"):
        workspace.add_folder(source)


def test_nothing_and_nowhere(workspace, tmp_path):
    with pytest.raises(MissingFile):
        workspace.add_files([], "m")
    with pytest.raises(MissingFile):
        workspace.add_folder(tmp_path / "nowhere")
    assert workspace.model("ab" * 32) is None


@pytest.mark.parametrize("key", ["../models", "", "/", "ZZ", "a/b"])
def test_a_key_from_outside_cannot_be_a_path(workspace, key):
    with pytest.raises(MissingFile):
        workspace.model(key)


def test_a_model_that_does_not_fit_is_refused_while_it_comes(tmp_path):
    workspace = Workspace(tmp_path / "w", max_bytes=1000)

    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size=-1):
            self.read_bytes += size
            return bytes(size)

    stream = Endless()
    with pytest.raises(LimitExceeded):
        workspace.add_file(stream, "m")
    assert stream.read_bytes <= 2 << 20
    assert not in_tmp(workspace)
    half = b"x" * 600
    with pytest.raises(LimitExceeded):
        workspace.add_files([("a", io.BytesIO(half)), ("b", io.BytesIO(half))], "m")


def test_the_oldest_unused_goes_first_and_what_is_held_stays(tmp_path):
    workspace = Workspace(tmp_path / "w", max_bytes=3000)
    keys = {}
    for name in ("a", "b", "c"):
        keys[name] = add(workspace, name.encode() * 900, name)
        time.sleep(0.01)
    assert workspace.model(keys["a"].hash)  # used now: b is the oldest
    time.sleep(0.01)
    add(workspace, b"d" * 900, "d")
    assert [name for name in "abc" if not keys[name].path.exists()] == ["b"]
    with workspace.hold(keys["c"].hash):
        add(workspace, b"e" * 900, "e")
        assert keys["c"].path.exists()
        assert not keys["a"].path.exists()
    for name in "fg":  # d goes first, which was used before c was held
        add(workspace, name.encode() * 900, name)
    assert not keys["c"].path.exists()
    assert workspace.size() <= 3000
    with pytest.raises(MissingFile, match="open it again"), workspace.hold(keys["c"].hash):
        pass


def test_a_result_is_kept_whole(workspace):
    files = workspace.new_result()
    (files / "out.pb").write_bytes(b"graph")
    key = workspace.result_key("ab" * 32, "optimise", {"b": 1, "a": [2]}, "v")
    assert key == workspace.result_key("ab" * 32, "optimise", {"a": [2], "b": 1}, "v")
    assert key != workspace.result_key("ab" * 32, "optimise", {"a": [2], "b": 1}, "w")
    assert workspace.result(key) is None
    kept = workspace.keep_result(files, key, {"n": 1}, {"x/../y": b"1", "z": b"2"}, 1000)
    again = workspace.result(key)
    assert again == kept
    assert again.blobs == {"x/../y": b"1", "z": b"2"}
    assert (again.folder / "out.pb").read_bytes() == b"graph"
    assert not in_tmp(workspace)


def test_a_second_answer_to_the_same_request_gives_way(workspace):
    key = workspace.result_key("ab" * 32, "k", {}, "v")
    first = workspace.keep_result(workspace.new_result(), key, {"n": 1}, {}, 1000)
    assert first.folder is None
    workspace.keep_result(workspace.new_result(), key, {"n": 2}, {}, 1000)
    assert workspace.result(key).value == {"n": 1}
    assert not in_tmp(workspace)


def test_many_add_the_same_model_at_once(workspace):
    keys = []
    data = os.urandom(1 << 20)
    threads = [threading.Thread(target=lambda: keys.append(add(workspace, data))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert not in_tmp(workspace)
    assert keys[0].path.read_bytes() == data


def test_only_its_owner_can_read_it(workspace):
    assert workspace.root.joinpath("models").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("add", [stores.add_file, stores.add_folder, stores.keep])
def test_the_disk_has_everything_before_the_entry_appears(workspace, monkeypatch, add):
    synced, calls = [], []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor):
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        (calls if calls else synced).append(name)
        fsync(descriptor)

    def noted_rename(path, target):
        if Path(target).parent.name in ("models", "results"):
            calls.append("rename")
            assert set(map(str, [path, *path.rglob("*")])) == set(synced)
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    add(workspace)
    part = "results" if add is stores.keep else "models"
    assert calls == ["rename", str(workspace.root / part)]


def test_a_lease_that_nobody_wants_any_more_does_not_count(tmp_path):
    workspace = Workspace(tmp_path / "w", max_bytes=1500)
    key = add(workspace, b"a" * 900)
    is_open = [True]
    lease = workspace.lease(key.path, lambda: is_open[0])
    with pytest.raises(LimitExceeded, match="what is open fills"):
        add(workspace, b"b" * 900)
    is_open[0] = False
    assert add(workspace, b"b" * 900).path.exists()
    assert workspace.model(key.hash) is None
    assert lease is not None
    assert workspace.lease(tmp_path) is None, "not in the workspace"
    with pytest.raises(MissingFile, match="open it again"):
        workspace.lease(key.path)


def test_a_model_may_have_any_single_name(workspace):
    for name in ("folder", "lock", "content", "files", "answer"):
        key = add(workspace, name.encode(), name)
        assert key.path.read_bytes() == name.encode()
        assert workspace.model(key.hash) == key


def test_very_many_small_results_do_not_slow_the_workspace_down(workspace, monkeypatch):
    monkeypatch.setattr(entries, "MOST_ENTRIES", 30)
    monkeypatch.setattr(entries, "_BATCH", 10)
    for number in range(60):
        workspace.keep_result(workspace.new_result(), f"{number:064x}", {"n": number}, {}, 9)
        assert len(list((workspace.root / "results").iterdir())) <= 30
    assert workspace.result(f"{59:064x}").value == {"n": 59}
    assert workspace.result(f"{0:064x}") is None


def test_an_entry_that_was_being_removed_when_its_process_died_goes_at_the_next_start(workspace):
    key = add(workspace, b"abc")
    key.path.parent.rename(workspace.root / "tmp" / "gone-1234")
    assert Workspace(workspace.root).model(key.hash) is None
    assert not in_tmp(workspace)
