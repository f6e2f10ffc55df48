"""The Search page: goals, the run of the search, its chart and table, and what to do with one."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.client.comparing import packed_labels
from inspector.jobs.client.default_runner import default_runner
from inspector.optimisation.feeding.label_files import label_columns, read_labels
from inspector.optimisation.optimise_options import OptimiseOptions
from inspector.searching.outcome import Measured, SearchResult
from inspector.ui.screens import optimise, tflite
from inspector.ui.screens.quantising import samples_choice
from inspector.ui.server import model_links
from inspector.ui.session import inbox, open_model, searches, state
from inspector.ui.widgets import charts, copy_button, pipeline, search_chart, tables, text, uploader

POLL_S = 1.0
"""Seconds between two drawings of a search that runs."""
_MIB = 1 << 20
_MAX_LABELS = 16 << 20
"""Most bytes of a file of labels: the web process reads it."""
LABELS = "search_labels"
LABEL_COLUMN = "search_label_column"
_RIGHT = ("size", "latency", "difference", "same top-1", "accuracy")


def rows_and_labels(model: state.OpenModel) -> None:
    """The rows that outputs are compared on, and their labels."""
    samples_choice.choose(model, needed=False, requests=False)
    if samples_choice.chosen(model, needed=False) == samples_choice.RANDOM:
        st.caption("Real rows are better: on random ones a prediction flips more easily.")
    with st.expander("Labels from a file", icon=":material/label:"):
        st.caption(
            "The correct answer for each row, to measure accuracy: a text file with one per line, "
            "or a `.csv` or `.npz`. A label is a class number, a class name, or a target value."
        )
        file = uploader.uploader(LABELS, folder=False, limit=_MAX_LABELS)
        if file is None:
            return
        try:
            columns = label_columns(file.path)
            if columns:
                st.selectbox("Column", columns, key=LABEL_COLUMN)
            labels = _labels()
            assert labels is not None
            st.caption(f"{text.count(len(labels), 'label')}.")
        except InspectorError as err:
            state.error(err)


def label_file() -> str:
    """The hash of the file of labels in the workspace, for an address; empty without one."""
    file = inbox.inbox(LABELS).model
    return "" if file is None else file.hash


def restore_label_file(identifier: str) -> None:
    """Take the file of labels that an address names, if the workspace still has it.

    Args:
        identifier: Of an address, so anything.
    """
    box = inbox.inbox(LABELS)
    file = model_links.stored(identifier)
    if box.model is None and file is not None and file.path.is_file() and file.bytes <= _MAX_LABELS:
        box.model, box.lease = file, default_runner().workspace.lease(file.path)


def _labels() -> Any:
    """The labels that were sent, as an array; None without. Raises: InspectorError."""
    file = inbox.inbox(LABELS).model
    if file is None:
        return None
    columns = label_columns(file.path)
    column = st.session_state.get(LABEL_COLUMN)
    return read_labels(file.path, column if column in columns else next(iter(columns), None))


def goals() -> None:
    """The limits, in the user's words."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    row.number_input(
        "Size, at most MiB", 0.001, None, None, 0.5, key="goal_size", placeholder="any", format="%g"
    )
    row.number_input(
        "Difference, at most",
        0.0,
        None,
        None,
        0.01,
        key="goal_difference",
        placeholder="any",
        format="%g",
        help="The largest absolute difference of any output value from the frozen model's.",
    )
    row.number_input(
        "Top-1 same, at least %",
        0.0,
        100.0,
        None,
        1.0,
        key="goal_agreement",
        placeholder="any",
        format="%g",
        help="The share of rows whose top-1 prediction is that of the frozen model.",
    )
    row.number_input(
        "Accuracy, at least %",
        0.0,
        100.0,
        None,
        1.0,
        key="goal_accuracy",
        placeholder="any",
        format="%g",
        disabled=inbox.inbox(LABELS).model is None,
        help="The share of rows with the correct prediction. Upload labels to use it.",
    )
    row.number_input(
        "Latency, at most %",
        0.1,
        None,
        None,
        10.0,
        key="goal_latency",
        placeholder="any",
        format="%g",
        help="Relative to the frozen model: 50 is half its latency.",
    )


def limits() -> dict[str, float]:
    """The goals as limits by name, as `inspector.search` takes them."""
    factors = {
        "max_bytes": ("goal_size", _MIB),
        "max_difference": ("goal_difference", 1),
        "min_agreement": ("goal_agreement", 0.01),
        "min_accuracy": ("goal_accuracy", 0.01),
        "max_latency_ratio": ("goal_latency", 0.01),
    }
    typed = {name: st.session_state.get(key) for name, (key, _) in factors.items()}
    return {
        name: float(value) * factors[name][1] for name, value in typed.items() if value is not None
    }


def start_button(model: state.OpenModel) -> None:
    """Start a search, or stop the running one."""
    running = searches.current()
    is_lite = tflite.is_lite(model)
    if running is not None and running.is_running:
        st.button("Stop", key="stop_search", icon=":material/stop:", on_click=running.stop)
        return
    blocker = tflite.cannot_run(model) or samples_choice.missing(model, needed=False)
    if not (blocker or is_lite):
        blocker = optimise.blocker(model)
    if blocker:
        st.warning(text.escape(blocker, 700), icon=":material/block:")
        return
    st.button(
        "Search",
        key="start_search",
        type="primary",
        icon=":material/search:",
        on_click=_start,
        args=(model,),
        help="Builds, compares and times about twenty candidates. Results are kept: after a stop, "
        "the search continues from there.",
    )


