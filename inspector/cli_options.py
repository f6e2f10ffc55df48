"""What the commands of the command line have in common: how they fail, and their options.

Exit status: 0 done; 1 the model or the work was at fault, told in one line; 2 the command line was.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any, NoReturn

import click

from inspector.errors import InspectorError

DEBUG = "INSPECTOR_DEBUG"
"""Set to 1, an error nobody foresaw shows its traceback."""


class Commands(click.Group):
    """A group whose commands tell what went wrong in one line, and end with status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; nothing but its own output reaches standard output."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return super().invoke(ctx)
        except InspectorError as err:
            _fail(ctx, err)
        except MemoryError:
            _fail(ctx, InspectorError("inspector", "memory", "there is not enough of it for this"))
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except OSError as err:
            where = Path(os.fsdecode(err.filename)).name if err.filename else "file"
            _fail(ctx, InspectorError(where, "system", err.strerror or str(err)))
        except Exception as err:
            if os.environ.get(DEBUG):
                raise
            why = f"{type(err).__name__}: {err} (a mistake of ours; {DEBUG}=1 shows where)"
            _fail(ctx, InspectorError("inspector", ctx.invoked_subcommand or "command", why))


def _fail(ctx: click.Context, error: InspectorError) -> NoReturn:
    click.echo(f"error: {error}", err=True)
    ctx.exit(1)


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
INPUTS = click.option("--inputs", type=Names(), metavar="A,B", help="Feeds: node or tensor names.")
OUTPUTS = click.option("--outputs", type=Names(), metavar="A,B:0", help="Fetches, in the same way.")
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object, nothing else.")
OUT = click.option("-o", "--out", type=Out(), required=True, help="Where to write.")
FORCE = click.option("--force", is_flag=True, help="Overwrite what is there.")
