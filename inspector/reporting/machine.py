"""What a report was measured with: releases and the machine."""

from __future__ import annotations

import os
import platform
import re
from importlib import metadata
from pathlib import Path

_PACKAGES = {
    "Inspector": "tf-graph-inspector",
    "TensorFlow": "tensorflow",
    "LiteRT": "ai-edge-litert",
    "numpy": "numpy",
}


def machine_facts() -> dict[str, str]:
    """Title to text, in the order to be shown."""
    facts = {}
    for title, package in _PACKAGES.items():
        try:
            facts[title] = metadata.version(package)
        except metadata.PackageNotFoundError:
            facts[title] = "not installed"
    facts["Python"] = platform.python_version()
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    facts["Machine"] = ", ".join(filter(None, [system, f"{cores()} cores", _processor()]))
    return facts


def cores() -> int:
    """The processor's cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    """The processor's name, where Linux tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    name = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return name[1].strip() if name else ""
