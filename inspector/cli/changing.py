"""Commands that write a model: freeze, convert, transform_graph."""

from __future__ import annotations

from pathlib import Path

import click

from inspector import api
from inspector.cli.options import (
    ALL_SIGNATURES,
    FLEX,
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
)
from inspector.cli.output import (
    check_output,
    check_stdout,
    conversion,
    open_model,
    progress_line,
    save,
    show_written,
    written,
    written_json,
)
from inspector.cli.quantising import Quantising, quantise_options


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
@JSON
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
    as_json: bool,
) -> None:
    """Variables to constants; only what the outputs need.

    Writes a GraphDef.
    """
    check_stdout(out, as_json=as_json)
    check_output(out, force=force)
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
        size, notes = save(frozen, out, "graphdef", force=force)
    answer = written_json(out, frozen, "graphdef", size, notes) if as_json else {}
    show_written(answer, as_json, written(out, frozen, size, notes), out)


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
    check_stdout(out, as_json=as_json)
    check_output(out, force=force, folder=form == "saved_model")
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
        size, notes = save(converted, out, form, force=force)
    answer = written_json(out, converted, form, size, notes) if as_json else {}
    answer |= conversion(converted) if as_json else {}
    show_written(answer, as_json, written(out, converted, size, notes), out)


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
