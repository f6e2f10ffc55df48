"""The command optimise: a model made smaller by transforms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import api
from inspector.cli.options import (
    ALL_SIGNATURES,
    FEEDS,
    FLEX,
    FORCE,
    INIT_OP,
    INPUTS,
    JSON,
    MODEL,
    OUT,
    OUTPUTS,
    PRESET,
    SET,
    SIGNATURES,
    TAG_SET,
    TIMEOUT,
    TRANSFORMS,
)
from inspector.cli.output import (
    check_output,
    check_stdout,
    format_of,
    new_file,
    open_model,
    progress_line,
    save,
    show_written,
    written,
    written_json,
)
from inspector.cli.path_options import In, Out
from inspector.cli.quantising import Quantising, quantise_options
from inspector.printing import listing

if TYPE_CHECKING:
    from inspector.api import OnViolation

ON_VIOLATION = ("keep", "rollback", "stop")
"""The values of `api.OnViolation`; to print the help does not load the pipeline."""


@click.command()
@MODEL
@OUT
@TAG_SET
@SIGNATURES
@ALL_SIGNATURES
@INPUTS
@OUTPUTS
@INIT_OP
@SET
@TRANSFORMS
@PRESET
@click.option(
    "--to",
    "form",
    type=click.Choice(api.FORMATS),
    help="By default as -o ends: .pb, .tflite or neither.",
)
@click.option(
    "--record",
    type=Out(stdout=True),
    help="What each step changed and left alone, as JSON; - is standard output.",
)
@click.option("--check", is_flag=True, help="Run the graph before and after each transform.")
@click.option(
    "--require-check",
    is_flag=True,
    help="Check, and end with status 3 if a transform did more to the outputs than it declares, "
    "with 4 if one could not be checked; then nothing is written.",
)
@click.option(
    "--feeds",
    "feed_file",
    type=In(),
    metavar=FEEDS,
    help="Rows to run it on, in a .csv below the names of inputs; else random.",
)
@click.option(
    "--on-violation",
    type=click.Choice(ON_VIOLATION),
    default="keep",
    show_default=True,
    help="Check, and keep, undo or stop at a transform that did more to the outputs than it "
    "declares; 'stop' ends with status 3, and with 4 at one that could not be checked.",
)
@FLEX
@quantise_options
@TIMEOUT
@FORCE
@JSON
def optimise(
    model: str,
    out: Path,
    tag_set: list[str] | None,
    signature: tuple[str, ...],
    all_signatures: bool,
    inputs: list[str] | None,
    outputs: list[str] | None,
    init_op: str | None,
    fixed: dict[str, str],
    transforms: str | None,
    preset: str | None,
    form: str | None,
    record: Path | None,
    check: bool,
    require_check: bool,
    feed_file: str | None,
    on_violation: OnViolation,
    flex: bool,
    quantising: Quantising,
    timeout: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """Freeze if needed, then the transforms, if any, then write."""
    if feed_file is not None and not (check or require_check or on_violation != "keep"):
        raise click.UsageError("--feeds is for --check")
    _check_choices(transforms, preset)
    form = format_of(form, out)
    quantising.check(form, flex=flex)
    _check_outputs(out, record, form, force=force, as_json=as_json)
    opened = open_model(model, tag_set)
    feeds = api.read_feeds(feed_file, opened) if feed_file is not None else None
    quantise = quantising.arguments(opened) | {"flex": flex}
    with progress_line() as progress:
        result = api.optimise(
            opened,
            inputs,
            outputs,
            transforms,
            preset,
            progress,
            signature=signature or None,
            all_signatures=all_signatures,
            init_op=init_op,
            set=fixed,
            check=check,
            feeds=feeds,
            on_violation=on_violation,
            require_check=require_check,
            timeout=timeout,
        )
        final = result.model
        if form == "tflite":
            final = api.convert(final, form, progress=progress, timeout=timeout, **quantise)
        size, notes = _write(final, out, form, force, record, result.record())
    answer = result.record() | {"written": written_json(out, final, form, size, notes)}
    steps = listing.steps(answer["steps"], result.checked())
    show_written(answer, as_json, f"{steps}\n{written(out, final, size, notes)}", out, record)


def _check_choices(transforms: str | None, preset: str | None) -> None:
    """Raises: click.UsageError for options that exclude each other."""
    if transforms is not None and preset is not None:
        raise click.UsageError("give --transforms or --preset, not both")


def _check_outputs(
    out: Path, record: Path | None, form: str, *, force: bool, as_json: bool
) -> None:
    """Raises: click.UsageError, OutputExists, MissingFile for outputs that cannot be written."""
    if record == out:
        raise click.UsageError("-o and --record name the same place")
    check_stdout(out, record, as_json=as_json)
    check_output(out, force=force, folder=form == "saved_model")
    if record is not None:
        check_output(record, force=force)


def _write(
    model: api.Model,
    out: Path,
    form: str,
    force: bool,
    record: Path | None,
    steps: Mapping[str, Any],
) -> tuple[int, list[str]]:
    """Write a model and the record of its steps, both or none; bytes and notes of `save`."""
    with ExitStack() as stack:
        if record is not None:
            file = stack.enter_context(new_file(record, force=force))
            file.write_text(json.dumps(steps, indent=1) + "\n", encoding="utf-8")
        return save(model, out, form, force=force)
