"""insert_logging: values printed to the log of the runtime as they are computed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Annotated

from inspector import opdefs, tensors
from inspector.edit import GraphEdit
from inspector.graph import BACK_EDGES, Input
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.branches import ENTERS, SWITCHES
from inspector.protos import NodeDef

_HOLDS_TOGETHER = SWITCHES | ENTERS | BACK_EDGES | {"LoopCond"}


@graph_pass(effect="exact", source="graph_transforms/insert_logging.cc")
def insert_logging(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    op: Annotated[tuple[str, ...], Arg("Op types to log, e.g. Relu; none for all.")] = (),
    prefix: Annotated[tuple[str, ...], Arg("Starts of node names to log; none for all.")] = (),
    message: Annotated[str, Arg("Text in front of the values.")] = "",
    show_name: Annotated[bool, Arg("Put the node's name in front.")] = False,
    show_op: Annotated[bool, Arg("Put the op type in front.")] = False,
    first_n: Annotated[int, Arg("Log only this many times; -1 for always.", bits=32)] = -1,
    summarize: Annotated[int, Arg("Log only this many values of each tensor.", bits=32)] = 1024,
) -> None:
    """Log the outputs of chosen nodes by a Print after each; only nodes that are read are logged.

    Left alone, where the tool breaks the graph: nodes without outputs, reference variables, and
    nodes that hold a branch or loop together. Run twice, it logs twice, under names of their own.
    """
    library = {item.signature.name: item.signature for item in edit.library.function}
    moved: dict[Input, Input] = {}
    made: dict[str, NodeDef] = {}
    for node in edit.nodes():
        reads = edit.reads(node.name)
        if not reads or (op and node.op not in op):
            continue
        if prefix and not node.name.startswith(prefix):
            continue
        ports = {max(port, 0) for found in reads.values() for port in found}
        dtypes = opdefs.output_dtypes(node, library)
        if why := _why_not(node, ports, dtypes):
            edit.skip(node, why)
            continue
        name = f"{node.name}__print__"
        text = (f";{node.op};" if show_op else "") + (f";{name};" if show_name else "") + message
        printing = _print(edit.unique(name), node, sorted(ports), dtypes or [])
        printing.attr["message"].s = text.encode()
        printing.attr["first_n"].i = first_n
        printing.attr["summarize"].i = summarize
        made[node.name] = printing
        moved[Input(node.name, 0, False)] = Input(printing.name, 0, False)
        edit.explain(printing.name, "logs a node", node.name)
        for reader, found in reads.items():
            if 0 in found:
                edit.explain(reader, "reads past the log", node.name)
    edit.rewire(moved)
    names = [node.name for node in edit.nodes()]
    following = dict(itertools.pairwise(names))
    for name, printing in made.items():
        edit.add(printing, before=following.get(name))


def _why_not(node: NodeDef, ports: set[int], dtypes: list[int] | None) -> str:
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


def _print(name: str, node: NodeDef, ports: Iterable[int], dtypes: list[int]) -> NodeDef:
    made = NodeDef(name=name, op="Print", input=[node.name])
    made.attr["T"].type = dtypes[0]
    made.attr["U"].list.SetInParent()
    for port in ports:
        made.input.append(str(Input(node.name, port, False)))
        made.attr["U"].list.type.append(dtypes[port])
    return made
