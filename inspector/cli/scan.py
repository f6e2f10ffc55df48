"""The command scan: ops and Keras code that reach beyond the model."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

import click

from inspector import api
from inspector.cli.options import JSON, MODEL, TAG_SET
from inspector.cli.output import open_model, show
from inspector.cli.terminal import table
from inspector.files.paths import is_url
from inspector.text import plain

BLOCKED_STATUS = 3
"""Exit status where a signature reaches something that would be refused."""

_PLACES = 5
_HEAD = ["", "op", "in the file", "reached by", "what it does"]


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
        show(answer, as_json, lambda: _text(answer))
    if report.blocked:
        ctx.exit(BLOCKED_STATUS)


def _uri(model: str) -> str | None:
    """A relative path as it was typed; None for others, whose model has a name."""
    path = PurePath(model)
    return None if path.is_absolute() or is_url(model) else path.as_posix()


def _text(answer: dict[str, Any]) -> str:
    """The findings as a table, then their places."""
    head = f"{plain(answer['model'])}: {answer['format']}"
    followed = f"followed: {', '.join(map(plain, answer['entries'])) or 'nothing can be asked for'}"
    findings = answer["findings"]
    if not findings:
        return f"{head}\n{followed}\nnothing reaches beyond the model"
    rows = [
        [
            "refused" if item["severity"] == api.BLOCK else "runs",
            item["what"] + (f" ({item['attribute']})" if item["attribute"] else ""),
            item["count"],
            ", ".join(item["reached_by"]) or "-",
            item["why"],
        ]
        for item in findings
    ]
    places = [[item["what"], _places(item)] for item in findings]
    return "\n\n".join(
        [
            f"{head}\n{followed}",
            table(rows, _HEAD, right=[2]),
            "where\n" + table(places),
            _verdict(findings),
        ]
    )


def _verdict(findings: list[dict[str, Any]]) -> str:
    """Which entries would be refused."""
    refused = dict.fromkeys(
        entry for item in findings if item["severity"] == api.BLOCK for entry in item["reached_by"]
    )
    if not refused:
        return "nothing that would be refused is reached"
    return f"would be refused: {', '.join(map(plain, refused))}"


def _places(item: dict[str, Any]) -> str:
    names = [
        f"{place['node'] or 'the config'}"
        + (f" in function {place['function']}" if place["function"] else "")
        for place in item["places"][:_PLACES]
    ]
    more = item["count"] - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
