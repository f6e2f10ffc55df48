"""insert_logging: prints values to the runtime's log as they are computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, named_copy
from inspector.graph.op_sets import ENTERS, NEXT_ITERATIONS, SWITCHES
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.node_list import successors

_HOLDS_TOGETHER = SWITCHES | ENTERS | NEXT_ITERATIONS | {"LoopCond"}


@graph_pass(effect="exact", source="graph_transforms/insert_logging.cc")
def insert_logging(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    op: Annotated[tuple[str, ...], Arg("Op types to log, e.g. Relu; all by default.")] = (),
    prefix: Annotated[
        tuple[str, ...], Arg("Prefixes of the node names to log; all by default.")
    ] = (),
    message: Annotated[str, Arg("Text to print before the values.")] = "",
    show_name: Annotated[bool, Arg("Print the node's name first.")] = False,
    show_op: Annotated[bool, Arg("Print the op type first.")] = False,
    first_n: Annotated[int, Arg("Number of runs to log; -1 for all.", bits=32)] = -1,
    summarize: Annotated[int, Arg("Log only this many values of each tensor.", bits=32)] = 1024,
) -> None:
    """Log the outputs of chosen nodes with a Print after each; nodes need a consumer.

    Skipped, where the tool breaks the graph: nodes without outputs, reference variables, and
    control flow of loops and branches. Applied twice, it logs twice.
    """
    library = {item.signature.name: item.signature for item in edit.library.function}
    plain = NodeDef(op="Print")
    plain.attr["first_n"].i = first_n
    plain.attr["summarize"].i = summarize
    plain.attr["message"].s = message.encode()
    templates: dict[tuple[DTypeEnum, ...], NodeDef] = {}
    rewired: dict[Input, Input] = {}
    prints: dict[str, NodeDef] = {}
    for node in edit.nodes():
        source = node.name
        reads = edit.reads(source)
        if not reads or (op and node.op not in op):
            continue
        if prefix and not source.startswith(prefix):
            continue
        ports = {max(port, 0) for ports_read in reads.values() for port in ports_read}
        dtypes = opdefs.output_dtypes(node, library)
        if why := _why_not(node, ports, dtypes):
            edit.skip(node, why)
            continue
        assert dtypes is not None
        name = f"{source}__print__"
        printed = sorted(ports)
        types = (dtypes[0], *[dtypes[port] for port in printed])
        if types not in templates:
            templates[types] = _typed(plain, types)
        inputs = [source, *[f"{source}:{port}" if port else source for port in printed]]
        printing = named_copy(templates[types], edit.unique(name), inputs)
        if show_op or show_name:
            text = (f";{node.op};" if show_op else "") + (f";{name};" if show_name else "")
            printing.attr["message"].s = (text + message).encode()
        prints[source] = printing
        rewired[Input(source, 0, False)] = Input(printing.name, 0, False)
        edit.explain(printing.name, "logs a node", source)
        for reader, ports_read in reads.items():
            if 0 in ports_read:
                edit.explain(reader, "reads past the log", source)
    edit.rewire(rewired)
    following = successors(edit)
    for name, printing in prints.items():
        edit.add(printing, before=following.get(name))


def _why_not(node: NodeDef, ports: set[int], dtypes: list[DTypeEnum] | None) -> str:
    if dtypes is None:
        return f"{node.op}: what it gives is not known"
    if not dtypes:
        return "has no output"
    if max(ports) >= len(dtypes):
        return f"is read at output {max(ports)}, and has {len(dtypes)}"
    if any(dtypes[port] >= tensors.REF for port in {0, *ports}):
        return "its readers need the variable itself"
    if node.op in _HOLDS_TOGETHER:
        return "holds a branch or a loop together"
    return ""


def _typed(plain: NodeDef, types: Sequence[DTypeEnum]) -> NodeDef:
    """A Print for values of these dtypes; the first is that of the value that it passes on."""
    printing = NodeDef()
    printing.CopyFrom(plain)
    printing.attr["T"].type = types[0]
    printing.attr["U"].list.type.extend(types[1:])
    return printing
