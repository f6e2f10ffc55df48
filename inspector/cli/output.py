"""Parts of several commands: open a model, print answers, report files, show progress."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from inspector import api, text
from inspector.cli import terminal
from inspector.cli.path_options import STDOUT, named_as_folder
from inspector.cli.verbosity import ISOLATED, QUIET
from inspector.files import storing
from inspector.schemas import stamped

_BY_SUFFIX = {".pb": "graphdef", ".tflite": "tflite"}


def show(answer: Mapping[str, Any], as_json: bool, text: Callable[[], str]) -> None:
    """Print an answer, as JSON or as the text that `text` gives."""
    click.echo(json.dumps(stamped(answer)) if as_json else text())


def check_output(out: Path, *, force: bool, folder: bool = False) -> None:
    """Check before the work that the output can be written.

    Args:
        folder: The output is a folder.
    Raises: click.UsageError where the path names the other kind; OutputExists, MissingFile.
    """
    if out == STDOUT:
        if folder:
            raise click.UsageError("a SavedModel is a folder, and '-' a single file: choose --to")
        return
    if not folder and named_as_folder(out):
        raise click.UsageError(
            f"'{text.plain(out.name)}/' names a folder, and the output is a file"
        )
    storing.check_output(out, force=force)


def check_stdout(*outs: Path | None, as_json: bool) -> None:
    """Raises: click.UsageError where two things go to standard output."""
    if outs.count(STDOUT) + as_json > 1:
        raise click.UsageError("only one of --json and '-' can have standard output")


@contextmanager
def new_file(out: Path, *, force: bool) -> Iterator[Path]:
    """A temporary path to write a file to, which goes to `out` when the block ends."""
    if out != STDOUT:
        with storing.new_file(out, force=force) as file:
            yield file
        return
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        file = Path(folder) / "output"
        yield file
        click.echo(file.read_bytes(), nl=False)


def save(model: api.Model, out: Path, form: str, *, force: bool) -> tuple[int, list[str]]:
    """`api.save`, also to standard output; the bytes that were written, and its notes."""
    if out != STDOUT:
        notes = api.save(model, out, form, force=force)
        return storing.total_bytes(out), notes
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        file = Path(folder) / "output"
        notes = api.save(model, file, form)
        click.echo(file.read_bytes(), nl=False)
        return storing.total_bytes(file), notes


def show_written(answer: Mapping[str, Any], as_json: bool, line: str, *outs: Path | None) -> None:
    """Report what was written, as JSON or in words; on standard error beside an output there."""
    if as_json:
        show(answer, True, str)
    elif not is_quiet():
        click.echo(line, err=STDOUT in outs)


def written(out: Path, model: api.Model, size: int, notes: Iterable[str]) -> str:
    """The lines that report a written model: its size, then its notes."""
    count = model.graph_facts().nodes
    noun = "nodes" if model.holds_ops else "operators"
    name = "standard output" if out == STDOUT else out.name
    lines = [f"wrote {name}: {count:,} {noun}, {text.size(size)}", *model.notes, *notes]
    if model.init_op is not None and out.is_dir():
        lines.append("TensorFlow runs the init op when it loads the SavedModel.")
    # A note of the freezing may go on where that of the writer ends.
    lines = [line for line in lines if not any(f"{line.removesuffix('.')}:" in it for it in lines)]
    return "\n".join(map(text.plain, dict.fromkeys(lines)))


def written_json(
    out: Path, model: api.Model, form: str, size: int, notes: Iterable[str]
) -> dict[str, Any]:
    """The JSON about a model that was written."""
    return {
        "path": str(out),
        "format": form,
        "bytes": size,
        "nodes": model.graph_facts().nodes,
        "signatures": api.describe(model).to_dict()["signatures"],
        "init_op": model.init_op,
        "notes": list(dict.fromkeys([*model.notes, *notes])),
    }


def conversion(model: api.Model) -> dict[str, Any]:
    """What the JSON of ``convert`` has beside `written_json`: see docs/tflite.md."""
    facts = api.describe(model).to_dict()
    report = api.quantisation(model)
    return {
        "operators": facts["op_counts"],
        "signature": next(iter(facts["signatures"]), None),
        "flex_ops": [op for op in facts.get("custom_ops", ()) if op.startswith("Flex")],
        "quantised_tensors": report.tensors if report else 0,
        "max_difference": report.max_difference if report else None,
        "quantisation": report.to_dict() if report else None,
    }


def format_of(form: str | None, out: Path) -> str:
    """The format to write: that of ``--to``, else the one that the suffix of `out` names."""
    if out == STDOUT:
        return form or "graphdef"
    return form or _BY_SUFFIX.get(out.suffix, "saved_model")


def open_model(path: str, tag_set: list[str] | None = None) -> api.Model:
    """`api.open_model` with its progress on the terminal."""
    with progress_line() as progress:
        isolated = ISOLATED in click.get_current_context().find_root().meta
        return api.open_model(path, tag_set, isolated=isolated, progress=progress)


def is_quiet() -> bool:
    """Whether the command was called with ``--quiet``."""
    return QUIET in click.get_current_context().find_root().meta


@contextmanager
def progress_line() -> Iterator[terminal.Progress]:
    """A progress line that is cleared at the end; none with ``--quiet``."""
    progress = terminal.Progress(io.StringIO() if is_quiet() else None)
    try:
        yield progress
    finally:
        progress.clear()
