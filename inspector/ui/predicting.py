"""The Predict page: what to feed, and the answers of before and after side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui import copying, lite, running, shown, state, text

SLOT, ANSWER = "predict", "prediction"
KINDS = {
    "sample": "Sample rows",
    "random": "Random",
    "range": "range(n)",
    "typed": "Typed",
    "file": "File",
}
_TIMES = ("median", "90 %", "rows per second", "of the original", "load", "first run")
SHOWN = 200
"""Rows of an output that are shown."""


def feeds_editor(model: state.OpenModel) -> tuple[dict[str, Any], dict[str, bytes]] | None:
    """The choice of feeds: what the job is told, and the file's bytes; None while incomplete."""
    kinds = [kind for kind in KINDS if kind != "sample" or model.feeds is not None]
    kind = st.segmented_control(
        "Feeds",
        kinds,
        default=kinds[0],
        key="feed_kind",
        format_func=KINDS.__getitem__,
        label_visibility="collapsed",
    )
    if kind == "sample" and model.feeds is not None:
        st.caption(f"The rows that come with the sample: {text.escape(model.feeds.name)}")
        return sample_feeds(model.feeds)
    if kind == "random":
        left, right = st.columns(2)
        batch = left.number_input("Rows", 1, 1_000_000, 32, key="feed_batch")
        seed = right.number_input("Seed", 0, 2**31, 0, key="feed_seed")
        return {"kind": "random", "batch": int(batch), "seed": int(seed)}, {}
    if kind == "range":
        n = st.number_input("n", 1, 10_000_000, 100_000, step=1000, key="feed_n")
        st.caption("Every feed gets 0, 1, 2 … n − 1 along its first dimension.")
        return {"kind": "range", "n": int(n)}, {}
    if kind == "typed":
        return _typed(model)
    if kind == "file":
        st.caption("`.npz` with feeds by name, or `.csv` with a column for each.")
        file = st.file_uploader("File", type=["npz", "csv"], key="feed_file")
        if file is not None:
            name = Path(file.name).name
            return {"kind": "file", "name": name}, {"feeds": file.getvalue()}
    return None


def sample_feeds(path: Path) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The rows beside a sample, as feeds for a job."""
    return {"kind": "file", "name": path.name}, {"feeds": path.read_bytes()}


def start(
    slot: str,
    model: state.OpenModel,
    result: state.Optimised | None,
    feeds: tuple[dict[str, Any], dict[str, bytes]],
    runs: int = 15,
) -> None:
    """Start to run the model, and what was made of it, on the same feeds."""
    spec, blobs = feeds
    args: dict[str, Any] = {
        **model.meant,
        "outputs": result.outputs if result is not None else state.outputs(),
        "feeds": spec,
        "runs": runs,
        "against": {},
    }
    if result is not None:
        names = {"frozen": "frozen.pb", "optimised": "optimised.pb"}
        args["against"] = {side: str(result.folder / file) for side, file in names.items()}
    kind = "predict_lite" if lite.is_lite(model) else "predict"
    running.start(slot, kind, args, model.source, "Running the model", blobs=blobs)


def answers(value: dict[str, Any]) -> None:
    """Agreement, latency, then each output's first rows side by side."""
    sides = value["sides"]
    if value["agreement"]:
        st.subheader("Do they agree?")
        right = ("largest difference", "mean difference")
        shown.table(agreement_table(value), key="agreement", right=right)
    st.subheader("Latency")
    shown.table(latency_table(value), key="latency", right=_TIMES)
    how = value.get("runtime") or "the runtime's own optimiser is off on all sides"
    st.caption(
        f"{text.count(value['rows'], 'row')} a run, {text.count(value['runs'], 'run')} of each in "
        f"turn; {how}."
    )
    st.subheader("Outputs")
    for name, output in value["outputs"].items():
        copying.box(name)
        rows = output["shape"][0] if output["shape"] else 1
        cut = f" · the first {SHOWN} rows" if rows > SHOWN else ""
        st.caption(f"{output['dtype']} · {text.shape(output['shape'])}{cut}")
        columns = st.columns(len(sides))
        for column, side in zip(columns, sides, strict=True):
            column.caption(side["name"])
            column.dataframe(
                _frame(output["heads"][side["name"]]), key=f"out_{name}_{side['name']}"
            )


def agreement_table(value: dict[str, Any]) -> pd.DataFrame:
    """One row per output and side: how far from the model as opened."""
    rows = []
    for side, outputs in value["agreement"].items():
        for name, found in outputs.items():
            rows.append(
                {
                    "output": name,
                    "graph": side,
                    "largest difference": _figure(found["max_abs"]),
                    "mean difference": _figure(found["mean_abs"]),
                    "class changes": found["rows_changed"],
                    "rows": value["rows"],
                    "verdict": "identical" if found["equal"] else found.get("why") or "differs",
                }
            )
    return pd.DataFrame(rows)


def latency_table(value: dict[str, Any]) -> pd.DataFrame:
    """One row per side."""
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


def _typed(model: state.OpenModel) -> tuple[dict[str, Any], dict[str, bytes]] | None:
    values = {}
    for slot in model.drawn["placeholders"]:
        with st.container(gap="xsmall"):
            copying.box(slot["name"])
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
    """Two rows as they would be typed for this placeholder, e.g. ``[[0.5, 1.5], [0.5, 1.5]]``."""
    one = {"string": '"some text"', "bool": "true"}.get(dtype, "1")
    if dtype.startswith(("float", "double", "bfloat", "half")):
        one = "0.5"
    dims = list(shape) if shape is not None else []
    told = one
    for place, dim in reversed(list(enumerate(dims))):
        times = dim if dim is not None else (2 if place == 0 else 1)
        told = f"[{', '.join([told] * min(times, 3))}{', …' if times > 3 else ''}]"
    return told


def _frame(rows: list[Any]) -> pd.DataFrame:
    lists = [row if isinstance(row, list) else [row] for row in rows]
    frame = pd.DataFrame([[text.plain(value) for value in row] for row in lists])
    frame.columns = [str(name) for name in frame.columns]
    return frame


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
