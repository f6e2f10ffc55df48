"""Options that several commands share, and how commands report errors."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from inspector import settings, text
from inspector.errors import (
    CheckNotMade,
    CheckViolated,
    InspectorError,
    JobCancelled,
    JobFailed,
    WorkerDied,
)

INTERRUPTED = 130
_STATUSES: dict[type[InspectorError], int] = {
    CheckViolated: 3,
    CheckNotMade: 4,
    JobCancelled: INTERRUPTED,
}
"""Exit statuses of errors other than 1; see `inspector.cli.main`."""
_SHOWS = f"{settings.DEBUG.name}=1 shows"


ALIASES = {"optimize": "optimise"}
"""Other names of commands."""


class Commands(click.Group):
    """A group whose commands report an error in one line and end with its status."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, which may be an alias."""
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; standard output gets nothing but its own output."""
        if settings.DEBUG():
            _show_log()
        try:
            with warnings.catch_warnings(), _notices_shown():
                warnings.simplefilter("ignore")
                return super().invoke(ctx)
        except InspectorError as err:
            _fail(ctx, err)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except MemoryError:
            _fail(ctx, InspectorError("inspector", "memory", "there is not enough of it for this"))
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except OSError as err:
            where = Path(os.fsdecode(err.filename)).name if err.filename else "file"
            _fail(ctx, InspectorError(where, "system", err.strerror or str(err)))
        except Exception as err:
            if settings.DEBUG():
                raise
            why = f"{type(err).__name__}: {err} (a mistake of ours; {_SHOWS} where)"
            _fail(ctx, InspectorError("inspector", ctx.invoked_subcommand or "command", why))


@contextlib.contextmanager
def _notices_shown() -> Iterator[None]:
    """Print the library's notices for whoever starts a run, on standard error."""
    logger, handler = logging.getLogger("inspector.notices"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _fail(ctx: click.Context, error: InspectorError) -> NoReturn:
    has_log = isinstance(error, JobFailed | WorkerDied) and not settings.DEBUG()
    hint = f"; {_SHOWS} what the worker wrote" if has_log else ""
    click.echo(f"error: {error}{hint}", err=True)
    ctx.exit(next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 1))


class _Escaped(logging.Formatter):
    """Marks each line of a log message and escapes its control characters."""

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).splitlines() or [""]
        return "\n".join(f"debug: {text.plain(line)}" for line in lines)


def _show_log() -> None:
    """Print the log, with what workers wrote and how they ended, on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Escaped())
    log = logging.getLogger("inspector")
    log.addHandler(handler)
    log.setLevel(logging.INFO)


class Names(click.ParamType["list[str]"]):
    """Names with commas between them: ``a,b:0``."""

    name = "names"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        """A list; blanks and empty parts are dropped."""
        if isinstance(value, list):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]


class Assignment(click.ParamType[tuple[str, str]]):
    """A name and its value: ``phase_train=false``."""

    name = "assignment"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The name, and the value as text."""
        if isinstance(value, tuple):
            return value
        name, equals, text = value.partition("=")
        if not name.strip() or not equals:
            self.fail(f"{value!r} is no NAME=VALUE, e.g. phase_train=false", param, ctx)
        return name.strip(), text


def _by_name(
    ctx: click.Context, param: click.Parameter, pairs: Sequence[tuple[str, str]]
) -> dict[str, str]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(f"{name!r} is set twice", ctx, param)
    return dict(pairs)


class Out(click.ParamType[Path]):
    """A path to write to."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """A path, with ``~`` expanded; never the current folder itself."""
        path = Path(value).expanduser().absolute()
        if path.name in ("", ".."):
            self.fail("names no file", param, ctx)
        return path


MODEL = click.argument("model")
TAG_SET = click.option("--tag-set", type=Names(), metavar="TAGS", help="E.g. serve or serve,gpu.")
SIGNATURE = click.option(
    "--signature", metavar="KEY", help="Whose outputs; default serving_default."
)
SIGNATURES = click.option(
    "--signature",
    multiple=True,
    metavar="KEY",
    help="Whose outputs are kept, repeatable; default serving_default.",
)
ALL_SIGNATURES = click.option(
    "--all-signatures",
    is_flag=True,
    help="Keep all signatures that the outputs allow, at most 100 beside those named.",
)
INIT_OP = click.option(
    "--init-op",
    metavar="NAME",
    help="Runs once before the first run; by default what the file declares or the graph holds.",
)
INPUTS = click.option("--inputs", type=Names(), metavar="A,B", help="Feeds: node or tensor names.")
OUTPUTS = click.option("--outputs", type=Names(), metavar="A,B:0", help="Fetches, in the same way.")
SET = click.option(
    "--set",
    "fixed",
    type=Assignment(),
    multiple=True,
    callback=_by_name,
    metavar="NAME=VALUE",
    help="Make a constant of an input, e.g. phase_train=false; any number of times.",
)
TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=1_000_000, min_open=True),
    metavar="SECONDS",
    help="When to give up on TensorFlow; by default each job has a limit of its own.",
)
ROWS = click.option(
    "--feeds",
    "feed_file",
    metavar="FILE.npz",
    help="Rows for the inputs of A, also as .csv; else random ones.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object, nothing else.")
OUT = click.option("-o", "--out", type=Out(), required=True, help="Where to write.")
FORCE = click.option("--force", is_flag=True, help="Overwrite what is there.")
