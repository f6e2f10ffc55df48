"""The command doctor: what this machine provides and what is missing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from inspector import api, text
from inspector.cli.options import JSON
from inspector.cli.output import show
from inspector.printing.text_tables import table
from inspector.settings import RUN_MODELS

MISSING = 1
"""Exit status where a part is missing that the defaults rely on."""

_RUNS = {"always": "any model", "samples": "only the samples", "never": "no model"}


@click.command()
@JSON
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """What this machine provides: sandbox, packages, room.

    Ends with status 1 where something is missing that the defaults rely on.
    """
    report = api.doctor()
    show(report, as_json, lambda: report_text(report))
    if report["problems"]:
        ctx.exit(MISSING)


def report_text(report: dict[str, Any]) -> str:
    """The report for people."""
    return "\n".join(
        [
            table(_rows(report)),
            "",
            *[f"missing: {text.plain(problem)}" for problem in report["problems"]],
            *([] if report["problems"] else ["nothing is missing"]),
        ]
    )


def _rows(report: dict[str, Any]) -> Iterable[tuple[str, object]]:
    box, worker, limits = report["sandbox"], report["worker"], report["limits"]
    root = ", root" if report["user"]["root"] else ""
    yield "Inspector", f"{report['inspector']}, Python {report['python']}"
    yield "machine", f"{report['machine']}, user {report['user']['id']}{root}"
    yield "Landlock", f"ABI {box['landlock_abi']}" if box["landlock_abi"] else "missing"
    calls = f"{box['system_calls']} system calls allowed, {box['system_calls_to_fetch']} to fetch"
    yield "seccomp", calls if box["seccomp"] else "missing"
    here, shared = (_RUNS[box["runs"][key]] for key in ("here", "on_a_server_that_others_reach"))
    yield "models run", f"{here} ({RUN_MODELS.name}={box['run_models']})"
    yield "", f"{shared} on a server that other machines reach"
    yield "worker", _of_worker(worker)
    memory = text.size(limits["job_memory_bytes"])
    yield "a job's limits", f"{limits['job_seconds']:.0f} s, {memory} and more for large models"
    yield "dot", report["programs"]["dot"] or "missing: the Graphviz in pygraphviz serves"
    for name, package in report["packages"].items():
        yield name, f"{package['version'] or 'missing'} (extra {package['extra']})"
    workspace = report["workspace"]
    yield "workspace", workspace["path"]
    if workspace["error"] is None:
        yield "", f"{text.size(workspace['free_bytes'])} free"
    else:
        yield "", f"cannot be written: {workspace['error']}"


def _of_worker(worker: dict[str, Any]) -> str:
    if worker["error"] is not None:
        return f"cannot be tried: {worker['error']}"
    escapes = {
        "reads_outside": "reads other files",
        "writes_outside": "writes other files",
        "has_network": "has the network",
        "starts_processes": "starts processes",
    }
    open_ways = [what for key, what in escapes.items() if worker[key]]
    op = "runs an op" if worker["runs_an_op"] else "cannot run an op"
    return ", ".join([op, *(open_ways or ["is refused files, network and processes"])])
