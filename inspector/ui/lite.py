"""What the pages show of a TFLite model alone: subgraphs, tensors, their quantisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui import shown, state, text

FORMAT = "TFLite"


def is_lite(model: state.OpenModel) -> bool:
    """True for a TFLite model, which can be looked at and run, and not be transformed."""
    return bool(model.facts["format"] == FORMAT)


def caption(facts: Mapping[str, Any]) -> str:
    """One line about the file."""
    parts = [f"{FORMAT}, schema version {facts['tflite_schema_version']}"]
    if facts["model_description"]:
        parts.append(text.shorten(facts["model_description"], 200))
    if facts["min_runtime_version"]:
        parts.append(f"for TensorFlow {facts['min_runtime_version']} or later")
    if facts["metadata_names"]:
        parts.append(f"metadata: {text.shorten(', '.join(facts['metadata_names']), 200)}")
    return text.escape("; ".join(parts), 700)


def not_transformed() -> None:
    """Say that this model is not for this page, and end it."""
    st.info(
        "A TFLite model is frozen already, and nothing makes a graph of TensorFlow's ops of it "
        "that could be transformed. Open the model that it was converted from.",
        icon=":material/info:",
    )
    st.stop()


def tables(facts: Mapping[str, Any]) -> None:
    """Subgraphs, and all tensors with their quantisation, where the model is a TFLite one."""
    if "subgraphs" not in facts:
        return
    graphs = facts["subgraphs"]
    if len(graphs) > 1:
        st.subheader("Subgraphs")
        rows = [
            {
                "": number,
                "name": row["name"] or "",
                "operators": row["operators"],
                "tensors": row["tensors"],
                "ops": ", ".join(f"{count} × {op}" for op, count in row["ops"].items()),
            }
            for number, row in enumerate(graphs)
        ]
        shown.table(pd.DataFrame(rows))
    st.subheader("Tensors")
    count = sum(row["tensors"] for row in graphs)
    rest = f", the first {text.number(len(facts['tensors']))} shown"
    st.caption(text.count(count, "tensor") + (rest if count > len(facts["tensors"]) else ""))
    tensors(facts["tensors"], several=len(graphs) > 1, key="tensors")


def tensors(rows: Iterable[Mapping[str, Any]], *, several: bool = False, key: str) -> None:
    """The table of tensors."""
    frame = pd.DataFrame(
        [
            {
                "subgraph": row["subgraph"],
                "": row["index"],
                "tensor": row["name"],
                "kind": row["kind"] + (", sparse" if row["sparse"] else ""),
                "dtype": row["dtype"],
                "shape": text.shape(row["shape"]),
                "scale": _range(row["scale"], row["channels"]),
                "zero point": _range(row["zero_point"], row["channels"]),
                "channels": f"{row['channels']} along axis {row['axis']}"
                if row["axis"] is not None
                else "",
                "bytes": row["bytes"],
            }
            for row in rows
        ]
    )
    if not several and "subgraph" in frame:
        frame = frame.drop(columns="subgraph")
    shown.table(frame, key=key, right=("scale", "zero point"))


def _range(numbers: list[float] | None, channels: int | None) -> str:
    """One number, or the smallest and largest of the channels that are listed."""
    if not numbers or channels is None:
        return ""
    low, high = min(numbers), max(numbers)
    return f"{low:.6g}" if low == high else f"{low:.6g} … {high:.6g}"
