"""What the shell completes beside paths: names of presets, transforms, signatures, nodes, ops.

Names of a model come from the model that is on the command line already; nothing of it is run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click

from inspector import api
from inspector.errors import InspectorError
from inspector.files.paths import is_url

_MOST = 500
"""Names that are offered; a shell asks before it lists so many."""

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def presets(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of presets."""
    return [name for name in api.presets() if name.startswith(incomplete)]


def transforms(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of transforms, after those that are there already."""
    before, _, word = incomplete.rpartition(" ")
    before += " " if before else ""
    return [before + name for name in api.transforms() if name.startswith(word)]


def schemas(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of JSON Schemas."""
    return [name for name in api.schema_names() if name.startswith(incomplete)]


def _of_model(names: Callable[[api.Model], Iterable[str]], *, listed: bool = False) -> Complete:
    """A completion with names of the model.

    Args:
        listed: Names are separated by commas.
    """

    def complete(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        # Of a line that ends with an option click assigns no arguments.
        path = ctx.params.get("model") or ctx.params.get("a") or next(iter(ctx.args), None)
        if not isinstance(path, str) or path == "-" or is_url(path):
            return []
        before, comma, word = incomplete.rpartition(",") if listed else ("", "", incomplete)
        try:
            model = api.open_model(path, ctx.params.get("tag_set"))
            starting = (name for name in names(model) if name.startswith(word))
            return [before + comma + name for name, _ in zip(starting, range(_MOST), strict=False)]
        except InspectorError:
            return []

    return complete


signatures: Complete = _of_model(lambda model: model.signatures)
nodes: Complete = _of_model(lambda model: (node.name for node in model.outline), listed=True)
ops: Complete = _of_model(lambda model: model.graph_facts().op_counts)
functions: Complete = _of_model(
    lambda model: (fn.signature.name for fn in model.outline.library.function)
)
tag_sets: Complete = _of_model(lambda model: map(",".join, model.tag_sets))
