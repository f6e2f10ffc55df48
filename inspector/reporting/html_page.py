"""A report as one HTML file: no network, readable on paper, names of models are text only.

Jinja escapes every text. A content security policy lets the one script of the file run, by its
hash, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from inspector import text
from inspector.reporting import svg_charts
from inspector.reporting.cards import card_rows
from inspector.reporting.pictures import DiffPicture
from inspector.reporting.report_contents import ReportContents
from inspector.reporting.verdict import figures, sentence
from inspector.view.canvas import web_module

HERE = Path(__file__).parent
_FUNCTION = "const mountCanvas = function ("
MAX_OPS = 40
"""Rows of the table of op types."""


def html(report: ReportContents, picture: DiffPicture | None) -> str:
    """The text of the file."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "bytes": lambda value: "–" if value is None else text.rounded_size(value),
        "figure": figure,
        "percent": lambda value: "–" if value is None else f"{value:.1%}",
        "share": share,
        "words": lambda value: str(value).replace("_", " "),
    }
    script = _script()
    ops = sorted(report.diff["op_counts"], key=lambda row: -abs(row["after"] - row["before"]))
    nodes = report.diff["nodes"]
    counts = {key: len(nodes[key]) for key in ("added", "removed", "changed")}
    return environment.get_template("report.html.jinja").render(
        report=report,
        title=f"{report.names[0]} → {report.names[1]} · Inspector report",
        verdict=sentence(report),
        figures=figures(report),
        cards=card_rows(report.facts),
        steps=report.steps(),
        size_chart=Markup(svg_charts.size_per_step(report.steps())),
        latency_chart=Markup(_latency_chart(report.latency)),
        batch_charts=[Markup(chart) for chart in svg_charts.by_batch(report)],
        histograms=[(name, Markup(chart)) for name, chart in _histograms(report.comparison)],
        ops=ops[:MAX_OPS],
        more_ops=max(0, len(ops) - MAX_OPS),
        ratio=text.ratio,
        counts={**counts, "unchanged": nodes["unchanged"]},
        picture=picture and {"drawing": Markup(picture.drawing)},
        canvas_html=Markup(web_module.html()),
        data=Markup(_data(picture)) if picture else "",
        style=Markup(_style()),
        script=Markup(script),
        script_hash=_hash(script),
    )


def figure(value: object) -> str:
    """A number in three digits, with groups from 1,000 on; a dash for None."""
    if value is None or isinstance(value, jinja2.Undefined):
        return "–"
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int) or (isinstance(value, float) and abs(value) >= 1000):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float | None) -> str:
    """A part of the whole change, in percent."""
    return "–" if value is None else f"{value:.1%}"


def stylesheet() -> str:
    """The style of reports."""
    return (HERE / "report.css").read_text(encoding="utf-8")


def _style() -> str:
    return web_module.style() + stylesheet()


def _script() -> str:
    """The canvas and its host as one module; a file cannot import its own text."""
    canvas = web_module.script().replace("export default function (", _FUNCTION)
    return f"\n{canvas}\n{(HERE / 'report.js').read_text(encoding='utf-8')}"


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _data(picture: DiffPicture) -> str:
    """JSON in which no text can end the element around it."""
    data = json.dumps({"levels": picture.levels, "fates": dict(picture.fates)})
    return data.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _latency_chart(latency: Mapping[str, Any] | None) -> str:
    return svg_charts.latency_ratio(latency) if latency and latency.get("interval") else ""


def _histograms(comparison: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    outputs = comparison["outputs"] if comparison else {}
    return [
        (name, svg_charts.histogram(output["histogram"]["counts"], output["histogram"]["edges"]))
        for name, output in outputs.items()
        if output.get("histogram") and not output["equal"]
    ]
