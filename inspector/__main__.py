"""``inspector`` and ``python -m inspector``: the command line.

Ctrl-C ends it with status 130, while it is still importing too; so little else is imported here.
"""

import os
import signal
from types import FrameType

from inspector.cli.statuses import INTERRUPTED


def main() -> None:
    """Run the command line."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # a shell ignores it for what runs in the background
        signal.signal(signal.SIGINT, _end)
    from inspector.cli.main import cli

    signal.signal(signal.SIGINT, usual)
    cli(prog_name="inspector")


def _end(_number: int, _frame: FrameType | None) -> None:
    """End at once: an exception in the middle of an import would be a traceback."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
