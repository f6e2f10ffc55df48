"""Path tests take any name: one that no file system allows counts as missing."""

from __future__ import annotations

import pytest

from inspector.files.paths import exists, is_file, is_folder, is_link


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0character", "missing"])
def test_an_impossible_name_counts_as_missing(tmp_path, name):
    path = tmp_path / name
    assert [test(path) for test in (exists, is_file, is_folder, is_link)] == [False] * 4


def test_links_are_followed(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "to_file").symlink_to("file")
    (tmp_path / "to_folder").symlink_to(tmp_path)
    (tmp_path / "broken").symlink_to("missing")
    assert is_file(tmp_path / "to_file")
    assert is_folder(tmp_path / "to_folder")
    assert [is_link(tmp_path / name) for name in ("file", "to_file", "broken")] == [
        False,
        True,
        True,
    ]
    assert exists(tmp_path / "to_file")
    assert not exists(tmp_path / "broken")
