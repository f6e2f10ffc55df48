"""The top of the Compare page: the verdict in one sentence and three large figures.

They are those of the first page of a report.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Literal

from streamlit.delta_generator import DeltaGenerator

from inspector.reporting.report_contents import ReportContents
from inspector.reporting.verdict import BAD, GOOD, NEUTRAL, UNKNOWN, figures
from inspector.ui.session import state
from inspector.ui.widgets import text

_COLOURS: Mapping[str, Literal["green", "gray", "red"]] = {
    GOOD: "green",
    NEUTRAL: "gray",
    BAD: "red",
}
_TO_DO = {
    "Latency": "use the button under Latency",
    "Agreement": "see Predictions",
}
"""What the page says of a figure that it does not have yet."""
_VERDICT = '<p style="font-size: 1.4rem; line-height: 1.4; margin: 0">{}</p>'


def show(report: ReportContents, model: state.OpenModel, place: DeltaGenerator) -> None:
    """The sentence, the figures with how sure each is, and what size they start from."""
    place.html(_VERDICT.format(html.escape(report.verdict)))
    for column, figure in zip(place.columns(3), figures(report), strict=True):
        card = column.container(border=True, height="stretch")
        card.metric(
            figure.title,
            figure.value,
            figure.detail,
            delta_color=_COLOURS[figure.tone],
            delta_arrow="off",
        )
        is_open = figure.value == UNKNOWN and figure.title in _TO_DO
        card.caption(text.escape(_TO_DO[figure.title] if is_open else figure.certainty, 300))
    if baseline := baseline_of(report.bytes[0], model):
        place.caption(text.escape(baseline, 300))


def baseline_of(before: int, model: state.OpenModel) -> str:
    """Of what the size is, where that is not the whole file; else nothing.

    Args:
        before: Bytes of the graph that is compared, with its variables.
    """
    whole = model.facts["bytes"]["total"]
    if whole == before:
        return ""
    return (
        f"Sizes are those of the inference graph: {text.size(before, whole)} of the "
        f"{text.size(whole)} in the file, which also holds the layers' configuration and "
        "training state, such as that of an optimiser."
    )
