"""The report as a download: one click for HTML, a menu for Markdown and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from inspector.reporting import from_answers
from inspector.reporting.from_answers import Answers
from inspector.reporting.report_contents import HTML, JSON, MARKDOWN
from inspector.ui.screens import latency, output_comparison
from inspector.ui.screens.reports import headline
from inspector.ui.screens.timing import batch_sizes
from inspector.ui.session import open_model, state
from inspector.ui.widgets import text

_MIME = {HTML: "text/html", MARKDOWN: "text/markdown", JSON: "application/json"}
_TITLES = {MARKDOWN: "Markdown", JSON: "JSON"}


def answers(model: state.OpenModel, result: state.Optimised, session: Mapping[Any, Any]) -> Answers:
    """What a session has about a result; jobs that still run are not waited for."""
    stored = session.get(output_comparison.ANSWER)
    compared = stored[1] if stored is not None and stored[0] == str(result.folder) else None
    timed = [
        value
        for (folder, _), value in session.get(latency.ANSWER, {}).items()
        if folder == str(result.folder)
    ]
    return Answers(
        name=model.name,
        optimised=result.value,
        side=output_comparison.OPTIMISED,
        comparison=compared,
        batches=session.get(batch_sizes.ANSWER, {}).get(str(result.folder)),
        latency=min(timed, key=latency.order, default=None),
        source=open_model.path_in_commands(model),
        feeds=open_model.feeds_in_commands(model),
    )


def top_of_page(model: state.OpenModel, result: state.Optimised, place: DeltaGenerator) -> None:
    """The verdict, its figures, and the buttons; a file is written when its button is clicked."""
    parts = answers(model, result, st.session_state)
    headline.show(from_answers.contents(parts), model, place)
    place = place.container(horizontal=True)
    _button("Report", parts, result, HTML, place)
    with place.popover("Other reports", icon=":material/description:", key="other_reports"):
        for suffix, title in _TITLES.items():
            _button(title, parts, result, suffix, st.container())


def _button(
    title: str, parts: Answers, result: state.Optimised, suffix: str, place: DeltaGenerator
) -> None:
    stem = text.file_stem(parts.name)
    place.download_button(
        title,
        data=partial(from_answers.file, parts, result.both, stem, suffix),
        file_name=f"{stem}_report{suffix}",
        mime=_MIME[suffix],
        key=f"report{suffix.replace('.', '_')}",
        icon=":material/description:" if suffix == HTML else ":material/download:",
        help="A self-contained file to share: verdict, figures, picture, steps and commands. "
        "It needs no network and prints well."
        if suffix == HTML
        else None,
        type="primary" if suffix == HTML else "secondary",
        on_click="ignore",
    )
