"""The folder of a sweep: a folder for each result, and in it what the next run has to know.

``NAME/result.json`` is written with the result, in one step: whatever ends a sweep, each model is
either done or not.
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from inspector.errors import InspectorError, MissingFile, OutputExists
from inspector.files import storing
from inspector.jobs import typed_json
from inspector.jobs.result_files import RESULTS
from inspector.jobs.tasks.sweeping.sweep_types import SweepAnswer
from inspector.sweeping.sweep_page import html
from inspector.sweeping.swept import DONE, FAILED, SweepResult, Swept
from inspector.text import plain, spreadsheet_cell

_MARK, _ENTRY = "sweep.json", "result.json"
_REPORT, _TABLE = "report.html", "results.csv"
_PART = ".part-"
_COLUMNS = (
    "path",
    "status",
    "result",
    "format",
    "bytes",
    "result_bytes",
    "ratio",
    "nodes",
    "result_nodes",
    "check",
    "error",
    "seconds",
)


class ResultsFolder:
    """A folder that is new, empty, or from an earlier sweep.

    Raises: OutputExists for one that holds anything else; MissingFile without a parent folder;
        InspectorError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.parent.is_dir():
            raise MissingFile(path.name, "output", "its parent folder does not exist")
        with _written(path):
            if path.exists() and not path.is_dir():
                raise OutputExists(path.name, "output", "is a file; a sweep writes a folder")
            is_ours = (path / _MARK).is_file()
            if path.exists() and not is_ours and any(path.iterdir()):
                why = "holds other files and is not from a sweep; name a new folder"
                raise OutputExists(path.name, "output", why)
            path.mkdir(exist_ok=True)
            if not is_ours:
                (path / _MARK).write_text('{"schema": 1}\n', encoding="utf-8")
            for left_over in path.glob(f"{_PART}*"):
                shutil.rmtree(left_over, ignore_errors=True)
            entries = {entry.parent.name: _key(entry) for entry in path.glob(f"*/{_ENTRY}")}
        self._folders = {key: folder for folder, key in entries.items() if key}
        """The folder of each key: more models of one name change what a folder is called."""

    def stored(self, folder: str, key: str, path: str) -> Swept | None:
        """What an earlier run has made of a model, if its files are all there.

        Args:
            key: Of model and options.
        """
        earlier = self._folders.get(key)
        if earlier is None:
            return None
        try:
            if earlier != folder and not (self.path / folder).exists():
                (self.path / earlier).rename(self.path / folder)
            entry = json.loads((self.path / folder / _ENTRY).read_bytes())
            if entry["key"] != key:
                return None
            if entry["error"] is not None:
                return Swept(path, FAILED, folder, None, str(entry["error"]), 0.0, True)
            answer, seconds = entry["answer"], float(entry["seconds"])
            if typed_json.mismatch(answer, SweepAnswer) is not None:
                return None
            if answer["result"] not in RESULTS:
                return None
            if storing.total_bytes(self.path / folder / answer["result"]) != answer["result_bytes"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Swept(path, DONE, folder, cast("SweepAnswer", answer), None, seconds, True)

    def put(self, item: Swept, key: str, files: Path | None) -> None:
        """Store a model's result, or its error, in place of an earlier one.

        Raises: OutputExists where a folder of that name is not ours; InspectorError.
        """
        target = self.path / item.folder
        entry: Mapping[str, Any] = {
            "schema": 1,
            "key": key,
            "path": item.path,
            "answer": item.answer,
            "error": item.error,
            "seconds": item.seconds,
        }
        with _written(target):
            if target.exists() and not (target / _ENTRY).is_file():
                raise OutputExists(item.folder, "output", "is there and not from a sweep")
            part = self.path / f"{_PART}{secrets.token_hex(8)}"
            try:
                part.mkdir()
                if files is not None:
                    shutil.copytree(files, part, dirs_exist_ok=True)
                (part / _ENTRY).write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")
                if target.exists():
                    target.rename(self.path / f"{_PART}{secrets.token_hex(8)}")
                part.rename(target)
            finally:
                for left_over in self.path.glob(f"{_PART}*"):
                    shutil.rmtree(left_over, ignore_errors=True)

    def report(self, result: SweepResult, created: str) -> None:
        """Write the report and the table. Raises: InspectorError."""
        texts = {_REPORT: html(result, created), _TABLE: table(result)}
        for name, text in texts.items():
            with storing.new_file(self.path / name, force=True) as file:
                file.write_text(text, encoding="utf-8", newline="")


def table(result: SweepResult) -> str:
    """``results.csv``: a row for each model; no text of it is one that a spreadsheet runs."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for item in result.models:
        row = item.to_dict()
        writer.writerow([_cell(row[name]) for name in _COLUMNS])
    return file.getvalue()


def _cell(value: object) -> object:
    return spreadsheet_cell(plain(value)) if isinstance(value, str) else value


def _key(entry: Path) -> str | None:
    try:
        return str(json.loads(entry.read_bytes())["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        why = f"cannot be written: {err.strerror or err}"
        raise InspectorError(path.name, "output", why) from err
