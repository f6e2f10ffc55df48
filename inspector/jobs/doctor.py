"""What this machine gives Inspector: the sandbox, programs and packages, room, and what is missing.

TensorFlow is not imported here: packages are asked for their versions, and one job tries the rest.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from inspector import extras, settings
from inspector.errors import InspectorError, WorkspaceError
from inspector.jobs.requests import MIB, REQUESTS, Limits
from inspector.jobs.runner import TENSORFLOW, LocalRunner
from inspector.jobs.sandbox import enter, syscalls
from inspector.jobs.sandbox.policy import RunPolicy
from inspector.jobs.store.home import default_root, translated
from inspector.jobs.store.workspace import Workspace
from inspector.schemas import stamped

PACKAGES: Mapping[str, str] = {
    "tensorflow": "run",
    "keras": "run",
    "ai-edge-litert": "tflite",
    "streamlit": "app",
    "pygraphviz": "draw",
    "tf_keras": "keras2",
    "litert-quantizer": "quantise",
    "fsspec": "urls",
    "anywidget": "notebook",
    "distributed": "cluster",
    "authlib": "signin",
}
"""What is looked for, and the extra that installs it."""
_DEFAULTS = ("run", "app", "tflite")
"""Extras that the app and the commands which run a model rely on."""

_MUST_FAIL: Mapping[str, str] = {
    "reads_outside": "reads files outside of its job",
    "writes_outside": "writes files outside of its job",
    "has_network": "has the network",
    "starts_processes": "starts processes",
}
_MUST_WORK: Mapping[str, str] = {
    "writes_own_folder": "cannot write to its own folder",
    "no_new_privileges": "can gain privileges",
    "runs_an_op": "cannot run an op of TensorFlow",
}


def examine() -> dict[str, Any]:
    """Look at everything; takes as long as TensorFlow takes to start in a worker.

    Returns: JSON as docs/sandbox.md has it. ``problems`` are sentences on what is missing that the
    defaults rely on; none means that all is well.
    """
    workspace = _workspace()
    report: dict[str, Any] = {
        **stamped({}),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "user": {"id": os.geteuid(), "root": os.geteuid() == 0},
        "sandbox": _sandbox(),
        "worker": _worker(),
        "limits": _limits(),
        "programs": {"dot": _dot()},
        "packages": {
            name: {"version": _version(name), "extra": extra} for name, extra in PACKAGES.items()
        },
        "workspace": workspace,
    }
    report["problems"] = _problems(report)
    return report


def _sandbox() -> dict[str, Any]:
    parts = enter.parts()
    here = syscalls.machine()
    allowed = [call for call in syscalls.SYSCALLS if here and call.number(here) is not None]
    return {
        "landlock_abi": parts.landlock,
        "seccomp": parts.seccomp,
        "system_calls": sum(not call.network for call in allowed),
        "system_calls_to_fetch": len(allowed),
        "missing": parts.missing(),
        "run_models": settings.RUN_MODELS(),
        "runs": {
            "here": RunPolicy().mode(),
            "on_a_server_that_others_reach": RunPolicy(exposed=True).mode(),
        },
    }


def _worker() -> dict[str, Any]:
    """What a job that tries the sandbox tells of it; ``error`` where it cannot be run."""
    request = REQUESTS["self_test"]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="inspector-") as folder,
            LocalRunner(
                Workspace(Path(folder) / "workspace"), requests={request.kind: request}
            ) as runner,
        ):
            secret = Path(folder) / "secret"
            secret.write_text("a file of the server")
            value = runner.run(request.kind, {"secret": str(secret)}).value
            status = runner.status().templates[TENSORFLOW]
    except (InspectorError, OSError) as err:
        return {"error": str(err)}
    return {**value, "starts_by": status.mode, "error": None}


def _limits() -> dict[str, Any]:
    limits = Limits()
    return {
        "job_seconds": limits.wall_s,
        "job_processor_seconds": limits.cpu_s,
        "job_memory_bytes": limits.memory_bytes,
        "job_memory_per_byte_of_the_model": limits.memory_per_byte,
        "job_file_bytes": limits.file_bytes,
        "settings": {item.name: item.text or item.default for item in settings.SETTINGS},
    }


def _workspace() -> dict[str, Any]:
    """Where it is, whether it can be written to, what is left on its disk."""
    root = default_root()
    facts: dict[str, Any] = {"path": str(root), "error": None, "free_bytes": None}
    try:
        with translated(root):
            Workspace(root)
            with tempfile.TemporaryFile(dir=root / "tmp") as file:
                file.write(b"x")
            facts["free_bytes"] = shutil.disk_usage(root).free
    except WorkspaceError as err:
        facts["error"] = err.why
    facts["max_bytes"] = settings.WORKSPACE_SIZE()
    return facts


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _dot() -> str | None:
    program = shutil.which("dot")
    if program is None:
        return None
    try:
        done = subprocess.run([program, "-V"], capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    words = (done.stderr or done.stdout).decode(errors="replace").split()
    return next((word for word in words if word[:1].isdigit()), None)


def _problems(report: Mapping[str, Any]) -> list[str]:
    problems = list(report["sandbox"]["missing"])
    worker, workspace, packages = report["worker"], report["workspace"], report["packages"]
    if worker["error"] is not None:
        problems.append(f"a worker cannot be tried: {worker['error']}")
    else:
        # What a missing part opens is told by that part.
        complete = not problems
        problems += [
            f"a worker {can}" for key, can in _MUST_FAIL.items() if complete and worker[key]
        ]
        problems += [f"a worker {cannot}" for key, cannot in _MUST_WORK.items() if not worker[key]]
        if sys.platform == "linux" and worker["capabilities"]:
            problems.append("a worker has capabilities")
    problems += [
        f"{name} is not installed: {extras.advice(package['extra'])}"
        for name, package in packages.items()
        if package["extra"] in _DEFAULTS and package["version"] is None
    ]
    if report["programs"]["dot"] is None and packages["pygraphviz"]["version"] is None:
        problems.append("neither Graphviz (dot) nor pygraphviz is installed: no picture is drawn")
    if workspace["error"] is not None:
        serves = "" if settings.WORKSPACE() else "; until then temporary folders serve"
        problems.append(f"the workspace cannot be written: {workspace['error']}{serves}")
    elif workspace["free_bytes"] < settings.UPLOAD_SIZE():
        free = workspace["free_bytes"] // MIB
        problems.append(
            f"the workspace's disk has {free:,} MiB left, less than one upload may take"
        )
    return problems
