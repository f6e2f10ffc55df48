"""The command line: each command reads its flags, calls `inspector.api`, prints what came of it.

Exit status: 0 done; 1 the model or the work was at fault, told in one line; 2 the command line was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from inspector import api, commands, listing, storing, terminal
from inspector.cli_options import (
    FORCE,
    INPUTS,
    JSON,
    MODEL,
    OUT,
    OUTPUTS,
    SIGNATURE,
    TAG_SET,
    Commands,
    Names,
    Out,
)
from inspector.errors import BadParameter
from inspector.model import Model

if TYPE_CHECKING:
    from inspector.passes.pipeline import OnViolation

ON_VIOLATION = ("keep", "rollback", "stop")
"""The values of `OnViolation`, which is not loaded to print the help."""
FORMATS = ("graphdef", "saved_model", "tflite")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tf-graph-inspector")
def cli() -> None:
    """See what is in a TensorFlow model, make it smaller, check what that did to its answers."""


@cli.command()
@click.argument("model", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="8501, or the next free one.")
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
def app(model: str | None, host: str, port: int | None, no_browser: bool) -> None:
    """Start the web app, on MODEL when given."""
    from inspector.ui import serve

    serve.serve(model, host=host, port=port, open_browser=not no_browser)


@cli.command()
@MODEL
@TAG_SET
@JSON
def describe(model: str, tag_set: list[str] | None, as_json: bool) -> None:
    """The figures: nodes, ops, signatures, sizes, likely outputs."""
    opened = _open(model, tag_set)
    facts = api.describe(opened).to_dict()
    _show(facts, as_json, lambda: listing.describe(opened.name, facts))


@cli.command()
@MODEL
@TAG_SET
@click.option("--type", "op", metavar="OP", help="Only operations of this type.")
@click.option("--match", metavar="REGEX", help="Only names in which this is found.")
@click.option("--function", metavar="NAME", help="Of this function of the library.")
@JSON
def ops(
    model: str,
    tag_set: list[str] | None,
    op: str | None,
    match: str | None,
    function: str | None,
    as_json: bool,
) -> None:
    """Every operation with its inputs, and its tensors' dtypes and shapes."""
    from inspector.operations import operations

    opened = _open(model, tag_set)
    try:
        found = operations(opened, op=op, match=match, function=function)
    except BadParameter as err:
        raise click.BadParameter(err.why, param_hint="--match") from None
    rows = [row.to_dict() for row in found]
    _show({"operations": rows}, as_json, lambda: listing.operations(rows))


@cli.command()
@MODEL
@OUT
@TAG_SET
@SIGNATURE
@OUTPUTS
@click.option("--keep-devices", is_flag=True, help="Keep the nodes' device strings.")
@FORCE
def freeze(
    model: str,
    out: Path,
    tag_set: list[str] | None,
    signature: str | None,
    outputs: list[str] | None,
    keep_devices: bool,
    force: bool,
) -> None:
    """Variables to constants, and only what the outputs need, as a GraphDef."""
    storing.check_output(out, force=force)
    opened = _open(model, tag_set)
    with _progress() as progress:
        progress(None, "freeze")
        frozen = api.freeze(opened, outputs, signature=signature, keep_devices=keep_devices)
        notes = api.save(frozen, out, "graphdef", force=force)
    click.echo(_written(out, frozen, notes))


@cli.command()
@MODEL
@OUT
@TAG_SET
@SIGNATURE
@INPUTS
@OUTPUTS
@click.option(
    "--transforms", metavar="TEXT", help='E.g. "fold_constants round_weights(num_steps=9)".'
)
@click.option("--preset", metavar="NAME", help="A list of transforms by name; see `transforms`.")
@click.option("--to", "form", type=click.Choice(FORMATS), help="By default as -o ends: .pb or not.")
@click.option("--record", type=Out(), help="What each step changed and left alone, as JSON.")
@click.option("--check", is_flag=True, help="Run the graph before and after each transform.")
@click.option("--feeds", "feed_file", metavar="FILE.npz", help="What to run it on; else random.")
@click.option(
    "--on-violation",
    type=click.Choice(ON_VIOLATION),
    default="keep",
    show_default=True,
    help="Of a checked transform that did more to the outputs than it declares.",
)
@FORCE
def optimise(
    model: str,
    out: Path,
    tag_set: list[str] | None,
    signature: str | None,
    inputs: list[str] | None,
    outputs: list[str] | None,
    transforms: str | None,
    preset: str | None,
    form: str | None,
    record: Path | None,
    check: bool,
    feed_file: str | None,
    on_violation: OnViolation,
    force: bool,
) -> None:
    """Freeze if needed, then the transforms, then write."""
    if feed_file is not None and not check:
        raise click.UsageError("--feeds is for --check")
    if transforms is not None and preset is not None:
        raise click.UsageError("give --transforms or --preset, not both")
    if record == out:
        raise click.UsageError("-o and --record name the same place")
    form = _format(form, out)
    for path in filter(None, (out, record)):
        storing.check_output(path, force=force)
    opened = _open(model, tag_set)
    feeds = commands.read_feeds(Path(feed_file), opened) if feed_file is not None else None
    with _progress() as progress:
        result = api.optimise(
            opened,
            inputs,
            outputs,
            transforms,
            preset,
            progress,
            signature=signature,
            check=check,
            feeds=feeds,
            on_violation=on_violation,
        )
        with ExitStack() as stack:  # both or none
            if record is not None:
                made = stack.enter_context(storing.new_file(record, force=force))
                made.write_text(json.dumps(result.record(), indent=1) + "\n", encoding="utf-8")
            notes = api.save(result.model, out, form, force=force)
    click.echo(listing.steps([step.to_dict() for step in result.steps], result.checked()))
    click.echo(_written(out, result.model, notes))


