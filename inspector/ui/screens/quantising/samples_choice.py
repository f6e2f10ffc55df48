"""The rows that a recipe measures ranges on, or that answers are compared on; checked by a job."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import streamlit as st

from inspector.ui.screens import predict
from inspector.ui.session import inbox, job_status, open_model, state
from inspector.ui.widgets import text, uploader

SLOT = "samples"
KIND = state.OF_MODEL + "samples"
FILE_FIELD = "samples_file"
_CHECKED = state.OF_MODEL + "checked_samples"
_STARTED = state.OF_MODEL + "started_samples"
RANDOM, OWN, PREDICT, FILE = "random", "own", "predict", "file"
_LABELS = {
    RANDOM: "Random rows",
    OWN: "With the model",
    PREDICT: "From Predict",
    FILE: "File",
}
_WARMUP = "assets.extra/tf_serving_warmup_requests"
PREDICTED = "rows.npz"
"""The file in a command for rows that were typed or generated on the Predict page."""
Source = tuple[dict[str, Any] | None, dict[str, bytes]]
"""What a job gets: the JSON of the feeds, and the blobs."""


def choose(model: state.OpenModel, *, needed: bool, requests: bool = True) -> None:
    """Where the samples come from, and below it whether they fit the model.

    Args:
        requests: Offer the requests that a SavedModel keeps for TensorFlow Serving.
    """
    kinds = _kinds(model, needed=needed)
    if not requests and model.feeds is None and OWN in kinds:
        kinds.remove(OWN)
    if st.session_state.get(KIND) not in kinds:
        st.session_state.pop(KIND, None)
    st.segmented_control(
        "Samples",
        kinds,
        default=_default(model, kinds),
        required=True,
        key=KIND,
        format_func=_LABELS.__getitem__,
        help="Rows like those that the model will see. "
        + ("Value ranges are calibrated on them: use a few hundred. " if needed else "")
        + "Outputs before and after are compared on them.",
        persist_state="session",
    )
    kind = chosen(model, needed=needed)
    if kind == FILE:
        st.caption("`.npz` or `.json` with values by input, or `.csv` with a column for each")
        uploader.uploader(FILE_FIELD, folder=False, limit=predict.MAX_FILE)
    elif kind == OWN:
        st.caption(_own(model))
    elif kind == PREDICT and predict.FED not in st.session_state:
        st.caption("Nothing has been run on the Predict page yet.")
        st.page_link("pages/predict.py", label="Predict", icon=":material/play_arrow:")
    _check(model)


def chosen(model: state.OpenModel, *, needed: bool) -> str:
    """The chosen source, a key of `_LABELS`."""
    kinds = _kinds(model, needed=needed)
    kind = st.session_state.get(KIND)
    return str(kind) if kind in kinds else _default(model, kinds)


def source(model: state.OpenModel) -> Source:
    """What a job gets: None for random rows, and for requests that it reads in the model."""
    kind = st.session_state.get(KIND) or _default(model, _kinds(model, needed=False))
    if kind == OWN and model.feeds is not None:
        return _named(predict.sample_feeds(model.feeds))
    if kind == PREDICT and predict.FED in st.session_state:
        return _named(st.session_state[predict.FED])
    if kind == FILE and (file := inbox.inbox(FILE_FIELD).model) is not None:
        try:
            return _named(({"kind": "file", "name": file.name}, {"feeds": file.path.read_bytes()}))
        except OSError:
            return None, {}
    return None, {}


def feeds(model: state.OpenModel) -> predict.Feeds:
    """The chosen rows as the Predict page gives them; random ones where none are chosen."""
    spec, blobs = source(model)
    if spec is None:
        return {"kind": "random", "batch": predict.DEFAULT_ROWS, "seed": 0}, {}
    return spec, {"feeds" if name == "samples" else name: data for name, data in blobs.items()}


def missing(model: state.OpenModel, *, needed: bool) -> str:
    """What the choice lacks, as a sentence; empty where there are samples."""
    kind = chosen(model, needed=needed)
    if kind == FILE and inbox.inbox(FILE_FIELD).model is None:
        return "Upload a file of samples, or choose other samples."
    if kind == PREDICT and predict.FED not in st.session_state:
        return "Run Predict on the rows to use, or choose other samples."
    return ""


def blocker(model: state.OpenModel, *, needed: bool) -> str:
    """Why the samples cannot be used, as a sentence; empty where they can."""
    if lacking := missing(model, needed=needed):
        return lacking
    checked = st.session_state.get(_CHECKED)
    if checked is not None and checked[0] == _key(model) and checked[1]["why"]:
        return "The samples do not fit the model: see above."
    if f"job:{SLOT}" in st.session_state:
        return "The samples are being checked."
    return ""


def file_name(model: state.OpenModel) -> str | None:
    """The file of the samples for a command, None where the command finds or makes them itself."""
    kind = st.session_state.get(KIND) or _default(model, _kinds(model, needed=False))
    if kind == OWN:
        return open_model.feeds_in_commands(model)
    if kind == FILE and (file := inbox.inbox(FILE_FIELD).model) is not None:
        return file.name
    if kind == PREDICT and (fed := st.session_state.get(predict.FED)) is not None:
        return str(fed[0].get("name") or PREDICTED)
    return None


def about_file(model: state.OpenModel) -> None:
    """Say so where a command reads rows that are no file yet."""
    if file_name(model) == PREDICTED:
        st.caption(f"Save the rows of the Predict page as {PREDICTED}, by key of the inputs.")


def _check(model: state.OpenModel) -> None:
    """Check the samples once, in a job, and say what is wrong or how many there are."""
    spec, blobs = source(model)
    if spec is None:
        job_status.cancel(SLOT)
        return
    key = _key(model)
    checked = st.session_state.get(_CHECKED)
    if (checked is None or checked[0] != key) and st.session_state.get(_STARTED) != key:
        st.session_state[_STARTED] = key
        args = {**model.graph_choice, "name": model.name, "quantise": None, "samples": spec}
        job_status.start(SLOT, "samples", args, model.source, "Checking samples", blobs=blobs)
    if (answer := job_status.finished(SLOT)) is not None:
        st.session_state[_CHECKED] = checked = (st.session_state.get(_STARTED), answer.value)
    job_status.show(SLOT, stop=False)
    if checked is None or checked[0] != key:
        return
    if checked[1]["why"]:
        state.error(checked[1]["why"])
    elif checked[1]["rows"]:
        st.caption(f"{text.count(checked[1]['rows'], 'row')}; they fit the model.")


def _key(model: state.OpenModel) -> str:
    spec, blobs = source(model)
    digest = hashlib.sha256(json.dumps([model.key, spec], sort_keys=True).encode())
    for name in sorted(blobs):
        digest.update(blobs[name])
    return digest.hexdigest()


def _named(feeds: predict.Feeds) -> Source:
    spec, blobs = feeds
    return spec, {"samples" if name == "feeds" else name: data for name, data in blobs.items()}


def _kinds(model: state.OpenModel, *, needed: bool) -> list[str]:
    own = [OWN] if model.feeds is not None or _has_requests(model) else []
    return [*own, PREDICT, FILE] if needed else [RANDOM, *own, PREDICT, FILE]


def _default(model: state.OpenModel, kinds: list[str]) -> str:
    return OWN if OWN in kinds else kinds[0]


def _has_requests(model: state.OpenModel) -> bool:
    return any(row["name"].endswith(_WARMUP) for row in model.contents["files"])


def _own(model: state.OpenModel) -> str:
    if model.feeds is not None:
        return f"The rows that come with the sample: {text.escape(model.feeds.name)}"
    return "The requests that the SavedModel keeps for TensorFlow Serving."
