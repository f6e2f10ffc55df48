"""The Predict page: the choice of feeds, and the job that runs the model on them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import streamlit as st

from inspector.errors import LimitExceeded
from inspector.graph import tensors
from inspector.jobs.requests import REQUESTS
from inspector.ui.screens import input_table, tflite
from inspector.ui.session import job_status, state
from inspector.ui.widgets import text, uploader
from inspector.view.table.node_table import NodeTable

SLOT = "predict"
ANSWER = state.OF_MODEL + "prediction"
FILES = state.OF_MODEL + "prediction_files"
"""The outputs of `ANSWER` as files."""
FED = state.OF_MODEL + "predicted_feeds"
"""The feeds of the last run of this page."""
KINDS = {
    "sample": "Sample rows",
    "random": "Random",
    "range": "range(n)",
    "typed": "Values",
    "file": "File",
}
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


def feeds_editor(model: state.OpenModel) -> tuple[Feeds | None, str]:
    """The choice of feeds.

    Returns: The spec for the job and its blobs (the bytes of files); None while incomplete, with
        what is missing.
    """
    kinds = [kind for kind in KINDS if kind != "sample" or model.feeds is not None]
    kind = st.segmented_control(
        "Inputs",
        kinds,
        default=kinds[0],
        required=True,
        key="feed_kind",
        format_func=KINDS.__getitem__,
        label_visibility="collapsed",
    )
    if kind == "sample" and model.feeds is not None:
        st.caption(f"The rows that come with the sample: {text.escape(model.feeds.name)}")
        return sample_feeds(model.feeds), ""
    if kind == "random":
        batch_column, seed_column = st.columns(2)
        batch = batch_column.number_input("Rows", 1, 1_000_000, DEFAULT_ROWS, key="feed_batch")
        seed = seed_column.number_input("Seed", 0, 2**31, 0, key="feed_seed")
        _warn_of_memory(model, int(batch))
        return ({"kind": "random", "batch": int(batch), "seed": int(seed)}, {}), ""
    if kind == "range":
        n = st.number_input("n", 1, 10_000_000, 100_000, step=1000, key="feed_n")
        st.caption("Every input gets 0, 1, 2 … n − 1 along its first dimension.")
        _warn_of_memory(model, int(n))
        return ({"kind": "range", "n": int(n)}, {}), ""
    inputs = input_table.inputs_of(model)
    if kind == "typed":
        typed = input_table.editor(inputs)
        if typed.problems:
            return None, typed.problems[0]
        spec = {"kind": "typed", "values": typed.values, "pictures": typed.pictures}
        return (spec, typed.blobs), ""
    st.caption("`.npz` or `.json` with values by input, or `.csv` with a column for each:")
    input_table.listing(inputs)
    feeds = _uploaded_feeds()
    return feeds, "" if feeds is not None else "Upload a file."


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
    for dtypes, shapes in set(zip(table.dtype.tolist(), table.shape.tolist(), strict=True)):
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
        state.error(f"{file.name}: the file is no longer on the server. Upload it again.")
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
        "files": slot == SLOT,
        "against": {},
    }
    if slot == SLOT:
        st.session_state[FED] = feeds
    if result is not None:
        args["against"] = {side: str(result.folder / file) for side, file in result.graphs.items()}
    job_status.start(
        slot, _request_kind(model), args, model.source, "Running the model", blobs=blobs
    )


def hint_of_failure() -> None:
    """After a run that failed on rows that were made here, what may help."""
    fed = st.session_state.get(FED)
    if job_status.failed(SLOT) and fed and fed[0]["kind"] in ("random", "range"):
        st.caption("Fewer rows take less time and memory.")


def _request_kind(model: state.OpenModel) -> str:
    return "predict_lite" if tflite.is_lite(model) else "predict"
