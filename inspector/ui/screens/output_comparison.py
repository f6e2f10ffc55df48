"""How the optimised model's outputs compare with those of the model as opened.

For a model of some megabytes the comparison starts by itself, on as many rows as `BUDGET_S` has
time for. To load a larger one may take as long: there a click starts it, and after a link, which
starts no work.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from inspector.jobs.result_files import TFLITE
from inspector.measurement import grades
from inspector.measurement.rounds import BUDGET_S
from inspector.reporting.verdict import worst_output
from inspector.ui.screens import predict, tflite
from inspector.ui.session import job_status, results, state
from inspector.ui.widgets import charts, tables, text

SLOT, KIND = "check", "compare"
ANSWER = state.OF_MODEL + "output_comparison"
OPENED, FROZEN, OPTIMISED = "as opened", "frozen", "optimised"
STARTS_BELOW = 32 << 20
"""Bytes of a model whose comparison starts by itself."""
_CHANGES = 20
_NOTES = {
    "identical": "every value is equal",
    "rounding": "as from a different order of arithmetic",
    "small": "within a tenth of the largest value",
    "top-1 changes": "small, but some classes change",
    "different": "more than a tenth of the largest value",
}


def card(model: state.OpenModel, result: state.Optimised) -> None:
    """Run the model before and after on the same rows, once per result, and show the figures."""
    if not tflite.require_runnable(model):
        return
    if (answer := job_status.finished(SLOT)) is not None:
        adopt(result, answer.value)
        results.keep_measurement(result, SLOT, KIND, KIND, answer.value)
    stored = st.session_state.get(ANSWER)
    if stored is None or stored[0] != str(result.folder):
        if job_status.idle(SLOT):
            if model.source.bytes >= STARTS_BELOW or result.is_linked:
                _offer(model, result)
                return
            start(model, result, BUDGET_S)
            st.rerun()
        job_status.show(SLOT, stop=False)
        if job_status.stopped(SLOT):
            st.page_link("pages/predict.py", label="Use other inputs", icon=":material/play_arrow:")
        return
    value = stored[1]
    by_name = {side["name"]: side for side in value["sides"]}
    rows = text.count(value["rows"], "row")
    if model.feeds is None:
        origin = f"{rows} of random values, not your data: top-1 says little about accuracy"
    else:
        origin = f"{rows} of {text.escape(model.feeds.name)}"
    with st.container(key="agreement_card"):
        st.caption(f"Compared with the model as opened, on {origin}.")
        if OPTIMISED in by_name:
            _figures(by_name, value["rows"])
            _details(by_name[OPTIMISED])
        _rest(value, model, result)


def adopt(result: state.Optimised, value: dict[str, Any]) -> None:
    """Show a comparison of this result."""
    st.session_state[ANSWER] = (str(result.folder), value)


def _offer(model: state.OpenModel, result: state.Optimised) -> None:
    st.button(
        "Compare predictions",
        key="compare_start",
        on_click=start,
        args=(model, result, BUDGET_S),
        icon=":material/compare_arrows:",
        help=f"Runs three graphs on as many rows as fit into {BUDGET_S:g} s, after loading.",
    )


def request(model: state.OpenModel, result: state.Optimised, names: list[str]) -> dict[str, Any]:
    """The arguments of a job that runs the model as opened and graphs of the result."""
    choice = {**model.graph_choice, "outputs": result.outputs}
    files = {name: result.graphs[name] for name in names if name in result.graphs}
    return {
        "sides": [
            {"name": OPENED, **choice},
            *(  # a TFLite model has these outputs alone, and its own names for them
                {"name": name, "outputs": None if file == TFLITE else result.outputs}
                for name, file in files.items()
            ),
        ],
        "against": {name: str(result.folder / file) for name, file in files.items()},
    }


def kind_of(model: state.OpenModel, kind: str) -> str:
    """The kind of job for a model; TFLite models need no TensorFlow."""
    return f"{kind}_lite" if tflite.is_lite(model) else kind


def start(model: state.OpenModel, result: state.Optimised, budget: float | None) -> None:
    """Start the comparison.

    Args:
        budget: Seconds that it may take; None for all rows and graphs.
    """
    spec, blobs = predict.default_feeds(model)
    args = {
        **request(model, result, [OPTIMISED, FROZEN]),
        "feeds": spec,
        "tolerance": grades.TOLERANCE,
        "classes": None,
        "budget_s": budget,
    }
    st.session_state.pop(ANSWER, None)
    kind = kind_of(model, KIND)
    job_status.start(SLOT, kind, args, model.source, "Comparing", blobs=blobs)


def worst(outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The difference of the output that differs most for its size, the most changed rows."""
    output = worst_output(outputs.values()) or {}
    changed = [one["changed"] for one in outputs.values() if one["argmax_equal"] is not None]
    return {
        "max_abs": output.get("max_abs"),
        "max_rel": output.get("max_rel"),
        "changed": max(changed, default=None),
    }


