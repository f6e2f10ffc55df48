"""Commands that write a model: freeze, optimise, convert, transform_graph."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import api
from inspector.cli import listing
from inspector.cli.options import (
    ALL_SIGNATURES,
    FORCE,
    INIT_OP,
    INPUTS,
    JSON,
    MODEL,
    OUT,
    OUTPUTS,
    SET,
    SIGNATURES,
    TAG_SET,
    TIMEOUT,
    Out,
)
from inspector.cli.output import conversion, format_of, open_model, progress_line, show, written
from inspector.cli.quantising import Quantising, quantise_options
from inspector.files import storing

if TYPE_CHECKING:
    from inspector.api import OnViolation

ON_VIOLATION = ("keep", "rollback", "stop")
"""The values of `api.OnViolation`; to print the help does not load the pipeline."""


FLEX = click.option(
    "--flex",
    is_flag=True,
    help="To tflite: keep ops of TensorFlow that TFLite has no operator for. Running the result "
    "needs the Flex delegate, which is not part of LiteRT.",
)


@click.command()
@MODEL
@OUT
@TAG_SET
@SIGNATURES
@ALL_SIGNATURES
@OUTPUTS
@INIT_OP
@SET
@click.option("--keep-devices", is_flag=True, help="Keep the nodes' device strings.")
@TIMEOUT
@FORCE
def freeze(
    model: str,
    out: Path,
    tag_set: list[str] | None,
    signature: tuple[str, ...],
    all_signatures: bool,
    outputs: list[str] | None,
    init_op: str | None,
    fixed: dict[str, str],
    keep_devices: bool,
    timeout: float | None,
    force: bool,
) -> None:
    """Variables to constants; only what the outputs need.

    Writes a GraphDef.
    """
    storing.check_output(out, force=force)
    opened = open_model(model, tag_set)
    with progress_line() as progress:
        progress(None, "freeze")
        frozen = api.freeze(
            opened,
            outputs,
            signature=signature or None,
            all_signatures=all_signatures,
            init_op=init_op,
            set=fixed,
            keep_devices=keep_devices,
            progress=progress,
            timeout=timeout,
        )
        notes = api.save(frozen, out, "graphdef", force=force)
    click.echo(written(out, frozen, notes))


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
@click.option(
    "--transforms", metavar="TEXT", help='E.g. "fold_constants round_weights(num_steps=9)".'
)
@click.option("--preset", metavar="NAME", help="A list of transforms by name; see `transforms`.")
@click.option(
    "--to",
    "form",
    type=click.Choice(api.FORMATS),
    help="By default as -o ends: .pb, .tflite or neither.",
)
@click.option("--record", type=Out(), help="What each step changed and left alone, as JSON.")
@click.option("--check", is_flag=True, help="Run the graph before and after each transform.")
@click.option(
    "--require-check",
    is_flag=True,
    help="Check, and end with status 3 if a transform did more to the outputs than it declares, "
    "with 4 if one could not be checked; then nothing is written.",
)
@click.option("--feeds", "feed_file", metavar="FILE.npz", help="What to run it on; else random.")
@click.option(
    "--on-violation",
    type=click.Choice(ON_VIOLATION),
    default="keep",
    show_default=True,
    help="Check, and do this with a transform that did more to the outputs than it declares; "
    "'stop' ends with status 3, and with 4 at one that could not be checked.",
)
@FLEX
@quantise_options
@TIMEOUT
@FORCE
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
) -> None:
    """Freeze if needed, then the transforms, then write."""
    if feed_file is not None and not (check or require_check or on_violation != "keep"):
        raise click.UsageError("--feeds is for --check")
    _check_choices(transforms, preset, record, out)
    form = format_of(form, out)
    quantising.check(form, flex=flex)
    for path in filter(None, (out, record)):
        storing.check_output(path, force=force)
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
        notes = _write(final, out, form, force, record, result.record())
    click.echo(listing.steps([step.to_dict() for step in result.steps], result.checked()))
    click.echo(written(out, final, notes))


def _check_choices(
    transforms: str | None, preset: str | None, record: Path | None, out: Path
) -> None:
    """Raises: click.UsageError for options that exclude each other."""
    if transforms is not None and preset is not None:
        raise click.UsageError("give --transforms or --preset, not both")
    if record == out:
        raise click.UsageError("-o and --record name the same place")


def _write(
    model: api.Model,
    out: Path,
    form: str,
    force: bool,
    record: Path | None,
    steps: Mapping[str, Any],
) -> list[str]:
    """Write a model and the record of its steps, both or none; the notes of `api.save`."""
    with ExitStack() as stack:
        if record is not None:
            file = stack.enter_context(storing.new_file(record, force=force))
            file.write_text(json.dumps(steps, indent=1) + "\n", encoding="utf-8")
        return api.save(model, out, form, force=force)


@click.command()
@MODEL
@OUT
@click.option("--to", "form", type=click.Choice(api.FORMATS), required=True)
@TAG_SET
@SIGNATURES
@ALL_SIGNATURES
@INPUTS
@OUTPUTS
@INIT_OP
@SET
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    metavar="N",
    help="Fix the first dimension of the inputs; by default it stays unknown.",
)
@FLEX
@click.option(
    "--short-names",
    is_flag=True,
    help="To tflite: short names for tensors, except the inputs and outputs.",
)
@quantise_options
@TIMEOUT
@FORCE
@JSON
def convert(
    model: str,
    out: Path,
    form: str,
    tag_set: list[str] | None,
    signature: tuple[str, ...],
    all_signatures: bool,
    inputs: list[str] | None,
    outputs: list[str] | None,
    init_op: str | None,
    fixed: dict[str, str],
    batch: int | None,
    flex: bool,
    short_names: bool,
    quantising: Quantising,
    timeout: float | None,
    force: bool,
    as_json: bool,
) -> None:
    """One format into another; variables become constants.

    MODEL may also be a TFLite model of float32 that is quantised.
    """
    if (flex or short_names) and form != "tflite":
        flag = "--flex" if flex else "--short-names"
        raise click.UsageError(f"{flag} is for --to tflite")
    quantising.check(form)
    storing.check_output(out, force=force)
    opened = open_model(model, tag_set)
    quantise = quantising.arguments(opened)
    with progress_line() as progress:
        progress(None, "freeze")
        converted = api.convert(
            opened,
            form,
            inputs,
            outputs,
            signature=signature or None,
            all_signatures=all_signatures,
            init_op=init_op,
            set=fixed,
            batch=batch,
            flex=flex,
            short_names=short_names,
            progress=progress,
            timeout=timeout,
            **quantise,
        )
        notes = api.save(converted, out, form, force=force)
    answer = conversion(out, converted) if as_json else {}
    show(answer, as_json, lambda: written(out, converted, notes))


@click.command("transform_graph")
@click.option("--in_graph", default="", metavar="FILE", help="GraphDef, binary or text.")
@click.option("--out_graph", default="", metavar="FILE", help="Where to write.")
@click.option("--inputs", default="", metavar="A,B")
@click.option("--outputs", default="", metavar="A,B")
@click.option("--transforms", default="", metavar="TEXT")
@click.option(
    "--output_as_text", default="false", is_flag=False, flag_value="true", metavar="true|false"
)
def transform_graph(
    in_graph: str, out_graph: str, inputs: str, outputs: str, transforms: str, output_as_text: str
) -> None:
    """The binary of TensorFlow 1: same flags, same output."""
    for flag, value in (("in_graph", in_graph), ("out_graph", out_graph)):
        if not value:
            raise click.UsageError(f"{flag} graph can't be empty.")
    if not transforms.strip():
        raise click.UsageError("You must specify at least one transform")
    if output_as_text.lower() not in ("true", "false", "1", "0"):
        raise click.UsageError(f"--output_as_text is true or false, not {output_as_text!r}")
    api.transform_graph_file(
        _expanded(in_graph),
        _expanded(out_graph),
        [name for name in inputs.split(",") if name],
        [name for name in outputs.split(",") if name],
        transforms,
        as_text=output_as_text.lower() in ("true", "1"),
    )


def _expanded(text: str) -> Path:
    """A path with ``~`` and ``~user`` expanded; an unknown user's stays as it is."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)
