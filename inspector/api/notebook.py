"""A Model in a notebook: a table of its figures, and the picture.

The picture is an image, or the interactive canvas of the app where anywidget is installed. Names in
a model are untrusted: escaped in the table, and text in the picture; in an image no script runs.
"""

from __future__ import annotations

import sys
from base64 import b64encode
from collections.abc import Iterable
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from inspector.analysis.describe import Facts, describe
from inspector.errors import InspectorError
from inspector.model.model import Model
from inspector.model.signatures import serving_keys
from inspector.text import plain, shape, size

if TYPE_CHECKING:
    from inspector.view.tree.hierarchy import Hierarchy

_OPS = 8
_TENSORS = 12


def html(model: Model) -> str:
    """The summary and the picture as HTML, without scripts and external resources."""
    return _table(model) + _picture(model)


def _table(model: Model) -> str:
    facts = describe(model)
    drawn = facts.serving or facts.graph
    counts = list(drawn.op_counts.items())
    ops = [f"{count:,} × {op}" for op, count in counts[:_OPS]]
    if len(counts) > _OPS:
        ops.append(f"and {len(counts) - _OPS} more ops")
    rows: list[tuple[str, Iterable[str]]] = [
        ("format", [_format(facts)]),
        ("size", [size(facts.bytes["total"])]),
        ("nodes", [f"{drawn.nodes:,}" + (" (serving function)" if facts.serving else "")]),
        ("ops", [", ".join(ops)]),
        ("parameters", [f"{facts.parameters:,}"]),
    ]
    keys = serving_keys(facts.signatures)
    for key, signature in facts.to_dict()["signatures"].items():
        if key not in keys:  # the init op
            continue
        for side, arrow in (("inputs", "→"), ("outputs", "←")):
            tensors = [
                f"{arrow} {name}: {info['dtype']} {shape(info['shape'])}"
                for name, info in signature[side].items()
            ]
            rest = [f"and {len(tensors) - _TENSORS} more"] if len(tensors) > _TENSORS else []
            rows.append((f"{key} {side}", tensors[:_TENSORS] + rest))
    rows.append(("outputs to pick", [item.name for item in facts.suggested_outputs[:3]]))
    rows.append(("warnings", facts.warnings))
    body = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{_safe(title)}</th>'
        f'<td style="text-align:left">{"<br>".join(map(_safe, lines))}</td></tr>'
        for title, lines in ((title, list(lines)) for title, lines in rows)
        if lines
    )
    return f"<table><caption>{_safe(model.title)}</caption><tbody>{body}</tbody></table>"


def widget(model: Model) -> dict[str, Any]:
    """The MIME bundle of the interactive picture; empty without anywidget or a kernel."""
    if not _has_kernel() or find_spec("anywidget") is None:
        return {}
    from inspector.api._notebook_widget import GraphWidget

    try:
        picture = GraphWidget(_tree(model), _table(model))
    except InspectorError:
        return {}
    bundle = picture._repr_mimebundle_()
    data = {} if bundle is None else bundle[0]
    return {kind: value for kind, value in data.items() if kind != "text/plain"}


def _has_kernel() -> bool:
    """Whether this process is a kernel; in a terminal nothing shows a widget.

    A process that runs notebooks in kernels has imported parts of ipykernel as well.
    """
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _tree(model: Model) -> Hierarchy:
    from inspector.view.table.builder import NodeTableBuilder
    from inspector.view.tree import hierarchy

    return hierarchy.build(NodeTableBuilder(model).node_table())


def _picture(model: Model) -> str:
    """The picture of the Graph page; empty where Graphviz cannot lay it out."""
    from inspector.view.export import svg as export
    from inspector.view.layout.first_picture import first_opened
    from inspector.view.layout.layout import picture_of

    try:
        tree = _tree(model)
        svg = export.svg(picture_of(tree, first_opened(tree)).layout)
    except InspectorError:
        return ""
    data = b64encode(svg.encode()).decode()
    return f'<img alt="the graph" style="max-width:100%" src="data:image/svg+xml;base64,{data}">'


def _format(facts: Facts) -> str:
    producer = f", TensorFlow {facts.producer}" if facts.producer else ""
    tags = f", tag-set {', '.join(facts.tag_set)}" if facts.tag_set else ""
    return f"{facts.format}{tags}{producer}"


def _safe(text: str) -> str:
    return escape(plain(text))
