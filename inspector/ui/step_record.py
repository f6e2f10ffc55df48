"""The record of a run on the page: per step what it changed and left alone, and its verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from inspector.ui import shown, state, text

SHOWN = 1000
"""Rows of a list that are shown; the file of the record has more."""
_ICONS = {"violated": ":material/warning:", "unchecked": ":material/help:"}


def record(
    steps: list[dict[str, Any]],
    check: dict[str, Any] | None,
    roll_back: Callable[[int], None] | None = None,
) -> None:
    """What each step did, and what it left alone and why; violations first.

    Args:
        check: How the steps were checked, None where nobody asked.
        roll_back: Called with the place of a step that is to be undone.
    """
    if not steps:
        st.caption("No transforms: frozen, and what the outputs do not need left out.")
        return
    _violations(steps, roll_back)
    if check is not None:
        _checked(steps, check)
    columns = ("size", "time", "difference") if check is not None else ("size", "time")
    shown.table(rows(steps, check is not None), key="record", rows_shown=20, right=columns)
    for index, step in enumerate(steps):
        _step(index, step)


def rows(steps: list[dict[str, Any]], checked: bool) -> list[dict[str, Any]]:
    """One row a step, for the table."""
    first = steps[0]["bytes"]["before"] if steps else 0
    found = []
    for number, step in enumerate(steps, 1):
        row: dict[str, Any] = {"step": f"{number}. {step['name']}"}
        if checked:
            row |= {"check": verdict(step), "difference": difference(step)}
        row |= {
            "nodes": step["nodes"]["after"],
            "size": text.size(step["bytes"]["after"], first),
            "changed": step["counts"]["changed"],
            "left alone": step["counts"]["skipped"],
            "time": text.milliseconds(step["seconds"] * 1000),
        }
        found.append(row)
    return found


def verdict(step: dict[str, Any]) -> str:
    """The check of a step in a few words."""
    if step["check"] is None:
        return ""
    told = {
        "equal": "equal",
        "within": f"{step['effect']}, as declared",
        "violated": "broke its promise",
        "unchecked": "not checked",
    }[step["check"]["status"]]
    if step["effect"] == "unchecked" and step["check"]["status"] == "within":
        told = "differs, nothing was promised"
    return told + (", rolled back" if step["rolled_back"] else "")


def difference(step: dict[str, Any]) -> str:
    """The largest difference of the outputs, and its share of their largest value."""
    worst, share = (step["check"] or {}).get("max_abs"), (step["check"] or {}).get("max_rel")
    if worst is None:
        return ""
    return f"{worst:.3g}" + (f" ({100 * share:.2g} %)" if share else "")


def made_by(steps: list[dict[str, Any]]) -> dict[str, str]:
    """Node to the steps that removed, made or changed it: ``3. fold_constants: computed``."""
    found: dict[str, list[str]] = {}
    for number, step in enumerate(steps, 1):
        if step["rolled_back"]:
            continue
        for change in step["changed"]:
            why = f": {change['rule']}" if change["rule"] else ""
            told = f"{change['kind']} by {number}. {step['name']}{why}"
            found.setdefault(change["name"], []).append(told)
    return {name: "; ".join(told) for name, told in found.items()}


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
            text.escape(f"{title} broke its promise: {step['check']['why']}", 500),
            icon=":material/warning:",
        )
        if roll_back is not None:
            st.button(
                f"Roll back {title} and run the others",
                key=f"roll_back_{index}",
                icon=":material/undo:",
                on_click=roll_back,
                args=(index,),
            )


def _checked(steps: list[dict[str, Any]], check: dict[str, Any]) -> None:
    whys = list(
        dict.fromkeys(
            step["check"]["why"]
            for step in steps
            if step["check"] and step["check"]["status"] == "unchecked"
        )
    )
    for why in whys[:3]:
        st.info(text.escape(f"Not checked: {why}", 400), icon=":material/help:")
    if check["feeds"]:
        feeds = "the given rows" if check["feeds"] == "given" else check["feeds"]
        told = f"Each step was run before and after on the same feeds: {feeds}. Shown is the "
        st.caption(text.escape(told + "largest difference of an output.", 400))


def _step(index: int, step: dict[str, Any]) -> None:
    if step["error"]:
        state.error(f"{step['name']}: {step['error']['why']}")
    for sentence in step["warnings"]:
        st.warning(text.escape(f"{step['name']}: {sentence}", 400))
    if not step["counts"]["changed"] + step["counts"]["skipped"]:
        return
    changed, skipped = (text.number(step["counts"][key]) for key in ("changed", "skipped"))
    title = f"{index + 1}. {step['name']} ({step['effect']}): "
    title += f"{changed} changed, {skipped} left alone"
    icon = _ICONS.get((step["check"] or {}).get("status", ""))
    with st.expander(text.escape(title), key=f"step_record_{index}", icon=icon):
        counts = op_changes(step["op_counts"]["before"], step["op_counts"]["after"])
        if counts:
            st.caption(text.escape("Operations: " + ", ".join(counts), 600))
        _outputs(step["check"])
        if step["changed"]:
            frame = pd.DataFrame(step["changed"])[["name", "kind", "op", "rule", "sources"]]
            frame["sources"] = frame["sources"].str.join(", ")
            shown.table(frame.head(SHOWN).rename(columns={"sources": "from"}))
            _rest("changed", step["counts"]["changed"])
        if step["skipped"]:
            st.caption("Looked at and left alone")
            shown.table(step["skipped"][:SHOWN])
            _rest("left alone", step["counts"]["skipped"])


def _outputs(check: dict[str, Any] | None) -> None:
    """Each output's difference, where there is one to speak of."""
    if check is None or not any(not item["equal"] for item in check["outputs"]):
        return
    frame = pd.DataFrame(
        [
            {
                "output": item["name"],
                "largest difference": "" if item["max_abs"] is None else f"{item['max_abs']:.3g}",
                "of its largest value": (
                    "" if item["max_rel"] is None else f"{100 * item['max_rel']:.2g} %"
                ),
                "rows that change": f"{item['changed']:,} of {item['rows']:,}",
                "why": item["why"],
            }
            for item in check["outputs"]
        ]
    )
    shown.table(frame, right=("largest difference", "of its largest value", "rows that change"))


def _rest(what: str, count: int) -> None:
    if count > SHOWN:
        st.caption(f"The first {text.number(SHOWN)} of {text.number(count)} {what}.")


def op_changes(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """``Identity 23 → 0`` for each op whose number changed, the largest change first."""
    apart = {
        op: (before.get(op, 0), after.get(op, 0))
        for op in {**before, **after}
        if before.get(op, 0) != after.get(op, 0)
    }
    ranked = sorted(apart.items(), key=lambda item: (-abs(item[1][1] - item[1][0]), item[0]))
    return [f"{op} {was} → {now}" for op, (was, now) in ranked[:12]]
