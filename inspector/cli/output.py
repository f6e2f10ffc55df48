"""Parts of several commands: open a model, print answers, report files, show progress."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from inspector import api, text
from inspector.cli import terminal

_BY_SUFFIX = {".pb": "graphdef", ".tflite": "tflite"}


def show(answer: Mapping[str, Any], as_json: bool, text: Callable[[], str]) -> None:
    """Print an answer, as JSON or as the text that `text` gives."""
    click.echo(json.dumps(answer) if as_json else text())


def written(out: Path, model: api.Model, notes: Iterable[str]) -> str:
    """The lines that report a written model: its size, then its notes."""
    count = model.graph_facts().nodes
    noun = "nodes" if model.holds_ops else "operators"
    lines = [f"wrote {out.name}: {count:,} {noun}, {text.size(_bytes(out))}", *model.notes, *notes]
    if model.init_op is not None and out.is_dir():
        lines.append("TensorFlow runs the init op when it loads the SavedModel.")
    # A note of the freezing may go on where that of the writer ends.
    lines = [line for line in lines if not any(f"{line.removesuffix('.')}:" in it for it in lines)]
    return "\n".join(map(text.plain, dict.fromkeys(lines)))


def conversion(out: Path, model: api.Model) -> dict[str, Any]:
    """The JSON of ``convert`` for a model that was written: see docs/tflite.md."""
    facts = api.describe(model).to_dict()
    report = api.quantisation(model)
    return {
        "bytes": _bytes(out),
        "operators": facts["op_counts"],
        "signature": next(iter(facts["signatures"]), None),
        "flex_ops": [op for op in facts.get("custom_ops", ()) if op.startswith("Flex")],
        "quantised_tensors": report.tensors if report else 0,
        "max_difference": report.max_difference if report else None,
        "quantisation": report.to_dict() if report else None,
    }


def _bytes(out: Path) -> int:
    files = [out] if out.is_file() else [file for file in out.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def format_of(form: str | None, out: Path) -> str:
    """The format to write: that of ``--to``, else the one that the suffix of `out` names."""
    return form or _BY_SUFFIX.get(out.suffix, "saved_model")


def open_model(path: str, tag_set: list[str] | None = None) -> api.Model:
    """`api.open_model` with its progress on the terminal."""
    with progress_line() as progress:
        return api.open_model(path, tag_set, progress=progress)


@contextmanager
def progress_line() -> Iterator[terminal.Progress]:
    """A progress line that is cleared at the end."""
    progress = terminal.Progress()
    try:
        yield progress
    finally:
        progress.clear()
