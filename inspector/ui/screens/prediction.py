"""The answers of the Predict page: classes, values, agreement and latency of all graphs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from inspector.analysis.class_names import read_class_names
from inspector.errors import InspectorError
from inspector.ui.session import state
from inspector.ui.widgets import charts, copy_button, tables, text, uploader

MAX_ROWS = 200
"""Most rows of an output."""
_SCORE_PX = 105
"""Width of a score with its bar."""
_MOST_NAMES_FILE = 4 << 20
_FIGURE_COLUMNS = ("median", "p90", "rows per second", "vs original", "load", "first run")


def answers(value: dict[str, Any], files: dict[str, bytes]) -> None:
    """Classes and values of each output, then agreement and latency.

    Args:
        files: The outputs as ``npz`` and ``csv``; empty where they are too large.
    """
    head = st.container(horizontal=True, vertical_alignment="bottom")
    head.header("Outputs")
    _downloads(files, head)
    classes = value.get("classes") or {}
    names = _uploaded_names() if classes else None
    has_shares = any(row["share"] for row in classes.values())
    order = sorted(value["outputs"], key=lambda name: not classes.get(name, {}).get("share"))
    for name in order:
        output, classified = value["outputs"][name], classes.get(name)
        with st.container(border=True):
            _output(name, output, classified, names, value, is_main=not has_shares)
    if value["agreement"]:
        st.header("Do they agree?")
        right = ("largest difference", "mean difference")
        tables.table(agreement_table(value), key="agreement", right=right)
    st.header("Latency")
    tables.table(latency_table(value), key="latency", right=_FIGURE_COLUMNS)
    how = value.get("runtime") or "the runtime's own optimiser is off for all of them"
    st.caption(
        f"{text.count(value['rows'], 'row')} per run, {text.count(value['runs'], 'run')} of each, "
        f"alternating; {how}."
    )


def _downloads(files: dict[str, bytes], place: Any) -> None:
    for kind, mime in (("csv", "text/csv"), ("npz", "application/octet-stream")):
        data = files.get(kind, b"")
        place.download_button(
            f"Download .{kind}",
            data,
            f"predictions.{kind}",
            mime,
            key=f"download_{kind}",
            on_click="ignore",
            icon=":material/download:",
            disabled=not data,
            help=None if data else "Too large for the page: use inspector predict -o FILE",
        )


def _uploaded_names() -> list[str] | None:
    """The class names of the user's own file, if there is one that can be read."""
    with st.expander("Class names from a file", icon=":material/label:"):
        st.caption("A text file with one name per line, in class order.")
        file = uploader.uploader("class_names", folder=False, limit=_MOST_NAMES_FILE)
        if file is None:
            return None
        try:
            return read_class_names(Path(file.path))
        except InspectorError as err:
            state.error(err)
    return None


def _output(
    name: str,
    output: dict[str, Any],
    classified: dict[str, Any] | None,
    uploaded: list[str] | None,
    value: dict[str, Any],
    *,
    is_main: bool,
) -> None:
    sides = [side["name"] for side in value["sides"] if side["name"] in output["heads"]]
    copy_button.box(name)
    rows = output["shape"][0] if output["shape"] else 1
    cut = f" · the first {MAX_ROWS} rows" if rows > MAX_ROWS else ""
    width = output["shape"][-1] if output["shape"] else 1
    own = classified["names"] if classified else []
    names = uploaded if uploaded and len(uploaded) == width and classified else own
    is_own = classified is not None and bool(own) and names is own
    source = f" · names from {text.escape(classified['source'])}" if classified and is_own else ""
    st.caption(f"{output['dtype']} · {text.shape(output['shape'])}{cut}{source}")
    if uploaded and classified and len(uploaded) != width:
        st.caption(f"The file has {text.count(len(uploaded), 'name')}, the output {width} columns.")
    if classified and (classified["share"] or is_main):
        _classes(name, output["top"], names, is_share=classified["share"])
        place: Any = st.expander("All values")
    else:
        place = st.container()
    columns = place.columns(len(sides))
    for column, side in zip(columns, sides, strict=True):
        column.caption(side)
        frame = value_frame(output["heads"][side], names)
        column.dataframe(
            frame, key=f"out_{name}_{side}", column_config=_fixed_decimals(frame, classified)
        )


