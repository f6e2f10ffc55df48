"""How the optimised model's outputs and latency compare with those of the model as opened."""

from __future__ import annotations

from typing import Any

import streamlit as st

from inspector.ui.screens import predict
from inspector.ui.session import job_status, state
from inspector.ui.widgets import text

SLOT = "check"
ANSWER = state.OF_MODEL + "output_comparison"
_CARD: dict[str, Any] = {"delta_color": "off", "delta_arrow": "off", "border": True}


def card(model: state.OpenModel, result: state.Optimised) -> None:
    """Run the model before and after on the same rows, once per result, and show the figures."""
    if (answer := job_status.finished(SLOT)) is not None:
        st.session_state[ANSWER] = (str(result.folder), answer.value)
    stored = st.session_state.get(ANSWER)
    if stored is None or stored[0] != str(result.folder):
        if job_status.idle(SLOT):
            predict.start(SLOT, model, result, predict.default_feeds(model))
            st.rerun()
        job_status.show(SLOT, stop=False)
        if job_status.stopped(SLOT):
            st.page_link("pages/predict.py", label="Try other feeds", icon=":material/play_arrow:")
        return
    value = stored[1]
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
    """The worst figures of all outputs: the largest difference, the most changed rows."""
    figures = list(outputs.values())
    differences = [output["max_abs"] for output in figures if output["max_abs"] is not None]
    changed = [output["rows_changed"] for output in figures if output["rows_changed"] is not None]
    return {
        "equal": all(output["equal"] for output in figures),
        "max_abs": max(differences, default=None),
        "rows_changed": max(changed, default=None),
    }


def figure(value: float | None) -> str:
    """A difference with three digits; ``none`` for 0."""
    if value is None:
        return "–"
    return "none" if value == 0 else f"{value:.3g}"


def changes(figures: dict[str, Any], rows: int) -> str:
    """The number of rows whose class changes, e.g. ``1 of 150``."""
    return "–" if figures["rows_changed"] is None else f"{figures['rows_changed']} of {rows}"


def ratio(before: float, now: float) -> str:
    """The new median relative to the old; within the noise of equal graphs, ``about the same``."""
    if not before:
        return "–"
    share = now / before
    verdict = "about the same" if 0.85 < share < 1.18 else ("faster" if share < 1 else "slower")
    return f"{share:.2f} × of {text.milliseconds(before)}: {verdict}"
