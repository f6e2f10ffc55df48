"""Honestly beside the gain: what it did to the predictions and to the latency."""

from __future__ import annotations

from typing import Any

import streamlit as st

from inspector.ui import predicting, running, state, text

SLOT, ANSWER = "check", "checked"
_CARD: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "border": True}


def checked(model: state.OpenModel, result: state.Optimised) -> None:
    """Run the model before and after on the same rows, once for each result, and say what came."""
    if (answer := running.finished(SLOT)) is not None:
        st.session_state[ANSWER] = (str(result.folder), answer.value)
    kept = st.session_state.get(ANSWER)
    if kept is None or kept[0] != str(result.folder):
        if running.idle(SLOT):
            feeds = (
                predicting.sample_feeds(model.feeds)
                if model.feeds is not None
                else ({"kind": "random", "batch": 32, "seed": 0}, {})
            )
            predicting.start(SLOT, model, result, feeds)
            st.rerun()
        running.show(SLOT, stop=False)
        if running.failed(SLOT):
            st.page_link("pages/predict.py", label="Try other feeds", icon=":material/play_arrow:")
        return
    value = kept[1]
    rows = "random rows" if model.feeds is None else f"rows of {text.escape(model.feeds.name)}"
    with st.container(border=True, key="agreement_card"):
        st.markdown(f"**Predictions and latency**, on {text.number(value['rows'])} {rows}")
        row = st.container(horizontal=True)
        after, frozen = (
            worst(value["agreement"].get(side, {})) for side in ("optimised", "frozen")
        )
        row.metric(
            "Largest difference",
            figure(after["max_abs"]),
            "of any value of the outputs",
            help="Between the model as opened and the optimised one, over all rows and outputs.",
            **_CARD,
        )
        row.metric(
            "Rows whose class changes",
            changes(after, value["rows"]),
            "the largest value is another",
            **_CARD,
        )
        same = "changes nothing" if frozen["equal"] else f"differs by {figure(frozen['max_abs'])}"
        row.metric("Freezing alone", same, "without the transforms", **_CARD)
        before, now = (value["sides"][place]["p50_ms"] for place in (0, -1))
        row.metric(
            "Latency, median",
            text.milliseconds(now),
            ratio(before, now),
            **_CARD,
        )


def worst(outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The figures of all outputs as one: the largest difference, the most changed rows."""
    figures = list(outputs.values())
    known = [found["max_abs"] for found in figures if found["max_abs"] is not None]
    changed = [found["rows_changed"] for found in figures if found["rows_changed"] is not None]
    return {
        "equal": all(found["equal"] for found in figures),
        "max_abs": max(known, default=None),
        "rows_changed": max(changed, default=None),
    }


def figure(value: float | None) -> str:
    """A difference with three figures; ``none`` where there is none at all."""
    if value is None:
        return "–"
    return "none" if value == 0 else f"{value:.3g}"


def changes(found: dict[str, Any], rows: int) -> str:
    """How many rows change their class, e.g. ``1 of 150``."""
    return "–" if found["rows_changed"] is None else f"{found['rows_changed']} of {rows}"


def ratio(before: float, now: float) -> str:
    """The new median against the old, with what noise there is between two equal graphs in mind."""
    if not before:
        return "–"
    share = now / before
    verdict = "about the same" if 0.85 < share < 1.18 else ("faster" if share < 1 else "slower")
    return f"{share:.2f} × of {text.milliseconds(before)}: {verdict}"