def _start(model: state.OpenModel) -> None:
    outputs = state.outputs()
    if not outputs and model.signature is None:
        outputs = [item["name"] for item in model.facts["suggested_outputs"][:1]]
    options = OptimiseOptions(
        tuple(state.inputs()) or None, tuple(outputs) or None, "", signature=model.signature
    )
    try:
        spec, blobs = samples_choice.feeds(model)
        bounds, labels = limits(), _labels()
        if labels is None:
            bounds.pop("min_accuracy", None)
        else:
            blobs = {**blobs, "labels": packed_labels(labels)}
        searches.start(model, options, (spec, blobs), bounds, is_lite=tflite.is_lite(model))
    except InspectorError as err:
        st.session_state[ERROR] = str(err)
    else:
        st.session_state.pop(ERROR, None)


ERROR = state.OF_MODEL + "search_error"
"""Why the last search could not be started."""


def outcome(model: state.OpenModel) -> None:
    """The search that runs or has ended: progress, chart, table, and one candidate to take."""
    if (refused := st.session_state.get(ERROR)) is not None:
        state.error(refused)
    running = searches.current()
    if running is None:
        return
    if running.is_running:
        _live()
        return
    if running.error is not None:
        state.error(running.error)
    result = running.result()
    if result is None:
        return
    _headline(result)
    _figures(result)
    _take(model, result)


@st.fragment(run_every=POLL_S)
def _live() -> None:
    """Progress, chart and table of a running search, drawn every second."""
    running = searches.current()
    if running is None or not running.is_running:
        st.rerun()
    fraction, step = running.progress
    st.progress(min(max(fraction or 0.0, 0.0), 1.0), text=text.escape(step, 200))
    result = running.result()
    if result is not None:
        _figures(result)


def _headline(result: SearchResult) -> None:
    seconds = f"{result.seconds:.0f} s"
    if result.is_stopped:
        st.info(f"Stopped after {seconds}. Search continues from here.", icon=":material/cancel:")
    elif not result.best:
        st.warning("No candidate is within the limits.", icon=":material/block:")
    else:
        best = ", ".join(result.best)
        st.success(f"Best after {seconds}: {text.escape(best, 300)}", icon=":material/star:")


def _figures(result: SearchResult) -> None:
    entries = result.to_dict()["candidates"]
    chart = search_chart.chart(entries)
    if chart is not None:
        charts.show(chart, key="search_chart")
        st.caption(
            "Each point is a candidate: further left is faster, further down is smaller. Diamonds "
            "are the best. A line is the 99 % interval of the latency; where two overlap, neither "
            "candidate is known to be faster."
        )
    frame = table(entries)
    right = [name for name in _RIGHT if name in frame]
    tables.table(frame, key="search_table", rows_shown=22, right=right)


def table(entries: list[dict[str, Any]]) -> pd.DataFrame:
    """One row per candidate, the best first.

    Args:
        entries: ``candidates`` of the JSON of a search.
    """
    ordered = sorted(entries, key=lambda entry: not entry["best"])
    rows = [_row(entry) for entry in ordered]
    if all(entry["accuracy"] is None for entry in entries):
        rows = [{name: cell for name, cell in row.items() if name != "accuracy"} for row in rows]
    return pd.DataFrame(rows)


def _row(entry: dict[str, Any]) -> dict[str, str]:
    ratio, interval = entry["latency_ratio"], entry["interval"]
    spread = "" if interval is None else f" ({interval[0]:.2g} to {interval[1]:.2g})"
    difference, agreement = entry["max_difference"], entry["argmax_equal"]
    accuracy = entry["accuracy"]
    if entry["error"]:
        state_of = entry["error"]
    elif difference is None:
        state_of = "not measured yet"
    else:
        state_of = "within the limits" if entry["within_limits"] else "outside the limits"
    return {
        "candidate": f"★ {entry['name']}" if entry["best"] else entry["name"],
        "size": "–" if entry["bytes"] is None else text.size(entry["bytes"]),
        "latency": "–" if ratio is None else f"{ratio:.3g} ×{spread}",
        "difference": "–" if difference is None else f"{difference:.3g}",
        "same top-1": "–" if agreement is None else f"{100 * agreement:.2f} %",
        "accuracy": "–" if accuracy is None else f"{100 * accuracy:.2f} %",
        "status": state_of,
    }


def _take(model: state.OpenModel, result: SearchResult) -> None:
    """Open one candidate as a full before and after, or as a TFLite model."""
    ready = [item for item in result.measured if item.path is not None and item.error is None]
    ready.sort(key=lambda item: not item.is_best)
    if not ready:
        return
    st.subheader("Use a candidate")
    names = [item.name for item in ready]
    name = st.selectbox("Candidate", names, key="search_candidate", label_visibility="collapsed")
    item = ready[names.index(name)]
    row = st.container(horizontal=True)
    if item.path is not None and item.path.is_file():
        _lite_buttons(row, model, item)
    elif row.button("Before and after", key="take_candidate", icon=":material/compare_arrows:"):
        pipeline.load(item.candidate.transforms)
        optimise.start(model)
        st.switch_page("pages/optimise.py")
    if item.candidate.transforms:
        copy_button.box(item.candidate.transforms)


def _lite_buttons(row: Any, model: state.OpenModel, item: Measured) -> None:
    path = item.path
    assert path is not None
    if not path.is_file():
        state.error("The file is no longer in the workspace. Search again.")
        return
    row.download_button(
        f"TFLite model · {text.size(path.stat().st_size)}",
        data=path.read_bytes,
        file_name=f"{text.file_stem(model.name)}_{text.file_stem(item.name)}.tflite",
        mime="application/octet-stream",
        key="download_candidate",
        icon=":material/download:",
        on_click="ignore",
    )
    if row.button("Open this model", key="open_candidate", icon=":material/folder_open:"):
        open_model.attempt(open_model.open_made, path, model.source)