def figure(value: float | None) -> str:
    """A difference with three digits; ``none`` for 0."""
    if value is None:
        return "–"
    return "none" if value == 0 else f"{value:.3g}"


def share(value: float | None) -> str:
    """A difference as a share of the largest value, in percent."""
    return "–" if value is None else "none" if value == 0 else f"{value:.2%}"


def _figures(by_name: dict[str, dict[str, Any]], rows: int) -> None:
    """A row for each graph, against the model as opened."""
    table = []
    for name, side in sorted(by_name.items()):
        figures = worst(side["outputs"])
        changed = figures["changed"]
        table.append(
            {
                "graph": "frozen only" if name == FROZEN else name,
                "grade": side["grade"],
                "largest difference": figure(figures["max_abs"]),
                "relative to largest value": share(figures["max_rel"]),
                "top-1 changes": "–" if changed is None else f"{changed} of {rows}",
                "meaning": _NOTES[side["grade"]],
            }
        )
    tables.table(
        table,
        key="predictions",
        right=("largest difference", "relative to largest value", "top-1 changes"),
    )


def _details(after: dict[str, Any]) -> None:
    """Each output's grade, the rows whose class changes, and the differences by size."""
    outputs = after["outputs"]
    if after["grade"] == "identical":
        return
    with st.expander("By output", key="comparison_details"):
        tables.table([_row(name, item) for name, item in outputs.items()], key="output_grades")
        changes = [
            {"output": name, "row": change["row"], "before": change["a"], "after": change["b"]}
            for name, items in after["class_changes"].items()
            for change in items[:_CHANGES]
        ]
        if changes:
            tables.table(changes, key="class_changes")
        for name, item in outputs.items():
            if item["histogram"] is not None and not item["equal"]:
                st.caption(f"Differences of {text.escape(name)}, by size")
                charts.show(charts.histogram(item["histogram"]), key=f"differences_{name}")


def _row(name: str, item: dict[str, Any]) -> dict[str, Any]:
    worst_rows = ", ".join(str(row["row"]) for row in item["worst_rows"][:3])
    return {
        "output": name,
        "grade": item["grade"],
        "largest difference": figure(item["max_abs"]),
        "relative to largest value": share(item["max_rel"]),
        "p99": figure((item["percentiles"] or {}).get("99")),
        "rows that differ most": worst_rows or "–",
        "": item["why"],
    }


def _rest(value: dict[str, Any], model: state.OpenModel, result: state.Optimised) -> None:
    """What the budget had no time for, and the button that does it."""
    is_cut = value["rows"] < value["rows_given"]
    if not (is_cut or value["left_out"]):
        return
    parts = []
    if is_cut:
        parts.append(f"{value['rows']} of {text.count(value['rows_given'], 'row')} were run")
    if value["left_out"]:
        parts.append(f"not run: {', '.join(value['left_out'])}")
    st.caption(
        f"{'; '.join(parts).capitalize()}: the whole comparison takes more than {BUDGET_S:g} s."
    )
    st.button(
        "Run all rows and graphs",
        key="compare_all",
        on_click=start,
        args=(model, result, None),
        icon=":material/play_arrow:",
    )
