"""Commands that read models: describe, ops, diff, render, transforms."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from inspector import api, text
from inspector.cli import completion
from inspector.cli.options import FORCE, JSON, MODEL, OUT, TAG_SET
from inspector.cli.output import check_output, new_file, open_model, show, show_written
from inspector.cli.path_options import STDOUT, ModelPath, typed
from inspector.errors import BadParameter
from inspector.printing import describing, listing
from inspector.printing.next_commands import next_commands


@click.command()
@MODEL
@TAG_SET
@JSON
def describe(model: str, tag_set: list[str] | None, as_json: bool) -> None:
    """Figures: nodes, ops, signatures, sizes, outputs."""
    opened = open_model(model, tag_set)
    facts = api.describe(opened).to_dict()
    path = typed(model)

    def listed() -> str:
        commands = [] if path == "-" else next_commands(facts, path, opened.key())
        return describing.describe(opened.name, facts, commands)

    show(facts, as_json, listed)


@click.command()
@MODEL
@TAG_SET
@click.option(
    "--type",
    "op",
    metavar="OP",
    shell_complete=completion.ops,
    help="Only operations of this type.",
)
@click.option("--match", metavar="REGEX", help="Only names in which this is found.")
@click.option(
    "--function",
    metavar="NAME",
    shell_complete=completion.functions,
    help="Of this function of the library.",
)
@JSON
def ops(
    model: str,
    tag_set: list[str] | None,
    op: str | None,
    match: str | None,
    function: str | None,
    as_json: bool,
) -> None:
    """Every operation: inputs, dtypes and shapes."""
    opened = open_model(model, tag_set)
    try:
        operations = api.operations(opened, op=op, match=match, function=function)
    except BadParameter as err:
        raise click.BadParameter(err.why, param_hint="--match") from None
    rows = [operation.to_dict() for operation in operations]
    show({"operations": rows}, as_json, lambda: listing.operations(rows))


@click.command()
@click.argument("before", type=ModelPath())
@click.argument("after", type=ModelPath())
@JSON
def diff(before: str, after: str, as_json: bool) -> None:
    """What changed between two models."""
    delta = api.diff(open_model(before), open_model(after)).to_dict()
    show(delta, as_json, lambda: listing.diff(delta))


@click.command()
@MODEL
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
@click.option(
    "--against", type=ModelPath(), metavar="B", help="Mark what is added, removed and changed to B."
)
@click.option("--theme", type=click.Choice(["light", "dark"]), default="light", show_default=True)
@click.option("--transparent", is_flag=True, help="Paint no background.")
@FORCE
@JSON
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
    as_json: bool,
) -> None:
    """The picture of the Graph page, as a file: .svg, .png, .pdf or .dot; - is SVG."""
    check_output(out, force=force)
    form = "svg" if out == STDOUT else out.suffix.removeprefix(".").lower()
    opened = open_model(model, tag_set)
    other = None if against is None else open_model(against)
    drawn = api.render(
        opened,
        form,
        expand=expand,
        budget=budget,
        against=other,
        theme=theme,
        background=not transparent,
    )
    with new_file(out, force=force) as file:
        file.write_bytes(drawn)
    answer = {"path": str(out), "format": form, "bytes": len(drawn)}
    line = f"wrote {text.plain(out.name)}: {text.size(len(drawn))}"
    show_written(answer, as_json, line, out)


@click.command()
@click.argument("name", required=False, shell_complete=completion.schemas)
def schema(name: str | None) -> None:
    """The JSON Schema of what a command prints; without NAME their names."""
    click.echo("\n".join(api.schema_names()) if name is None else json.dumps(api.schema(name)))


@click.command()
@JSON
def transforms(as_json: bool) -> None:
    """All transforms with their parameters, and the presets."""
    table = {
        "transforms": [item.to_dict() for item in api.transforms().values()],
        "presets": [{"name": name, **asdict(item)} for name, item in api.presets().items()],
    }
    show(table, as_json, lambda: listing.transforms(table))
