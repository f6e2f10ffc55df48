"""The report of a sweep as one HTML file: no network, no script, names of models are text only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from inspector import text
from inspector.reporting.html_page import stylesheet
from inspector.sweeping.swept import DONE, FAILED, NOT_RUN, SweepResult, Swept

_HERE = Path(__file__).parent


def html(result: SweepResult, created: str) -> str:
    """The text of the file.

    Args:
        created: When, for people.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        finalize=lambda value: text.plain(value) if type(value) is str else value,
    )
    environment.filters |= {
        "bytes": lambda value: "–" if value is None else text.rounded_size(value),
        "number": lambda value: "–" if value is None else text.number(value),
        "times": lambda value: "–" if value is None else f"{value:.2f} ×",
        "link": quote,
    }
    return environment.get_template("sweep.html.jinja").render(
        result=result.to_dict(),
        created=created,
        done=_rows(result.models, DONE),
        failed=_rows(result.models, FAILED),
        not_run=_rows(result.models, NOT_RUN),
        style=Markup(stylesheet()),
    )


def _rows(models: Sequence[Swept], status: str) -> list[dict[str, object]]:
    return [item.to_dict() for item in models if item.status == status]
