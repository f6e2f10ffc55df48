"""A session in a real Jupyter kernel: what cells show, jobs beside its event loop, an interrupt."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import start_new_kernel
from nbformat.v4 import new_code_cell, new_notebook

from tests.conftest import ROOT
from tests.kernels import run_notebook

IRIS = ROOT / "sample_models" / "iris"
WIDGET = "application/vnd.jupyter.widget-view+json"


def shown(tmp_path: Path, *cells: str) -> list[dict[str, str]]:
    """What the last expression of each cell shows, by MIME type."""
    notebook = new_notebook(cells=list(map(new_code_cell, cells)))
    done = run_notebook(notebook, tmp_path)
    return [
        item["data"]
        for cell in done.cells
        for item in cell.outputs
        if item["output_type"] == "execute_result"
    ]


@pytest.mark.tensorflow
def test_cells_show_a_canvas_tables_and_answers(tmp_path: Path) -> None:
    model, facts, answers, later = shown(
        tmp_path,
        f"import inspector\nmodel = inspector.open_model({str(IRIS / 'saved_model')!r})\nmodel",
        "inspector.describe(model)",
        f"rows = dict(inspector.api.read_feeds({str(IRIS / 'iris.csv')!r}, model))\n"
        "inspector.predict(model, rows)",
        # The loop of the kernel runs: jobs are waited for in a thread as well.
        "import asyncio\n"
        "answer = await asyncio.to_thread(inspector.predict, model, rows)\n"
        "type(answer).__name__",
    )
    assert WIDGET in model
    assert "written by TensorFlow" in facts["text/html"]
    assert "150" in answers["text/html"]
    assert later["text/plain"] == "'Prediction'"


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[tuple[object, BlockingKernelClient]]:
    manager, client = start_new_kernel(
        cwd=str(tmp_path), env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.mark.tensorflow
def test_an_interrupt_ends_the_cell_and_the_kernel_goes_on(kernel) -> None:
    manager, client = kernel

    def run(code: str) -> dict:
        return client.execute_interactive(code, timeout=60, output_hook=lambda _message: None)

    start = (
        "import inspector\n"
        f"model = inspector.open_model({str(IRIS / 'saved_model')!r})\n"
        f"rows = dict(inspector.api.read_feeds({str(IRIS / 'iris.csv')!r}, model))\n"
        "inspector.predict(model, rows)"
    )
    assert run(start)["content"]["status"] == "ok"
    client.execute("while True:\n    inspector.predict(model, rows)")
    time.sleep(2)
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert run("inspector.predict(model, rows)")["content"]["status"] == "ok"