def _classes(name: str, top: dict[str, Any], names: Sequence[str], *, is_share: bool) -> None:
    """The likeliest class of each row, and bars of the classes of one row."""
    frame = top_table(top, names)
    shares = [column for column in frame.columns if column.startswith("score")]
    bar = (
        st.column_config.ProgressColumn(width=_SCORE_PX, format="%.4f", min_value=0, max_value=1)
        if is_share
        else st.column_config.NumberColumn(width=_SCORE_PX, format="%.4f")
    )
    table, bars = st.columns([7, 3] if len(top) > 1 else [3, 2], gap="medium")
    with table:
        row = tables.selectable(frame, key=f"top_{name}", columns=dict.fromkeys(shares, bar))
    with bars:
        st.caption(f"Row {(row or 0) + 1}: most likely classes")
        charts.show(charts.class_scores(score_frame(top, names, row or 0)))


def top_table(top: dict[str, Any], names: Sequence[str]) -> pd.DataFrame:
    """One row per row of the output: class and score of each graph, and which graphs differ."""
    base, *others = top
    columns: dict[str, list[Any]] = {"row": list(range(1, len(top[base]) + 1))}
    for side, rows in top.items():
        title = "top-1" if side == base else f"top-1, {side}"
        columns[title] = [class_name(row[0][0], names) if row else "–" for row in rows]
        columns["score" if side == base else f"score, {side}"] = [
            row[0][1] if row else None for row in rows
        ]
    if others:
        columns["changes"] = [
            ", ".join(side for side in others if _winner(top[side][at]) != _winner(row)) or "–"
            for at, row in enumerate(top[base])
        ]
    return pd.DataFrame(columns)


def _winner(row: list[list[float]]) -> float | None:
    return row[0][0] if row else None


def score_frame(top: dict[str, Any], names: Sequence[str], row: int) -> pd.DataFrame:
    """Class, score and graph of the likeliest classes of one row."""
    return pd.DataFrame(
        [
            {"class": class_name(at, names), "score": score, "graph": side}
            for side, rows in top.items()
            for at, score in (rows[row] if row < len(rows) else ())
        ],
        columns=["class", "score", "graph"],
    )


def class_name(number: float, names: Sequence[str]) -> str:
    """The name of a class, else its number."""
    at = int(number)
    return text.shorten(names[at], 60) if at < len(names) else f"class {at}"


def agreement_table(value: dict[str, Any]) -> pd.DataFrame:
    """One row per output and graph: its difference from the model as opened."""
    rows = []
    for side, outputs in value["agreement"].items():
        for name, figures in outputs.items():
            rows.append(
                {
                    "output": name,
                    "graph": side,
                    "verdict": figures.get("why") or figures["grade"],
                    "largest difference": _figure(figures["max_abs"]),
                    "mean difference": _figure(figures["mean_abs"]),
                    "class changes": figures["rows_changed"],
                    "rows": value["rows"],
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
                "p90": text.milliseconds(side["p90_ms"]),
                "rows per second": text.number(round(side["rows_per_s"])),
                "vs original": f"{side['p50_ms'] / base:.2f} ×" if base else "–",
                "load": text.milliseconds(side["load_ms"]),
                "first run": text.milliseconds(side["first_ms"]),
            }
            for side in value["sides"]
        ]
    )


def value_frame(rows: list[Any], names: Sequence[str]) -> pd.DataFrame:
    """The first rows of an output, a column per value; classes name the columns."""
    lists = [row if isinstance(row, list) else [row] for row in rows]
    frame = pd.DataFrame([[_number(cell) for cell in row] for row in lists])
    titles = [class_name(at, names) if names else str(at) for at in range(frame.shape[1])]
    twice = {title for title in titles if titles.count(title) > 1}
    frame.columns = [f"{t} ({at})" if t in twice else t for at, t in enumerate(titles)]
    frame.index = frame.index + 1
    return frame


def _number(cell: Any) -> Any:
    """NaN and infinity, which JSON has as text, as numbers."""
    return float(cell) if cell in ("nan", "inf", "-inf") else cell


def _fixed_decimals(frame: pd.DataFrame, classified: dict[str, Any] | None) -> dict[str, Any]:
    """The same number of decimals for all numbers of an output."""
    floats = frame.select_dtypes("float")
    if floats.empty:
        return {}
    digits = (
        4 if classified and classified["share"] else decimals(float(floats.abs().to_numpy().max()))
    )
    form = f"%.{digits}f" if digits >= 0 else "%.4e"
    return {name: st.column_config.NumberColumn(format=form) for name in floats.columns}


def decimals(largest: float) -> int:
    """Decimals that show five digits of the largest value; -1 for numbers that need an exponent."""
    if not math.isfinite(largest) or largest == 0:
        return 4
    place = math.floor(math.log10(largest))
    return -1 if place < -4 or place > 9 else max(0, min(8, 4 - place))


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"
