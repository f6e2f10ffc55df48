"""The Predict page: the choice of feeds, and the outputs before and after side by side."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from inspector.errors import LimitExceeded
from inspector.graph import tensors
from inspector.jobs.requests import REQUESTS
from inspector.ui.screens import tflite
from inspector.ui.session import job_status, state
from inspector.ui.widgets import copy_button, tables, text, uploader
from inspector.view.table.node_table import NodeTable

SLOT = "predict"
ANSWER = state.OF_MODEL + "prediction"
KINDS = {
    "sample": "Sample rows",
    "random": "Random",
    "range": "range(n)",
    "typed": "Typed",
    "file": "File",
}
_FIGURE_COLUMNS = ("median", "90 %", "rows per second", "of the original", "load", "first run")
Feeds = tuple[dict[str, Any], dict[str, bytes]]
"""What a job feeds: the arg ``feeds``, and the blobs, which hold the bytes of a file."""
DEFAULT_ROWS = 32
"""Random rows, for a model that comes without rows."""
MAX_FILE = 64 << 20
"""Most bytes of an uploaded file of feeds: the web process reads it into memory for the job."""
_RUNTIME_BYTES = 1 << 30
"""Address space that a job takes before it runs a model, about."""
_LIVE_TENSORS = 4
"""Tensors as large as the model's largest that exist at the same time, about."""
MAX_ROWS = 200
"""Most rows of an output."""


def feeds_editor(model: state.OpenModel) -> Feeds | None:
    """The choice of feeds.

    Returns: The spec for the job and its blobs (the bytes of a file); None while incomplete.
    """
    kinds = [kind for kind in KINDS if kind != "sample" or model.feeds is not None]
    kind = st.segmented_control(
        "Feeds",
        kinds,
        default=kinds[0],
        required=True,
        key="feed_kind",
        format_func=KINDS.__getitem__,
        label_visibility="collapsed",
    )
    if kind == "sample" and model.feeds is not None:
        st.caption(f"The rows that come with the sample: {text.escape(model.feeds.name)}")
        return sample_feeds(model.feeds)
    if kind == "random":
        batch_column, seed_column = st.columns(2)
        batch = batch_column.number_input("Rows", 1, 1_000_000, DEFAULT_ROWS, key="feed_batch")
        seed = seed_column.number_input("Seed", 0, 2**31, 0, key="feed_seed")
        _warn_of_memory(model, int(batch))
        return {"kind": "random", "batch": int(batch), "seed": int(seed)}, {}
    if kind == "range":
        n = st.number_input("n", 1, 10_000_000, 100_000, step=1000, key="feed_n")
        st.caption("Every feed gets 0, 1, 2 … n − 1 along its first dimension.")
        _warn_of_memory(model, int(n))
        return {"kind": "range", "n": int(n)}, {}
    if kind == "typed":
        return _typed(model)
    if kind == "file":
        st.caption("`.npz` with feeds by name, or `.csv` with a column for each.")
        return _uploaded_feeds()
    return None


def _warn_of_memory(model: state.OpenModel, rows: int) -> None:
    limit = job_memory(model)
    most = rows_that_fit(model.summary, limit)
    if most is not None and rows > most:
        st.warning(
            f"A job has {text.size(limit)} of memory, which is enough for about "
            f"{text.count(most, 'row')} of this model.",
            icon=":material/memory:",
        )


def job_memory(model: state.OpenModel) -> int:
    """Bytes of address space of the job that runs the model."""
    return REQUESTS[_request_kind(model)].limits.for_input(model.source.bytes).memory_bytes


def rows_that_fit(table: NodeTable, limit: int) -> int | None:
    """An estimate of how many rows a job can feed; None if no tensor grows with the rows.

    Args:
        limit: Bytes of address space of the job.
    """
    row_bytes = 0
    for dtypes, shapes in set(zip(table.dtype, table.shape, strict=True)):
        for dtype, dims in zip(table.dtypes[dtypes], table.shapes[shapes], strict=False):
            if dims and dims[0] is None:
                elements = math.prod(dim or 1 for dim in dims)
                row_bytes = max(row_bytes, elements * _itemsize(dtype))
    if not row_bytes:
        return None
    rows = max(0, limit - _RUNTIME_BYTES) // (_LIVE_TENSORS * row_bytes)
    step: int = 10 ** max(0, len(str(rows)) - 2)
    return rows // step * step


def _itemsize(dtype: str) -> int:
    try:
        return tensors.itemsize(tensors.dtype_enum(dtype))
    except KeyError:  # a dtype that this version of TensorFlow does not have
        return 0


def _uploaded_feeds() -> Feeds | None:
    """The uploaded file of feeds; None without one that can be read."""
    file = uploader.uploader("feed_file", folder=False, limit=MAX_FILE)
    if file is None:
        return None
    try:
        if file.bytes > MAX_FILE:
            raise LimitExceeded(file.name, "feeds", f"more than {text.size(MAX_FILE)}")
        return {"kind": "file", "name": file.name}, {"feeds": file.path.read_bytes()}
    except OSError:
        state.error(f"{file.name}: feeds: the file is not in the workspace any more: send it again")
    except LimitExceeded as err:
        state.error(err)
    return None


