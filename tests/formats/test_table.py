"""The table of formats: what reads it says the same, and importing it imports no reader."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from inspector.errors import UnknownFormat
from inspector.formats import open_model, table
from inspector.formats.table import FORMATS, Format
from inspector.ui.server import server_paths
from tests import lite_models
from tests.keras_files import dense, sequential, write_h5


def test_the_docs_have_the_table(root: Path) -> None:
    docs = (root / "docs/models.md").read_text(encoding="utf-8").partition("\n## Formats\n")[2]
    rows = re.findall(r"^\| (\w+) \| (.*) \| (`.*`) \|$", docs, re.MULTILINE)
    assert rows == [
        (entry.name, entry.content, ", ".join(f"`{suffix}`" for suffix in entry.suffixes))
        for entry in FORMATS
    ]
    assert ", ".join(f"`{suffix}`" for suffix in table.ARCHIVE_SUFFIXES) in docs


@pytest.mark.parametrize("entry", FORMATS, ids=lambda entry: entry.name)
def test_each_format_has_a_reader_and_a_place_on_the_upload_page(entry: Format) -> None:
    assert callable(entry.read)
    assert entry.file or entry.folder
    assert entry.noun in table.EXPECTED


def test_the_name_is_that_of_the_model(root: Path, tmp_path: Path) -> None:
    lite = tmp_path / "lite"
    lite.write_bytes(lite_models.add())
    corpus = root / "tests/models/tf115"
    paths = [
        root / "sample_models/iris/saved_model",
        root / "sample_models/iris/saved_model/variables/variables.index",
        next(corpus.rglob("*.meta")),
        write_h5(tmp_path / "keras", sequential(dense("a", 2))),
        lite,
    ]
    names = [open_model(path).format for path in paths]
    assert names == ["SavedModel", "Checkpoint", "MetaGraphDef", "Keras", "TFLite"]
    assert set(names) < set(table.BY_NAME)


def test_other_files_are_named_by_what_they_are_not(tmp_path: Path) -> None:
    path = tmp_path / "notes"
    path.write_text("nothing to open", encoding="utf-8")
    with pytest.raises(UnknownFormat, match=r"no SavedModel, GraphDef, .*, Keras file or TFLite"):
        open_model(path)


def test_the_file_browser_marks_files_of_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suffix in table.SUFFIXES:
        (tmp_path / f"m{suffix}").touch()
    (tmp_path / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    marked = {entry.name: entry.model for entry in server_paths.listing(tmp_path.resolve())}
    assert marked == {f"m{suffix}": True for suffix in table.SUFFIXES} | {"notes.txt": False}


def test_the_table_imports_no_reader() -> None:
    readers = {entry.reader for entry in FORMATS}
    code = f"import sys, inspector.formats; print(*sorted({readers} & sys.modules.keys()))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
