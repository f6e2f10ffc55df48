"""Latency by batch size of the model as opened and optimised: two charts and a table."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.measurement.batch_sweep import BATCHES
from inspector.measurement.rounds import BUDGET_S
from inspector.ui.screens import predict
from inspector.ui.screens.output_comparison import OPTIMISED, kind_of, request
from inspector.ui.session import job_status, results, state
from inspector.ui.widgets import charts, tables, text

SLOT, KIND = "batch_sizes", "benchmark_batches"
ANSWER = state.OF_MODEL + "batch_sizes"
MEDIAN, RATE = "median, ms", "rows per second"


def button(
    model: state.OpenModel, result: state.Optimised, threads: int, place: DeltaGenerator
) -> None:
    """The button that measures batch sizes, as far as a job has memory for them."""
    most = predict.rows_that_fit(model.summary, predict.job_memory(model))
    batches = [batch for batch in BATCHES if most is None or batch <= max(most, 1)]
    place.button(
        "Measure batch sizes",
        key="measure_batch_sizes",
        on_click=start,
        args=(model, result, batches, threads),
        icon=":material/show_chart:",
        help=f"{', '.join(map(str, batches))} rows per run, one after the other, up to "
        f"{BUDGET_S:g} s for all of them after loading.",
    )


def section(result: state.Optimised) -> None:
    """The running job; the charts and the table of the last sweep of this result."""
    if (answer := job_status.finished(SLOT)) is not None:
        adopt(result, answer.value)
        results.keep_measurement(result, SLOT, KIND, KIND, answer.value)
    job_status.show(SLOT, stop=False)
    value = st.session_state.get(ANSWER, {}).get(str(result.folder))
    if value is not None:
        _show(value)


def adopt(result: state.Optimised, value: dict[str, Any]) -> None:
    """Show a sweep of this result, in place of an earlier one."""
    measured = st.session_state.get(ANSWER, {})
    st.session_state[ANSWER] = {**measured, str(result.folder): value}


def start(
    model: state.OpenModel, result: state.Optimised, batches: list[int], threads: int
) -> None:
    """Start to measure the model as opened and optimised, one batch size after the other."""
    spec, blobs = predict.default_feeds(model)
    args = {
        **request(model, result, [OPTIMISED]),
        "feeds": spec,
        "batch": None,
        "batches": batches,
        "threads": threads,
        "budget_s": BUDGET_S,
    }
    kind = kind_of(model, KIND)
    job_status.start(SLOT, kind, args, model.source, "Measuring batch sizes", blobs=blobs)


def _show(value: dict[str, Any]) -> None:
    measured = [batch for batch in value["batches"] if batch["sides"]]
    frame = points(measured)
    latency_place, rate_place = st.columns(2)
    charts.show(charts.by_batch(frame, MEDIAN), key="batch_sizes_latency", place=latency_place)
    charts.show(charts.by_batch(frame, RATE), key="batch_sizes_rate", place=rate_place)
    rows = [_row(batch) for batch in measured]
    tables.table(rows, key="batch_sizes", right=list(rows[0])[1:-1])
    st.caption(
        f"{text.count(value['threads'], 'thread')}, graphs alternating in one process, "
        f"{value['budget_s']:g} s for all batch sizes. The ratio is the median of paired runs with "
        "its 99 % interval."
    )
    for batch in value["batches"]:
        if batch["why"]:
            rows_of_it = text.count(batch["batch"], "row")
            st.caption(f"{rows_of_it} not measured: {text.escape(batch['why'], 400)}")


def points(measured: list[dict[str, Any]]) -> pd.DataFrame:
    """The medians and rates by ``batch`` and ``graph``."""
    return pd.DataFrame(
        [
            {
                "batch": batch["batch"],
                "graph": side["name"],
                MEDIAN: side["times"]["p50_ms"],
                RATE: side["times"]["rows_per_s"],
            }
            for batch in measured
            for side in batch["sides"]
        ]
    )


def _row(batch: dict[str, Any]) -> dict[str, Any]:
    times = {side["name"]: side["times"] for side in batch["sides"]}
    judgement = batch["sides"][-1]["judgement"]
    by = ", by processor time" if judgement["clock"] == "cpu" else ""
    return {
        "rows per run": batch["batch"],
        **{f"median, {name}": text.milliseconds(it["p50_ms"]) for name, it in times.items()},
        "ratio": text.ratio(judgement["ratio"], judgement["interval"]),
        **{f"rows/s, {name}": text.number(round(it["rows_per_s"])) for name, it in times.items()},
        "verdict": judgement["verdict"] + by,
    }
