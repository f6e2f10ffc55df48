"""Packages that an extra of the installation brings, and the sentence where one is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from inspector.errors import MissingPackage

IN_WORKERS: Mapping[str, str] = {
    "tensorflow": "run",
    "keras": "run",
    "ai_edge_litert": "run",
    "PIL": "run",
    "tf_keras": "keras2",
}
"""Modules that a worker imports, and the extra that installs them."""


def advice(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'tf-graph-inspector[{extra}]'"


@contextmanager
def needed(extra: str) -> Iterator[None]:
    """Import what an extra installs. Raises: MissingPackage, which names the extra."""
    try:
        yield
    except ModuleNotFoundError as err:
        package = (err.name or "").partition(".")[0]
        if package in ("", "inspector"):
            raise
        why = f"is not installed: {advice(extra)}"
        raise MissingPackage(package, "package", why) from err
