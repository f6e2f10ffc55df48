"""The command line: each command reads its flags, calls `inspector.api`, and prints the answer.

Exit status: 0 done; 1 an error of the model or the work, in one line (of a `sweep` also where one
model of many failed); 2 an error of the command line; 3 the command found what it looks for
(`scan`), a limit is not met (`compare`, `search`), or a required check found a violation; 4 a
required check could not be made; 130 Ctrl-C.
"""

from __future__ import annotations

import click

from inspector.cli import (
    benchmarking,
    changing,
    doctor,
    gate,
    optimising,
    quantising,
    reading,
    report,
    running,
    scan,
    slowest,
)
from inspector.cli.many import searching, sweeping
from inspector.cli.options import Commands
from inspector.cli.verbosity import add_options
from inspector.version import __version__

COMMANDS: tuple[click.Command, ...] = (
    running.app,
    reading.describe,
    reading.ops,
    changing.freeze,
    optimising.optimise,
    changing.convert,
    quantising.sensitivity,
    running.predict,
    benchmarking.benchmark,
    slowest.profile,
    gate.compare,
    searching.search,
    sweeping.sweep,
    scan.scan,
    reading.diff,
    reading.render,
    report.report,
    reading.transforms,
    reading.schema,
    changing.transform_graph,
    doctor.doctor,
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """See what is in a TensorFlow model, make it smaller, check what that did to its answers."""


for _command in COMMANDS:
    cli.add_command(add_options(_command))
