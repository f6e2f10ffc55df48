"""Files of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.errors import BadFeed, MissingFile
from inspector.optimisation.feeding.label_files import read_labels


def labels(tmp_path: Path, name: str, text: str, column: str | None = None) -> list[object]:
    path = tmp_path / name
    path.write_text(text)
    values: list[object] = read_labels(path, column).tolist()
    return values


def test_a_label_in_each_line(tmp_path: Path) -> None:
    assert labels(tmp_path, "a.txt", "1\n0\n2\n") == [1, 0, 2]
    assert labels(tmp_path, "a.txt", "1.5\n-2\n") == [1.5, -2.0]
    assert labels(tmp_path, "a.txt", "cat\ndog\n\n") == [b"cat", b"dog"]
    assert labels(tmp_path, "a.csv", "species\n1\n2\n") == [1, 2]
    assert labels(tmp_path, "a.csv", "circle\nring\n") == [b"circle", b"ring"]


def test_a_column(tmp_path: Path) -> None:
    text = "x,kind\n1,cat\n2,dog\n"
    assert labels(tmp_path, "a.csv", text, "kind") == [b"cat", b"dog"]
    assert labels(tmp_path, "a.csv", text, "x") == [1, 2]
    with pytest.raises(BadFeed, match="name one with --label-column: x, kind"):
        labels(tmp_path, "a.csv", text)
    with pytest.raises(BadFeed, match="no such column; did you mean 'kind'"):
        labels(tmp_path, "a.csv", text, "kimd")


def test_an_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", y=np.arange(3), x=np.ones(3))
    assert read_labels(tmp_path / "a.npz", "y").tolist() == [0, 1, 2]
    with pytest.raises(BadFeed, match="--label-column: y, x"):
        read_labels(tmp_path / "a.npz")


def test_no_labels(tmp_path: Path) -> None:
    with pytest.raises(MissingFile):
        read_labels(tmp_path / "none.txt")
    for name, text in (("a.txt", ""), ("a.csv", "")):
        with pytest.raises(BadFeed):
            labels(tmp_path, name, text)
    with pytest.raises(BadFeed, match="differ in length"):
        labels(tmp_path, "a.csv", "a,b\n1\n", "a")
