"""How much a command says on standard error: --verbose, --quiet, INSPECTOR_DEBUG."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import click

from inspector import settings, text
from inspector.cli.path_options import ModelPath

QUIET, ISOLATED = "inspector.quiet", "inspector.isolated"
_LOGGED = "inspector.logged"
_DEBUG = "debug"


class _Escaped(logging.Formatter):
    """Marks each line of a log message and escapes its control characters.

    Args:
        mark: Put before every line; empty for the level of the message.
    """

    def __init__(self, mark: str = "") -> None:
        super().__init__()
        self._mark = mark

    def format(self, record: logging.LogRecord) -> str:
        lines = super().format(record).splitlines() or [""]
        mark = self._mark or record.levelname.lower()
        return "\n".join(f"{mark}: {text.plain(line)}" for line in lines)


@contextlib.contextmanager
def reported() -> Iterator[None]:
    """Print the library's notices, and with INSPECTOR_DEBUG=1 its log, on standard error.

    The log has what workers wrote and how they ended.
    """
    ctx = click.get_current_context()
    if settings.DEBUG():
        _show_log(ctx, logging.INFO, _DEBUG)
    logger, handler = logging.getLogger("inspector.notices"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("note: %(message)s"))
    handler.addFilter(lambda _record: QUIET not in ctx.find_root().meta)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def _show_log(ctx: click.Context, level: int, mark: str = "") -> None:
    """Print the log of the logger ``inspector`` until the command ends."""
    root = ctx.find_root()
    log = logging.getLogger("inspector")
    if _LOGGED in root.meta:
        log.setLevel(min(level, log.level))
        return
    root.meta[_LOGGED] = True
    handler, before = logging.StreamHandler(), log.level
    handler.setFormatter(_Escaped(mark))
    log.addHandler(handler)
    log.setLevel(level)
    root.call_on_close(lambda: log.removeHandler(handler))
    root.call_on_close(lambda: log.setLevel(before))


def _verbose(ctx: click.Context, _param: click.Parameter, count: int) -> None:
    if count and not ctx.resilient_parsing:
        _show_log(ctx, logging.INFO if count == 1 else logging.DEBUG)


def _quiet(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if value:
        ctx.find_root().meta[QUIET] = True


def _isolated(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
    if value:
        ctx.find_root().meta[ISOLATED] = True


_VERBOSE_OPTION = click.Option(
    ["-v", "--verbose"],
    count=True,
    expose_value=False,
    callback=_verbose,
    help="Print milestones on standard error; -vv the jobs in workers too.",
)
_QUIET_OPTION = click.Option(
    ["-q", "--quiet"],
    is_flag=True,
    expose_value=False,
    callback=_quiet,
    help="Print nothing on standard error but errors, and no line about written files.",
)


_ISOLATED_OPTION = click.Option(
    ["--isolated"],
    is_flag=True,
    expose_value=False,
    callback=_isolated,
    help="Read the model in a worker with limits: for files that are not trusted.",
)


def add_options(command: click.Command) -> click.Command:
    """Give a command ``--verbose`` and ``--quiet``, and one that opens models ``--isolated``."""
    command.params += [_VERBOSE_OPTION, _QUIET_OPTION]
    if any(isinstance(param.type, ModelPath) for param in command.params) and command.name != "app":
        command.params.append(_ISOLATED_OPTION)
    return command
