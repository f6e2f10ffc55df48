"""The record of a run: per step the changed and the skipped nodes with reasons, and the check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui.session import state
from inspector.ui.widgets import tables, text

MAX_ROWS = 1000
"""Most rows of a list; the record file has all."""
EFFECTS = {
    "exact": "exact",
    "rounding": "exact up to rounding",
    "lossy": "lossy",
    "unchecked": "may change the outputs",
}
"""What a transform declares of the outputs, for a reader."""
_ICONS = {"violated": ":material/warning:", "unchecked": ":material/help:"}


def record(
    steps: list[dict[str, Any]],
    check: dict[str, Any] | None,
    roll_back: Callable[[int], None] | None = None,
) -> None:
    """Show what each step changed and skipped; violations first.

    Args:
        check: How the steps were checked; None for a run without a check.
        roll_back: Called with the index of a step to undo.
    """
    if not steps:
        st.caption("No transforms. The model was frozen and pruned to what the outputs need.")
        return
    _violations(steps, roll_back)
    if check is not None:
        _check_notes(check)
    columns = ("size", "time", "difference") if check is not None else ("size", "time")
    tables.table(rows(steps, check is not None), key="record", rows_shown=20, right=columns)
    for index, step in enumerate(steps):
        _step(index, step)


def rows(steps: list[dict[str, Any]], checked: bool) -> list[dict[str, Any]]:
    """One row per step, for the table."""
    first = steps[0]["bytes"]["before"] if steps else 0
    table = []
    for number, step in enumerate(steps, 1):
        row: dict[str, Any] = {
            "step": f"{number}. {step['name']}",
            "size": text.size(step["bytes"]["after"], first),
            "nodes": step["nodes"]["after"],
        }
        if checked:
            row |= {"difference": difference(step), "check": verdict(step)}
        row |= {
            "nodes changed": step["counts"]["changed"],
            "skipped": step["counts"]["skipped"],
            "time": text.milliseconds(step["seconds"] * 1000),
        }
        table.append(row)
    return table


def verdict(step: dict[str, Any]) -> str:
    """The check of a step in a few words."""
    if step["check"] is None:
        return ""
    sentence = {
        "equal": "equal",
        "within": f"{step['effect']}, as expected",
        "violated": "changed more than declared",
        "unchecked": "not checked",
    }[step["check"]["status"]]
    if step["effect"] == "unchecked" and step["check"]["status"] == "within":
        sentence = "differs, nothing declared"
    return sentence + (", rolled back" if step["rolled_back"] else "")


def difference(step: dict[str, Any]) -> str:
    """The largest absolute difference of the outputs, and relative to their largest value."""
    worst, share = (step["check"] or {}).get("max_abs"), (step["check"] or {}).get("max_rel")
    if worst is None:
        return ""
    return f"{worst:.3g}" + (f", {100 * share:.2g} % of the largest value" if share else "")


def authors(steps: list[dict[str, Any]]) -> dict[str, str]:
    """Node name to the steps that changed it, e.g. ``added by 3. fold_constants: computed``."""
    notes: dict[str, list[str]] = {}
    for number, step in enumerate(steps, 1):
        if step["rolled_back"]:
            continue
        for change in step["changed"]:
            why = f": {change['rule']}" if change["rule"] else ""
            note = f"{change['kind']} by {number}. {step['name']}{why}"
            notes.setdefault(change["name"], []).append(note)
    return {name: "; ".join(note) for name, note in notes.items()}


def _violations(steps: list[dict[str, Any]], roll_back: Callable[[int], None] | None) -> None:
    for index, step in enumerate(steps):
        if (step["check"] or {}).get("status") != "violated":
            continue
        title = f"{index + 1}. {step['name']}"
        if step["rolled_back"]:
            st.info(
                text.escape(f"{title} was rolled back: {step['check']['why']}", 500),
                icon=":material/undo:",
            )
            continue
        st.warning(
            text.escape(
                f"{title} changed the outputs more than declared: {step['check']['why']}", 500
            ),
            icon=":material/warning:",
        )
        if roll_back is not None:
            st.button(
                f"Undo {title} and run the others",
                key=f"roll_back_{index}",
                icon=":material/undo:",
                on_click=roll_back,
                args=(index,),
            )


def _check_notes(check: dict[str, Any]) -> None:
    for sentence in check["not_checked"][:3]:
        st.info(text.escape(f"Not checked: {sentence}", 400), icon=":material/help:")
    if check["feeds"]:
        feeds = "the given rows" if check["feeds"] == "given" else check["feeds"]
        steps = "Each other step was" if check["not_checked"] else "Each step was"
        caption = f"{steps} checked by running the graph before and after it on the same rows: "
        caption += f"{feeds}. "
        st.caption(text.escape(caption + "The table has the largest difference of an output.", 400))


def _step(index: int, step: dict[str, Any]) -> None:
    if step["error"]:
        state.error(f"{step['name']}: {step['error']['why']}")
    for sentence in step["warnings"]:
        st.warning(text.escape(f"{step['name']}: {sentence}", 400))
    if not step["counts"]["changed"] + step["counts"]["skipped"]:
        return
    changed, skipped = (text.number(step["counts"][key]) for key in ("changed", "skipped"))
    title = f"{index + 1}. {step['name']} ({EFFECTS[step['effect']]}): "
    title += f"{changed} nodes changed, {skipped} skipped"
    icon = _ICONS.get((step["check"] or {}).get("status", ""))
    with st.expander(text.escape(title), key=f"step_record_{index}", icon=icon):
        counts = op_changes(step["op_counts"]["before"], step["op_counts"]["after"])
        if counts:
            st.caption(text.escape("Operations: " + ", ".join(counts), 600))
        _outputs(step["check"])
        if step["changed"]:
            frame = pd.DataFrame(step["changed"])[["name", "kind", "op", "rule", "sources"]]
            frame["sources"] = frame["sources"].str.join(", ")
            tables.table(frame.head(MAX_ROWS).rename(columns={"sources": "from"}))
            _rest("changed", step["counts"]["changed"])
        if step["skipped"]:
            st.caption("Examined and skipped")
            tables.table(step["skipped"][:MAX_ROWS])
            _rest("skipped", step["counts"]["skipped"])


def _outputs(check: dict[str, Any] | None) -> None:
    """Table of the outputs' differences, where an output differs."""
    if check is None or not any(not item["equal"] for item in check["outputs"]):
        return
    frame = pd.DataFrame(
        [
            {
                "output": item["name"],
                "largest difference": "" if item["max_abs"] is None else f"{item['max_abs']:.3g}",
                "relative to largest value": (
                    "" if item["max_rel"] is None else f"{100 * item['max_rel']:.2g} %"
                ),
                "rows changed": f"{item['changed']:,} of {item['rows']:,}",
                "why": item["why"],
            }
            for item in check["outputs"]
        ]
    )
    tables.table(frame, right=("largest difference", "relative to largest value", "rows changed"))


def _rest(what: str, count: int) -> None:
    if count > MAX_ROWS:
        st.caption(f"The first {text.number(MAX_ROWS)} of {text.number(count)} {what}.")


def op_changes(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """``Identity 23 → 0`` for up to 12 ops whose count changed, the largest change first."""
    apart = {
        op: (before.get(op, 0), after.get(op, 0))
        for op in {**before, **after}
        if before.get(op, 0) != after.get(op, 0)
    }
    ranked = sorted(apart.items(), key=lambda item: (-abs(item[1][1] - item[1][0]), item[0]))
    return [f"{op} {was} → {now}" for op, (was, now) in ranked[:12]]
