"""What a job may read: the files of its model, and not what else lies in their folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from inspector.jobs.sandbox import access, landlock


def granted(path: Path, rights: frozenset[str] = landlock.READ) -> set[str]:
    """Names, relative to the model's folder, of what exists and has these rights."""
    root = path if path.is_dir() else path.parent
    return {
        Path(place).resolve().relative_to(root.resolve()).as_posix()
        for place, given in access.of_model(path)
        if given == rights and Path(place).exists()
    }


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


@pytest.mark.parametrize(
    ("asked", "expected", "lists"),
    [
        ("a", {"a"}, False),
        ("a.pb", {"a.pb"}, False),
        ("m-1", {"m-1.index", "m-1.meta", "m-1.data-00000-of-00001"}, True),
        ("m-1.index", {"m-1.index", "m-1.meta", "m-1.data-00000-of-00001"}, True),
        ("m-1.meta", {"m-1.index", "m-1.meta", "m-1.data-00000-of-00001"}, True),
        ("m-1.data-00000-of-00001", {"m-1.index", "m-1.meta", "m-1.data-00000-of-00001"}, True),
        ("old", {"old", "old.meta"}, True),
        ("cut", {"cut-00000-of-00002", "cut-00001-of-00002"}, True),
        ("cut-?????-of-00002", {"cut-00000-of-00002", "cut-00001-of-00002"}, True),
        ("cut-00000-of-00002", {"cut-00000-of-00002", "cut-00001-of-00002"}, True),
        ("optimised.pb", {"optimised.pb", "saved_model"}, False),
        ("config.json", {"config.json"}, False),
        ("nothing", set(), False),
    ],
)
def test_files_are_given_and_not_their_folder(tmp_path, asked, expected, lists):
    fill(
        tmp_path,
        *("a", "a.pb", "alice.pb", "m-1.index", "m-1.meta", "m-1.data-00000-of-00001"),
        *("m-10.index", "m-10.data-00000-of-00001", "m", "old", "old.meta", "older", "config.json"),
        *("cut-00000-of-00002", "cut-00001-of-00002", "optimised.pb", "saved_model/saved_model.pb"),
    )
    assert granted(tmp_path / asked) == expected
    assert granted(tmp_path / asked, landlock.LIST) == ({"."} if lists else set())


def test_of_a_saved_model_its_parts(tmp_path):
    fill(tmp_path, "saved_model.pb", "variables/variables.index", "assets/a", "notes", "other/x")
    expected = {"saved_model.pb", "variables", "assets"}
    assert granted(tmp_path) == granted(tmp_path / "saved_model.pb") == expected


def test_a_folder_that_is_named_is_the_model(tmp_path):
    fill(tmp_path, "config.json", "metadata.json", "1/saved_model.pb")
    assert granted(tmp_path) == granted(tmp_path / "config.json") == {"."}


def test_a_state_file_names_checkpoints_beside_it_and_one_folder_below(tmp_path):
    fill(
        tmp_path, "checkpoint", "m-1.index", "m-1.data-00000-of-00001", "old", "old.meta", "secret"
    )
    fill(tmp_path, "below/n.index", "below/secret", "below/deep/n.index")
    expected = {"checkpoint", "m-1.index", "m-1.data-00000-of-00001", "old", "old.meta"}
    assert granted(tmp_path / "checkpoint") == expected | {"below/n.index"}


def test_files_behind_links_in_a_saved_model_are_given(tmp_path):
    """The cache of a model hub is folders of links."""
    fill(tmp_path, "blobs/1", "blobs/2", "blobs/unasked", "m/variables/x", "m/assets/y")
    (tmp_path / "m" / "saved_model.pb").symlink_to("../blobs/1")
    (tmp_path / "m" / "variables" / "variables.index").symlink_to("../../blobs/2")
    places = {Path(place).resolve() for place, _ in access.of_model(tmp_path / "m")}
    assert {tmp_path / "blobs" / "1", tmp_path / "blobs" / "2"} <= places
    assert tmp_path / "blobs" / "unasked" not in places


def test_paths_among_args():
    args = {"path": "/a", "against": {"x": "/b"}, "reads": ["/c", "/d\0"], "none": None, "n": 3}
    assert access.paths_in(args, ("path", "against", "reads", "none", "n", "absent")) == (
        *("/a", "/b", "/c"),
    )
    assert access.paths_in(args, ()) == ()
