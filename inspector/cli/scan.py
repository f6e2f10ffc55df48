"""The command scan: ops and Keras code that reach beyond the model."""

from __future__ import annotations

import json
from pathlib import PurePath

import click

from inspector import api
from inspector.cli.options import JSON, MODEL, TAG_SET
from inspector.cli.output import open_model, show
from inspector.cli.statuses import BLOCKED
from inspector.files.paths import is_url
from inspector.printing import scan_text


@click.command()
@MODEL
@TAG_SET
@JSON
@click.option("--sarif", "as_sarif", is_flag=True, help="SARIF 2.1.0, nothing else.")
@click.pass_context
def scan(
    ctx: click.Context,
    model: str,
    tag_set: list[str] | None,
    as_json: bool,
    as_sarif: bool,
) -> None:
    """What reaches beyond the model, and by which signature.

    Nothing is run. The exit status is 3 when something that would be refused is reached.
    """
    if as_json and as_sarif:
        raise click.UsageError("--json and --sarif exclude each other")
    report = api.scan(open_model(model, tag_set))
    if as_sarif:
        click.echo(json.dumps(api.sarif(report, _uri(model))))
    else:
        answer = report.to_dict()
        show(answer, as_json, lambda: scan_text.scan(answer))
    if report.blocked:
        ctx.exit(BLOCKED)


def _uri(model: str) -> str | None:
    """A relative path as it was typed; None for others, whose model has a name."""
    path = PurePath(model)
    return None if path.is_absolute() or is_url(model) else path.as_posix()
