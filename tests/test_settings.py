"""The settings: read from the environment, told apart from nonsense, documented as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inspector import settings
from inspector.errors import InspectorError
from tests.conftest import ROOT


def test_the_readme_has_the_table_of_the_code() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(INSPECTOR_\w+)` \| (.*) \| (.*) \|$", readme, re.M)
    assert rows == [(item.name, item.what, item.default) for item in settings.SETTINGS]


def test_every_variable_that_the_code_reads_is_a_setting() -> None:
    known = {item.name for item in settings.SETTINGS}
    known |= {"INSPECTOR_MODEL"}  # how `inspector app` hands the model on
    files = (ROOT / "inspector").rglob("*.py")
    read = {
        name
        for file in files
        for name in re.findall(r"INSPECTOR_[A-Z]+(?:_[A-Z]+)*\b", file.read_text())
    }
    assert read <= known


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 500 << 20), ("1 GiB", 1 << 30), ("3kib", 3072), ("77", 77), (" 2 MiB ", 2 << 20)],
)
def test_a_size_has_a_unit_or_none(monkeypatch: pytest.MonkeyPatch, text: str, count: int) -> None:
    monkeypatch.setenv("INSPECTOR_UPLOAD_SIZE", text)
    assert settings.UPLOAD_SIZE() == count


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("INSPECTOR_UPLOAD_SIZE", "much"),
        ("INSPECTOR_UPLOAD_SIZE", "-1"),
        ("INSPECTOR_UPLOAD_SIZE", "5 parsecs"),
        ("INSPECTOR_FILES", "0"),
        ("INSPECTOR_FILES", "1e9"),
    ],
)
def test_nonsense_is_told_before_the_server_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(InspectorError, match=rf"{name}: {text}: cannot be read; write e\.g\."):
        settings.check()


def test_folders_are_split_and_a_home_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSPECTOR_ROOTS", "/a/b:~/models::")
    assert settings.ROOTS() == [Path("/a/b"), Path.home() / "models"]
    monkeypatch.delenv("INSPECTOR_ROOTS")
    assert settings.ROOTS() == []
