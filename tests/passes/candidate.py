"""For tests/data/gtt/run_cases.py: ``--candidate tests.passes.candidate:transform``."""

from __future__ import annotations

from typing import Any

from inspector.api.transform_graph import TransformGraph


def transform(graph_def: Any, inputs: list[str], outputs: list[str], transforms: str) -> Any:
    """The tool's call, as the judge makes it."""
    return TransformGraph(graph_def, inputs, outputs, [transforms])
