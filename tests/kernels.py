"""Runs notebooks in a Jupyter kernel of this environment."""

from __future__ import annotations

import os
from pathlib import Path

from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.conftest import ROOT


def run_notebook(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """The notebook with its outputs.

    Raises: CellExecutionError with the traceback of the cell that failed.
    """
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute(env={**os.environ, "PYTHONPATH": str(ROOT)})
