"""Applies transforms to the functions of the library as well.

The transform sees a body as a graph whose inputs are the arguments, and whose outputs are the
results and control outputs. The signature of the function does not change.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from inspector.graph.edit import Change, GraphEdit, Skip
from inspector.graph.functions import Body, Library, to_function
from inspector.graph.graph import Graph, node_name
from inspector.graph.protos import FunctionDef, FunctionDefLibrary, NodeDef
from inspector.passes.base import Arg, PassContext

InFunctions = Annotated[
    bool, Arg("Also transform the functions of the library, which the original tool never does.")
]
"""The type of the parameter `functions`."""


def also_in_functions(function: Callable[..., None]) -> Callable[..., None]:
    """Decorator: run a pass on function bodies as well, if its parameter `functions` is True."""

    @functools.wraps(function)
    def everywhere(edit: GraphEdit, ctx: PassContext, **params: Any) -> None:
        function(edit, ctx, **params)
        if params.get("functions"):
            _in_bodies(edit, ctx, lambda part, inner: function(part, inner, **params))

    return everywhere


def _in_bodies(
    edit: GraphEdit, ctx: PassContext, work: Callable[[GraphEdit, PassContext], None]
) -> None:
    library = Library(edit.library)
    changed: dict[str, FunctionDef] = {}
    for name in library.functions:
        ctx.check_cancelled(name)
        body = library.body(name)
        args = dict.fromkeys(map(node_name, body.args))
        inputs = [NodeDef(name=arg, op="Placeholder") for arg in args]
        part = GraphEdit(Graph([*inputs, *body.nodes], edit.library))
        results = (*body.results, *body.controls)
        inner = replace(ctx, inputs=tuple(body.args), outputs=results, warnings=[])
        work(part, inner)
        ctx.warnings += [f"in {name}: {text}" for text in inner.warnings]
        edit.skipped += [
            Skip(f"{name}()/{skip.name}", skip.why)
            for skip in part.skipped
            if skip.name not in args
        ]
        own = tuple(node for node in part.finish().nodes if node.name not in args)
        if own == body.nodes:
            continue
        edit.elsewhere += [
            Change(f"{name}()/{item.name}", item.kind, item.op, item.rule, item.sources)
            for item in part.changes()
            if item.name not in args
        ]
        rewritten = Body(name, body.args, own, body.results, body.controls, body.proto)
        changed[name] = to_function(rewritten, library.signatures)
    if changed:
        fresh = FunctionDefLibrary()
        fresh.CopyFrom(edit.library)
        for function in fresh.function:
            if function.signature.name in changed:
                function.CopyFrom(changed[function.signature.name])
        edit.library = fresh