def default_feeds(model: state.OpenModel) -> Feeds:
    """The rows that come with the model, else random ones."""
    if model.feeds is not None:
        return sample_feeds(model.feeds)
    return {"kind": "random", "batch": DEFAULT_ROWS, "seed": 0}, {}


def sample_feeds(path: Path) -> Feeds:
    """The rows that come with a sample, as spec and blobs for a job."""
    return {"kind": "file", "name": path.name}, {"feeds": path.read_bytes()}


def start(
    slot: str,
    model: state.OpenModel,
    result: state.Optimised | None,
    feeds: Feeds,
    runs: int = 15,
) -> None:
    """Start the job that runs the model and the optimised graphs on the same feeds."""
    spec, blobs = feeds
    args: dict[str, Any] = {
        **model.graph_choice,
        "outputs": result.outputs if result is not None else state.outputs(),
        "feeds": spec,
        "runs": runs,
        "against": {},
    }
    if result is not None:
        names = {"frozen": "frozen.pb", "optimised": "optimised.pb"}
        args["against"] = {side: str(result.folder / file) for side, file in names.items()}
    job_status.start(
        slot, _request_kind(model), args, model.source, "Running the model", blobs=blobs
    )


def _request_kind(model: state.OpenModel) -> str:
    return "predict_lite" if tflite.is_lite(model) else "predict"


def answers(value: dict[str, Any]) -> None:
    """Output comparison, latency, and the first rows of each output side by side."""
    sides = value["sides"]
    if value["agreement"]:
        st.subheader("Do they agree?")
        right = ("largest difference", "mean difference")
        tables.table(agreement_table(value), key="agreement", right=right)
    st.subheader("Latency")
    tables.table(latency_table(value), key="latency", right=_FIGURE_COLUMNS)
    how = value.get("runtime") or "the runtime's own optimiser is off on all sides"
    st.caption(
        f"{text.count(value['rows'], 'row')} a run, {text.count(value['runs'], 'run')} of each in "
        f"turn; {how}."
    )
    st.subheader("Outputs")
    for name, output in value["outputs"].items():
        copy_button.box(name)
        rows = output["shape"][0] if output["shape"] else 1
        cut = f" · the first {MAX_ROWS} rows" if rows > MAX_ROWS else ""
        st.caption(f"{output['dtype']} · {text.shape(output['shape'])}{cut}")
        columns = st.columns(len(sides))
        for column, side in zip(columns, sides, strict=True):
            column.caption(side["name"])
            column.dataframe(
                _frame(output["heads"][side["name"]]), key=f"out_{name}_{side['name']}"
            )


def agreement_table(value: dict[str, Any]) -> pd.DataFrame:
    """One row per output and graph: its difference from the model as opened."""
    rows = []
    for side, outputs in value["agreement"].items():
        for name, figures in outputs.items():
            rows.append(
                {
                    "output": name,
                    "graph": side,
                    "largest difference": _figure(figures["max_abs"]),
                    "mean difference": _figure(figures["mean_abs"]),
                    "class changes": figures["rows_changed"],
                    "rows": value["rows"],
                    "verdict": "identical" if figures["equal"] else figures.get("why") or "differs",
                }
            )
    return pd.DataFrame(rows)


def latency_table(value: dict[str, Any]) -> pd.DataFrame:
    """One row per graph."""
    base = value["sides"][0]["p50_ms"]
    return pd.DataFrame(
        [
            {
                "graph": side["name"],
                "median": text.milliseconds(side["p50_ms"]),
                "90 %": text.milliseconds(side["p90_ms"]),
                "rows per second": text.number(round(side["rows_per_s"])),
                "of the original": f"{side['p50_ms'] / base:.2f} ×" if base else "–",
                "load": text.milliseconds(side["load_ms"]),
                "first run": text.milliseconds(side["first_ms"]),
            }
            for side in value["sides"]
        ]
    )


def _typed(model: state.OpenModel) -> Feeds | None:
    values = {}
    for slot in model.drawn["placeholders"]:
        with st.container(gap="xsmall"):
            copy_button.box(slot["name"])
            st.caption(f"{slot['dtype']} · {text.shape(slot['shape'])}")
            typed = st.text_area(
                "Values",
                key=f"typed_{slot['name']}",
                placeholder=example(slot["dtype"], slot["shape"]),
                height=80,
                label_visibility="collapsed",
            )
        if typed:
            values[slot["name"]] = typed
    return ({"kind": "typed", "values": values}, {}) if values else None


def example(dtype: str, shape: list[int | None] | None) -> str:
    """An example to type for a placeholder, e.g. ``[[0.5, 0.5], [0.5, 0.5]]`` for ``[None, 2]``."""
    element = {"string": '"some text"', "bool": "true"}.get(dtype, "1")
    if dtype.startswith(("float", "double", "bfloat", "half")):
        element = "0.5"
    dims = list(shape) if shape is not None else []
    literal = element
    for place, dim in reversed(list(enumerate(dims))):
        times = dim if dim is not None else (2 if place == 0 else 1)
        literal = f"[{', '.join([literal] * min(times, 3))}{', …' if times > 3 else ''}]"
    return literal


def _frame(rows: list[Any]) -> pd.DataFrame:
    lists = [row if isinstance(row, list) else [row] for row in rows]
    frame = pd.DataFrame([[text.rounded(value) for value in row] for row in lists])
    frame.columns = [str(name) for name in frame.columns]
    return frame


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
