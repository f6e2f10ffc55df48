"""Outputs appear whole or not at all, and never take away what was not to be overwritten."""

from __future__ import annotations

import os

import pytest

from inspector.errors import InspectorError, MissingFile, OutputExists
from inspector.files.storing import check_output, new_file, new_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "out.pb"
    with new_file(target) as path:
        path.write_bytes(b"half")
        assert not target.exists()
        assert path.parent.parent == tmp_path  # the same disk, so that the rename is one step
    assert target.read_bytes() == b"half"
    assert names(tmp_path) == ["out.pb"]


@pytest.mark.parametrize("make", [new_file, new_folder])
def test_nothing_is_left_when_the_work_fails(tmp_path, make):
    def work():
        with make(tmp_path / "out") as path:
            (path / "part" if path.is_dir() else path).write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert names(tmp_path) == []


@pytest.mark.parametrize("make", [new_file, new_folder])
def test_what_is_there_stays_without_force(tmp_path, make):
    target = tmp_path / "out"
    target.write_text("old")
    with pytest.raises(OutputExists, match="--force"), make(target):
        raise AssertionError("the work must not start")
    assert target.read_text() == "old"


def test_force_replaces_a_file(tmp_path):
    target = tmp_path / "out"
    target.write_text("old")
    with new_file(target, force=True) as path:
        path.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_force_replaces_a_saved_model_and_keeps_it_when_the_work_fails(tmp_path):
    target = tmp_path / "model"
    (target / "variables").mkdir(parents=True)
    (target / "saved_model.pb").write_text("old")
    with pytest.raises(ZeroDivisionError), new_folder(target, force=True):
        raise ZeroDivisionError
    assert (target / "saved_model.pb").read_text() == "old"
    with new_folder(target, force=True) as path:
        (path / "saved_model.pb").write_text("new")
    assert (target / "saved_model.pb").read_text() == "new"
    assert names(target) == ["saved_model.pb"]
    assert names(tmp_path) == ["model"]


def test_force_does_not_take_away_a_folder_of_other_things(tmp_path):
    target = tmp_path / "home"
    target.mkdir()
    (target / "thesis.tex").write_text("years of work")
    for make in (new_file, new_folder):
        with pytest.raises(OutputExists, match="not overwritten"), make(target, force=True):
            raise AssertionError("the work must not start")
    assert names(target) == ["thesis.tex"]


def test_file_and_folder_do_not_take_each_others_place(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputExists, match="is a file"), new_folder(tmp_path / "file", force=True):
        raise AssertionError
    with (
        pytest.raises(OutputExists, match="is a folder"),
        new_file(tmp_path / "folder", force=True),
    ):
        raise AssertionError


def test_what_came_while_we_worked_stays(tmp_path):
    target = tmp_path / "out"
    with pytest.raises(OutputExists), new_file(target):
        target.write_text("somebody else's")
    assert target.read_text() == "somebody else's"
    folder = tmp_path / "folder"
    with pytest.raises(OutputExists), new_folder(folder):
        folder.mkdir()
    assert names(tmp_path) == ["folder", "out"]


def test_a_link_is_replaced_not_followed(tmp_path):
    (tmp_path / "real").write_text("kept")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with new_file(tmp_path / "link", force=True) as path:
        path.write_text("new")
    assert (tmp_path / "real").read_text() == "kept"
    assert (tmp_path / "link").read_text() == "new"
    assert not (tmp_path / "link").is_symlink()


def test_a_missing_folder_is_said_before_the_work(tmp_path):
    with pytest.raises(MissingFile, match="does not exist"):
        check_output(tmp_path / "no" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InspectorError, match="cannot be written"), new_file(tmp_path / "out"):
        raise AssertionError


def test_an_error_of_the_system_is_told_in_our_words(tmp_path):
    with (
        pytest.raises(InspectorError, match="cannot be written: No space"),
        new_file(tmp_path / "o"),
    ):
        raise OSError(28, "No space left on device")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes of POSIX")
@pytest.mark.parametrize("make", [new_file, new_folder])
def test_a_device_or_a_pipe_stays_what_it_is(tmp_path, make):
    target = tmp_path / "pipe"
    os.mkfifo(target)
    for force in (False, True):
        with pytest.raises(OutputExists, match="pipe"), make(target, force=force):
            raise AssertionError("the work must not start")
    assert target.is_fifo()
