"""The command sweep: one list of transforms on many models, and a report."""

from __future__ import annotations

from pathlib import Path

import click

from inspector import api
from inspector.cli.options import JSON, PRESET, TRANSFORMS
from inspector.cli.output import is_quiet, progress_line, show
from inspector.cli.path_options import ModelPath, Out
from inspector.errors import InspectorError, JobCancelled
from inspector.printing import sweep_text
from inspector.text import count, plain

_BAR = 20


@click.command()
@click.argument("models", nargs=-1, required=True, type=ModelPath())
@click.option(
    "-o",
    "--out",
    required=True,
    type=Out(),
    help="A folder, new or from an earlier sweep: only what is missing or changed is done.",
)
@TRANSFORMS
@PRESET
@click.option(
    "--to",
    "form",
    type=click.Choice(api.FORMATS),
    default="saved_model",
    show_default=True,
    help="The format of the results.",
)
@click.option("--check", is_flag=True, help="Run each graph before and after each transform.")
@click.option(
    "--jobs",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Models at once; by default one per core, or per thread of the cluster.",
)
@click.option("--force", is_flag=True, help="Do all of them anew.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, 1_000_000, min_open=True),
    metavar="SECONDS",
    help="For each model; by default 900.",
)
@JSON
def sweep(
    models: tuple[str, ...],
    out: Path,
    transforms: str | None,
    preset: str | None,
    form: str,
    check: bool,
    jobs: int | None,
    force: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Freeze and transform every model of MODELS, and write a report.

    The folder gets a folder for each model, report.html and results.csv. A model that fails stops
    no other: its sentence is in the report, and the exit status is 1 in the end. Ctrl-C keeps what
    is done; the same command goes on from there.
    """
    if transforms is not None and preset is not None:
        raise click.UsageError("give --transforms or --preset, not both")
    with progress_line() as line:

        def progress(fraction: float | None, text: str) -> None:
            line(fraction, f"{_bar(fraction or 0.0)} {text}")

        result = api.sweep(
            models,
            out,
            transforms,
            preset,
            to=form,
            check=check,
            jobs=jobs,
            force=force,
            progress=progress,
            timeout=timeout,
        )
    show(result.to_dict(), as_json, lambda: sweep_text.sweep(result.to_dict()))
    if not as_json and not is_quiet():
        click.echo(f"wrote {result.report.name} and results.csv to {plain(out.name)}")
    if result.is_stopped:
        why = "stopped before the end; the same command goes on from here"
        raise JobCancelled("sweep", out.name, why)
    if result.failed:
        why = f"{len(result.failed)} of {count(len(result.models), 'model')} failed; the report "
        raise InspectorError("sweep", out.name, f"{why}says why")


def _bar(fraction: float) -> str:
    filled = round(_BAR * fraction)
    return f"[{'#' * filled}{'-' * (_BAR - filled)}]"
