"""Checks feeds and fetches for fold_constants, and removes what they make unnecessary."""

from __future__ import annotations

from collections import Counter

from inspector.errors import TransformFailed, did_you_mean
from inspector.graph import opdefs
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph, node_name, split_input, tensor_name
from inspector.graph.protos import NodeDef
from inspector.passes.base import PassContext

_NAME = "fold_constants"


def check_boundary(edit: GraphEdit, ctx: PassContext) -> None:
    """Check feeds and fetches as a session does, with its error messages.

    Raises: TransformFailed.
    """
    if not ctx.outputs:
        reason = "Must specify at least one target to fetch or execute."
        raise TransformFailed(_NAME, "outputs", reason)
    fed = [tensor_name(text) for text in ctx.inputs]
    fetched = {tensor_name(text) for text in ctx.outputs}
    for where, texts, sought in (
        ("inputs", ctx.inputs, "FeedInputs: unable to find feed output {}"),
        ("outputs", ctx.outputs, "FetchOutputs node {}: not found"),
    ):
        for text in texts:
            name, port, _ = split_input(text)
            node = edit.get(name)
            if node is None:
                names = (other.name for other in edit.nodes())
                raise TransformFailed(_NAME, where, sought.format(text) + did_you_mean(name, names))
            dtypes = opdefs.output_dtypes(node, edit.library)
            if dtypes is not None and port >= len(dtypes) and (port or where == "inputs"):
                reason = f"{text}: output index too large, must be < {len(dtypes)}"
                raise TransformFailed(_NAME, where, reason)
    for text, times in Counter(fed).items():
        if times > 1:
            raise TransformFailed(_NAME, "inputs", f'Endpoint "{text}" fed more than once.')
        if text in fetched:
            raise TransformFailed(_NAME, "inputs", f"{text} is both fed and fetched.")


def make_placeholder(edit: GraphEdit, name: str) -> None:
    """Turn a PlaceholderWithDefault into a Placeholder. Raises: TransformFailed for other ops."""
    node = edit[name]
    if node.op == "Placeholder":
        return
    if passes_on(edit.graph, node):
        return
    if node.op not in ("Placeholder", "PlaceholderWithDefault"):
        reason = (
            f"Input '{name}' was expected to be a Placeholder or PlaceholderWithDefault op, "
            f"but was {node.op}"
        )
        raise TransformFailed(_NAME, name, reason)
    placeholder = NodeDef(name=name, op="Placeholder", device=node.device)
    for key in ("dtype", "shape"):
        if key in node.attr:
            placeholder.attr[key].CopyFrom(node.attr[key])
    edit.replace(placeholder)
    edit.explain(name, "an input, fed from here on")


def passes_on(graph: Graph, node: NodeDef) -> bool:
    """True for an IdentityN of Placeholders, which keeps the name of a fed node.

    strip_unused_nodes makes one of an input with several outputs.
    """
    if node.op != "IdentityN":
        return False
    sources = (graph.get(node_name(text)) for text in node.input)
    return all(source is not None and source.op == "Placeholder" for source in sources)


def needed(edit: GraphEdit, ctx: PassContext) -> set[str]:
    """Names of the nodes upstream of the fetches, cut at the feeds; feeds included."""
    graph = edit.current()
    walls = [name for name in ctx.feeds if not passes_on(graph, graph.node(name))]
    return graph.ancestors(ctx.fetches | ctx.feeds, walls)


def drop_others(edit: GraphEdit, needed: set[str], why: str) -> None:
    """Remove all nodes but these."""
    for node in edit.current():
        if node.name not in needed:
            edit.explain(node.name, why)
            edit.remove(node.name)
