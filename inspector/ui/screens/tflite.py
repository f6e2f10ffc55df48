"""What only TFLite models have: subgraphs, and tensors with their quantisation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui.session import state
from inspector.ui.widgets import tables, text

FORMAT = "TFLite"


def is_lite(model: state.OpenModel) -> bool:
    """Whether the model is a TFLite one, which can be run and quantised but not transformed."""
    return bool(model.facts["format"] == FORMAT)


def cannot_run(model: state.OpenModel) -> str:
    """Why LiteRT cannot run a TFLite model, as a sentence; empty where it can, or for another."""
    blocked = [row["op"] for row in model.facts["flagged_ops"] if row["severity"] == "block"]
    if not is_lite(model) or not blocked:
        return ""
    return f"This model cannot be run here: LiteRT has no kernel for {text.some(blocked)}."


def require_runnable(model: state.OpenModel) -> bool:
    """Whether the model can be run; where it cannot, the page says why."""
    if why := cannot_run(model):
        st.info(text.escape(why, 700), icon=":material/block:")
    return not why


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


def sections(facts: Mapping[str, Any]) -> None:
    """The sections of the Overview for a TFLite model: subgraphs and tensors."""
    if "subgraphs" not in facts:
        return
    _metadata(facts)
    graphs = facts["subgraphs"]
    if len(graphs) > 1:
        st.header("Subgraphs")
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
        tables.table(pd.DataFrame(rows))
    st.header("Tensors")
    count = sum(row["tensors"] for row in graphs)
    rest = f", the first {text.number(len(facts['tensors']))} shown"
    st.caption(text.count(count, "tensor") + (rest if count > len(facts["tensors"]) else ""))
    tensors(facts["tensors"], several=len(graphs) > 1, key="tensors")


def _metadata(facts: Mapping[str, Any]) -> None:
    """What the metadata says of the model and its tensors, and the files packed with it."""
    stated = facts["metadata"] or {}
    rows = [
        {"of": "model", "": key, "stated": value}
        for key, value in stated.items()
        if isinstance(value, str)
    ]
    for kind, side in (("input", "inputs"), ("output", "outputs")):
        rows += [
            {"of": kind, "": row.get("name", ""), "stated": row.get("description", "")}
            for row in stated.get(side, ())
        ]
    if rows:
        st.header("Metadata")
        tables.table(pd.DataFrame(rows))
    if facts["associated_files"]:
        st.header("Associated files")
        tables.table(
            pd.DataFrame(
                [
                    {
                        "file": row["name"],
                        "type": row["type"],
                        "tensor": row["tensor"],
                        "size": "missing" if row["bytes"] is None else text.size(row["bytes"]),
                        "first lines": ", ".join(row["lines"]),
                        "description": row["description"],
                    }
                    for row in facts["associated_files"]
                ]
            )
        )


def tensors(rows: Iterable[Mapping[str, Any]], *, several: bool = False, key: str) -> None:
    """The table of tensors; with a column for the subgraph where there are several."""
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
    tables.table(frame, key=key, right=("scale", "zero point"))


def _range(numbers: list[float] | None, channels: int | None) -> str:
    """The one number, or the smallest and the largest over the channels."""
    if not numbers or channels is None:
        return ""
    low, high = min(numbers), max(numbers)
    return f"{low:.6g}" if low == high else f"{low:.6g} … {high:.6g}"
