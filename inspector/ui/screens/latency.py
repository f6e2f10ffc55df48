"""Latency of the model as opened, frozen and optimised, measured on a click."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.measurement.rounds import BUDGET_S
from inspector.measurement.run_times import FEW_RUNS
from inspector.reporting.machine import cores
from inspector.ui.screens import predict, tflite
from inspector.ui.screens.output_comparison import FROZEN, OPTIMISED, kind_of, request
from inspector.ui.screens.timing import batch_sizes
from inspector.ui.session import job_status, results, state
from inspector.ui.widgets import tables, text

SLOT, KIND = "latency", "benchmark"
ANSWER = state.OF_MODEL + "latency"
RANGE = 100_000
"""Rows of the notebook that this project was created from."""
_BATCHES = (1, 32, RANGE)
_RIGHT = ("median", "p90", "p99", "rows per second", "load", "first run", "memory", "ratio")


def section(model: state.OpenModel, result: state.Optimised) -> None:
    """Rows per run, threads, the buttons that measure, and the last tables for this result."""
    if not tflite.require_runnable(model):
        return
    if (answer := job_status.finished(SLOT)) is not None:
        adopt(result, answer.value)
        results.keep_measurement(result, SLOT, KIND, name(answer.value), answer.value)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    batch = row.segmented_control(
        "Rows per run",
        _BATCHES,
        default=_BATCHES[0],
        required=True,
        key="latency_rows",
        format_func=text.number,
    )
    threads = _threads(row)
    most = predict.rows_that_fit(model.summary, predict.job_memory(model))
    is_too_large = most is not None and batch > max(most, 1)
    row.button(
        "Measure latency",
        key="measure_latency",
        on_click=start,
        args=(model, result, batch, threads),
        icon=":material/timer:",
        disabled=is_too_large,
        help=f"Up to {BUDGET_S:g} s after loading, less if the verdicts are clear sooner.",
    )
    batch_sizes.button(model, result, threads, row)
    if is_too_large:
        st.caption(f"A job has memory for about {text.count(most or 0, 'row')} of this model.")
    job_status.show(SLOT, stop=False)
    tables_of_result = [
        value
        for (folder, _), value in st.session_state.get(ANSWER, {}).items()
        if folder == str(result.folder)
    ]
    for value in sorted(tables_of_result, key=order):
        key = f"latency_{value['batch']}_{value['threads']}"
        tables.table(table(value), key=key, right=_RIGHT)
        st.caption(caption(value))
    batch_sizes.section(result)


def _threads(place: DeltaGenerator) -> int:
    """The threads that each graph may use; one where the machine has one core."""
    most = cores()
    if most == 1:
        return 1
    powers = takewhile(lambda threads: threads < most, (1 << power for power in range(10)))
    chosen: int = place.segmented_control(
        "Threads", (*powers, most), default=1, required=True, key="latency_threads"
    )
    return chosen


def order(value: dict[str, Any]) -> tuple[int, int]:
    """Where a measurement stands among those of a result: by rows, then by threads."""
    return value["batch"], value["threads"]


def name(value: dict[str, Any]) -> str:
    """The name of a measurement among those of a result."""
    return f"{KIND} {value['batch']} {value['threads']}"


def adopt(result: state.Optimised, value: dict[str, Any]) -> None:
    """Show a measurement of this result, in place of one with as many rows and threads."""
    measured = dict(st.session_state.get(ANSWER, {}))
    measured[str(result.folder), order(value)] = value
    st.session_state[ANSWER] = measured


def start(model: state.OpenModel, result: state.Optimised, batch: int, threads: int) -> None:
    """Start to measure the model as opened, frozen and optimised."""
    if batch == RANGE:
        spec: dict[str, Any] = {"kind": "range", "n": RANGE}
        blobs: dict[str, bytes] = {}
    else:
        spec, blobs = predict.default_feeds(model)
    args = {
        **request(model, result, [FROZEN, OPTIMISED]),
        "feeds": spec,
        "batch": batch,
        "threads": threads,
        "runs": None,
        "budget_s": BUDGET_S,
    }
    kind = kind_of(model, KIND)
    job_status.start(SLOT, kind, args, model.source, "Measuring latency", blobs=blobs)


def table(value: dict[str, Any]) -> pd.DataFrame:
    """One row per graph; ratio and verdict are against the first one."""
    frame = pd.DataFrame([_row(side, number) for number, side in enumerate(value["sides"])])
    return frame if frame["run by"].nunique() > 1 else frame.drop(columns="run by")


def caption(value: dict[str, Any]) -> str:
    """What was measured, and what the figures can bear."""
    parts = [
        f"{text.count(value['batch'], 'row')} per run, {text.count(value['threads'], 'thread')}, "
        "graphs alternating in one process, TensorFlow's graph optimiser off. The ratio is the "
        "median of paired runs with its 99 % interval."
    ]
    if any(side["runs"] < FEW_RUNS for side in value["sides"]):
        parts.append("A p99 in brackets comes from too few runs to rely on.")
    if any(side["judgement"]["clock"] == "cpu" for side in value["sides"]):
        parts.append("“By processor time”: the machine was too busy for wall time.")
    if value["ended"] == "budget":
        parts.append(f"The measurement used all of its {BUDGET_S:g} s.")
    return " ".join(parts)


def _row(side: dict[str, Any], number: int) -> dict[str, Any]:
    times, judgement = side["times"], side["judgement"]
    p99 = text.milliseconds(times["p99_ms"])
    by = ", by processor time" if judgement["clock"] == "cpu" else ""
    return {
        "graph": side["name"],
        "run by": side["runtime"],
        "verdict": judgement["verdict"] + by if number else "–",
        "ratio": text.ratio(judgement["ratio"], judgement["interval"]) if number else "1",
        "median": text.milliseconds(times["p50_ms"]),
        "p90": text.milliseconds(times["p90_ms"]),
        "p99": p99 if side["runs"] >= FEW_RUNS else f"({p99})",
        "rows per second": text.number(round(times["rows_per_s"])),
        "load": text.milliseconds(times["load_ms"]),
        "first run": text.milliseconds(times["first_ms"]),
        "memory": text.size(times["peak_rss_bytes"]),
    }
