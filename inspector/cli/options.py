"""Options that several commands share, and how commands report errors."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from inspector import settings
from inspector.cli import completion
from inspector.cli.path_options import In, ModelPath, Out
from inspector.cli.statuses import INTERRUPTED, NOT_CHECKED, NOT_MET
from inspector.cli.verbosity import reported
from inspector.errors import (
    CheckNotMade,
    CheckViolated,
    InspectorError,
    JobCancelled,
    JobFailed,
    WorkerDied,
)

_STATUSES: dict[type[InspectorError], int] = {
    CheckViolated: NOT_MET,
    CheckNotMade: NOT_CHECKED,
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
        try:
            with warnings.catch_warnings(), reported():
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


def _fail(ctx: click.Context, error: InspectorError) -> NoReturn:
    has_log = isinstance(error, JobFailed | WorkerDied) and not settings.DEBUG()
    hint = f"; {_SHOWS} what the worker wrote" if has_log else ""
    click.echo(f"error: {error}{hint}", err=True)
    ctx.exit(next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 1))


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


MODEL = click.argument("model", type=ModelPath())
A, B = click.argument("a", type=ModelPath()), click.argument("b", type=ModelPath())
TAG_SET = click.option(
    "--tag-set",
    type=Names(),
    metavar="TAGS",
    shell_complete=completion.tag_sets,
    help="The MetaGraphDef of a SavedModel with these tags, e.g. serve or serve,gpu.",
)
SIGNATURE = click.option(
    "--signature",
    metavar="KEY",
    shell_complete=completion.signatures,
    help="The signature to run; by default serving_default, or the likeliest.",
)
SIGNATURES = click.option(
    "--signature",
    multiple=True,
    metavar="KEY",
    shell_complete=completion.signatures,
    help="A signature whose outputs are kept, repeatable; by default serving_default, or the "
    "likeliest.",
)
ALL_SIGNATURES = click.option(
    "--all-signatures",
    is_flag=True,
    help="Keep all signatures that the outputs allow, at most 100 beside those named.",
)
INIT_OP = click.option(
    "--init-op",
    metavar="NAME",
    shell_complete=completion.nodes,
    help="Runs once before the first run; by default what the file declares or the graph holds.",
)
INPUTS = click.option(
    "--inputs",
    type=Names(),
    metavar="A,B",
    shell_complete=completion.nodes,
    help="Inputs (feeds): node or tensor names, separated by commas.",
)
OUTPUTS = click.option(
    "--outputs",
    type=Names(),
    metavar="A,B:0",
    shell_complete=completion.nodes,
    help="Outputs (fetches): node or tensor names, separated by commas.",
)
SET = click.option(
    "--set",
    "fixed",
    type=Assignment(),
    multiple=True,
    callback=_by_name,
    metavar="NAME=VALUE",
    help="Replace an input by a constant, e.g. phase_train=false; repeatable.",
)
TRANSFORMS = click.option(
    "--transforms",
    metavar="TEXT",
    shell_complete=completion.transforms,
    help='E.g. "fold_constants round_weights(num_steps=9)".',
)
PRESET = click.option(
    "--preset",
    metavar="NAME",
    shell_complete=completion.presets,
    help="A list of transforms by name, see `transforms`; tidy where --transforms is not given.",
)
TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0, max=1_000_000, min_open=True),
    metavar="SECONDS",
    help="Give up on TensorFlow after this time; by default each job has its own limit.",
)
FEEDS = "FILE.npz|.csv|.json"
"""Files of feeds: their keys, or the names in the first row, are inputs, tensors or nodes."""
ROWS = click.option(
    "--feeds",
    "feed_file",
    type=In(),
    metavar=FEEDS,
    help="Rows for the inputs of A, in a .csv below their names; by default random ones.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object only.")
OUT = click.option(
    "-o",
    "--out",
    type=Out(stdout=True),
    required=True,
    help="Where to write; - is standard output.",
)
FORCE = click.option("--force", is_flag=True, help="Overwrite existing files.")
FLEX = click.option(
    "--flex",
    is_flag=True,
    help="To tflite: keep ops of TensorFlow that TFLite has no operator for. Running the result "
    "needs the Flex delegate, which is not part of LiteRT.",
)
