"""What fold_constants asks of feeds and fetches, and what it drops beyond them."""

from __future__ import annotations

from inspector import opdefs
from inspector.edit import GraphEdit
from inspector.errors import TransformFailed, did_you_mean
from inspector.graph import Graph, node_name, split_input, tensor_name
from inspector.passes.base import PassContext
from inspector.protos import NodeDef

_NAME = "fold_constants"


def check_boundary(edit: GraphEdit, ctx: PassContext) -> None:
    """Check what is fed and fetched as a session would, in its words.

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
                known = (found.name for found in edit.nodes())
                raise TransformFailed(_NAME, where, sought.format(text) + did_you_mean(name, known))
            dtypes = opdefs.output_dtypes(node, edit.library)
            if dtypes is not None and port >= len(dtypes) and (port or where == "inputs"):
                reason = f"{text}: output index too large, must be < {len(dtypes)}"
                raise TransformFailed(_NAME, where, reason)
    for text in fed:
        if fed.count(text) > 1:
            raise TransformFailed(_NAME, "inputs", f'Endpoint "{text}" fed more than once.')
        if text in fetched:
            raise TransformFailed(_NAME, "inputs", f"{text} is both fed and fetched.")


def make_placeholder(edit: GraphEdit, name: str) -> None:
    """Turn an input into a plain Placeholder. Raises: TransformFailed where it is none."""
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
    made = NodeDef(name=name, op="Placeholder", device=node.device)
    for key in ("dtype", "shape"):
        if key in node.attr:
            made.attr[key].CopyFrom(node.attr[key])
    edit.replace(made)
    edit.explain(name, "an input, fed from here on")


def passes_on(graph: Graph, node: NodeDef) -> bool:
    """True for what strip_unused_nodes leaves of an input with several outputs.

    An IdentityN that hands Placeholders on; it keeps the name that is fed.
    """
    if node.op != "IdentityN":
        return False
    sources = (graph.get(node_name(text)) for text in node.input)
    return all(found is not None and found.op == "Placeholder" for found in sources)


def needed(edit: GraphEdit, ctx: PassContext) -> set[str]:
    """What the fetches need, cut at the feeds, and the feeds themselves."""
    graph = edit.current()
    walls = [name for name in ctx.feeds if not passes_on(graph, graph.node(name))]
    return graph.ancestors(ctx.fetches | ctx.feeds, walls)


def drop_others(edit: GraphEdit, needed: set[str], why: str) -> None:
    """Take out all nodes but these."""
    for node in list(edit.nodes()):
        if node.name not in needed:
            edit.explain(node.name, why)
            edit.remove(node.name)