@cli.command()
@MODEL
@OUT
@click.option("--to", "form", type=click.Choice(FORMATS), required=True)
@TAG_SET
@SIGNATURE
@INPUTS
@OUTPUTS
@FORCE
def convert(
    model: str,
    out: Path,
    form: str,
    tag_set: list[str] | None,
    signature: str | None,
    inputs: list[str] | None,
    outputs: list[str] | None,
    force: bool,
) -> None:
    """One format into another; variables become constants."""
    form = _format(form, out)
    storing.check_output(out, force=force)
    opened = _open(model, tag_set)
    with _progress() as progress:
        progress(None, "freeze")
        converted = commands.convert(opened, inputs, outputs, signature)
        notes = api.save(converted, out, form, force=force)
    click.echo(_written(out, converted, notes))


@cli.command()
@MODEL
@TAG_SET
@SIGNATURE
@click.option(
    "--feeds", "feed_file", metavar="FILE.npz", help="Keys: input keys, tensors or nodes."
)
@click.option("--fetches", type=Names(), metavar="A:0,B:0", help="In place of the signature's.")
@click.option("-o", "--out", type=Out(), help="Write the answers as .npz.")
@FORCE
@JSON
def predict(
    model: str,
    tag_set: list[str] | None,
    signature: str | None,
    feed_file: str | None,
    fetches: list[str] | None,
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Run the model once."""
    if out is not None:
        storing.check_output(out, force=force)
    opened = _open(model, tag_set)
    given = commands.read_feeds(Path(feed_file), opened) if feed_file is not None else {}
    with _progress() as progress:
        run = api.predict(opened, given, fetches or None, signature=signature, progress=progress)
    if out is not None:
        commands.write_arrays(run.outputs, out, force=force)
    found = {
        "outputs": commands.answers(run.outputs),
        "run_ms": run.run_ms,
        "signature": run.signature,
    }
    _show(found, as_json, lambda: commands.answers_text(run.outputs))


@cli.command()
@click.argument("before")
@click.argument("after")
@JSON
def diff(before: str, after: str, as_json: bool) -> None:
    """What changed between two models."""
    delta = api.diff(_open(before), _open(after)).to_dict()
    _show(delta, as_json, lambda: listing.diff(delta))


@cli.command()
@click.argument("model")
@OUT
@TAG_SET
@click.option("--expand", multiple=True, metavar="SCOPE", help="Open this scope too; repeatable.")
@click.option(
    "--budget",
    type=click.IntRange(1, 750),
    default=60,
    show_default=True,
    help="Boxes that the first picture may have.",
)
@click.option("--against", metavar="B", help="Mark what is added, removed and changed to B.")
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--transparent", is_flag=True, help="Paint no background.")
@FORCE
def render(
    model: str,
    out: Path,
    tag_set: list[str] | None,
    expand: tuple[str, ...],
    budget: int,
    against: str | None,
    theme: str,
    transparent: bool,
    force: bool,
) -> None:
    """The picture of the Graph page, as a file."""
    storing.check_output(out, force=force)
    form = out.suffix.removeprefix(".").lower()
    opened = _open(model, tag_set)
    other = None if against is None else _open(against)
    drawn = api.render(
        opened,
        form,
        expand=expand,
        budget=budget,
        against=other,
        theme=theme,
        background=not transparent,
    )
    with storing.new_file(out, force=force) as file:
        file.write_bytes(drawn)
    click.echo(f"wrote {terminal.plain(out.name)}: {terminal.size(len(drawn))}")


@cli.command()
@JSON
def transforms(as_json: bool) -> None:
    """All transforms with their parameters, and the presets."""
    found = commands.transforms()
    _show(found, as_json, lambda: listing.transforms(found))


@cli.command("transform_graph")
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
    """The binary of that name of TensorFlow 1: same flags, same output."""
    for flag, value in (("in_graph", in_graph), ("out_graph", out_graph)):
        if not value:
            raise click.UsageError(f"{flag} graph can't be empty.")
    if not transforms.strip():
        raise click.UsageError("You must specify at least one transform")
    if output_as_text.lower() not in ("true", "false", "1", "0"):
        raise click.UsageError(f"--output_as_text is true or false, not {output_as_text!r}")
    commands.transform_graph(
        _expanded(in_graph),
        _expanded(out_graph),
        inputs,
        outputs,
        transforms,
        as_text=output_as_text.lower() in ("true", "1"),
    )


def _expanded(text: str) -> Path:
    """A path with ``~`` and ``~user`` expanded; an unknown user's stays as it is."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def main() -> None:
    """The ``inspector`` command."""
    cli(prog_name="inspector")


def _show(found: Mapping[str, Any], as_json: bool, text: Callable[[], str]) -> None:
    click.echo(json.dumps(found) if as_json else text())


def _written(out: Path, model: Model, notes: Iterable[str]) -> str:
    files = [out] if out.is_file() else [file for file in out.rglob("*") if file.is_file()]
    size = terminal.size(sum(file.stat().st_size for file in files))
    told = [f"wrote {out.name}: {len(model.graph):,} nodes, {size}", *model.notes, *notes]
    return "\n".join(map(terminal.plain, dict.fromkeys(told)))


def _format(form: str | None, out: Path) -> str:
    chosen = form or ("graphdef" if out.suffix == ".pb" else "saved_model")
    commands.check_format(chosen)
    return chosen


def _open(path: str, tag_set: list[str] | None = None) -> Model:
    with _progress() as progress:
        return api.open_model(path, tag_set, progress=progress)


@contextmanager
def _progress() -> Iterator[terminal.Progress]:
    progress = terminal.Progress()
    try:
        yield progress
    finally:
        progress.clear()
