"""The workspace: content-addressed, nothing half made, nothing outside, oldest unused first."""

from __future__ import annotations

import io
import os
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.errors import LimitExceeded, MissingFile, UnsupportedModel
from inspector.jobs.workspace import Workspace, default_root, safe_relative


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
    with pytest.raises(FileExistsError):
        workspace.add_files([("a", io.BytesIO(b"1")), ("a", io.BytesIO(b"2"))], "m")
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
    add(workspace, b"f" * 900, "f")
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


def test_leftovers_of_a_crash_are_swept_a_day_later(workspace):
    old, new = workspace.new_result().parent, workspace.new_result().parent
    yesterday = time.time() - 25 * 3600
    os.utime(old, (yesterday, yesterday))
    Workspace(workspace.root)
    assert not old.exists()
    assert new.exists()


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


def test_where_it_is(monkeypatch, tmp_path):
    monkeypatch.setenv("INSPECTOR_WORKSPACE", str(tmp_path / "here"))
    assert default_root() == tmp_path / "here"
    monkeypatch.delenv("INSPECTOR_WORKSPACE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "tf-graph-inspector"
