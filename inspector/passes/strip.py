"""strip_unused_nodes: what the outputs do not need goes, and the inputs become Placeholders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from inspector import opdefs, shapes, tensors
from inspector.edit import GraphEdit
from inspector.errors import BadParameter, TransformFailed, did_you_mean
from inspector.graph import Graph, node_name, split_input
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.boundary import passes_on
from inspector.protos import NodeDef
from inspector.tensors import Shape

_NAME = "strip_unused_nodes"
_DIMENSIONS = re.compile(r"\s*-?[0-9]{1,18}\s*(,\s*-?[0-9]{1,18}\s*)*", re.ASCII)


@graph_pass(effect="exact", source="graph_transforms/strip_unused_nodes.cc")
def strip_unused_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    type: Annotated[
        str | None, Arg("Dtype of inputs that become Placeholders; left out: as it was.", "float")
    ] = None,
    shape: Annotated[
        str | None, Arg("Their shape, -1 where unknown; left out: as it was.", '"1,224,224,3"')
    ] = None,
    name: Annotated[tuple[str, ...], Arg("Inputs with a dtype and shape of their own.")] = (),
    type_for_name: Annotated[tuple[str, ...], Arg("Their dtypes, in the order of name.")] = (),
    shape_for_name: Annotated[tuple[str, ...], Arg("Their shapes, in the order of name.")] = (),
) -> None:
    """Keep only what the outputs need, cut off at the inputs, which become Placeholders.

    Without arguments a new Placeholder has the dtype and shape that the input had; the tool made
    it a float scalar. An input ``s:1`` keeps its name: ``s`` then passes several Placeholders on.
    """
    graph = edit.graph
    for text in ctx.outputs:
        if node_name(text) not in edit:
            known = (node.name for node in graph.nodes)
            reason = f"Input node {node_name(text)} not found in graph"
            raise TransformFailed(_NAME, "outputs", reason + did_you_mean(node_name(text), known))
    cut = _Cut(graph, ctx)
    for node in graph.nodes:
        if node.name not in cut.kept:
            edit.explain(node.name, "no output needs it")
            edit.remove(node.name)
    for found, why in cut.uncut.items():
        edit.skip(found, why)
    replaced = [node for node in map(graph.node, cut.ports) if node.op != "Placeholder"]
    if not replaced:
        return
    wanted = _Wanted(type, shape, name, type_for_name, shape_for_name)
    known_shapes = shapes.infer(graph)
    for node in replaced:
        _replace(edit, node, cut.ports[node.name], wanted, known_shapes)


class _Cut:
    """Where the graph is cut.

    Attributes:
        ports: Name of each input node that is cut to the ports that are read.
        uncut: Name of each input node that must stay to the reason.
        kept: Names of all nodes that stay.
    """

    def __init__(self, graph: Graph, ctx: PassContext) -> None:
        self.uncut: dict[str, str] = {}
        names = dict.fromkeys(map(node_name, ctx.inputs))
        feeds = {name: node for name in names if (node := graph.get(name)) is not None}
        while True:
            self.ports: dict[str, set[int]] = {
                name: ctx.fetched_ports(name)
                for name, node in feeds.items()
                if name not in self.uncut and not passes_on(graph, node)
            }
            self.kept = graph.ancestors(ctx.fetches | set(feeds), self.ports)
            for node in graph.nodes:
                if node.name in self.kept and node.name not in self.ports:
                    for text in node.input:
                        source = split_input(text)
                        if source.name in self.ports and not source.control:
                            self.ports[source.name].add(source.port)
            more = {}
            for name, ports in self.ports.items():
                missing = ports - ctx.fed_ports(name)
                if missing:
                    port = min(missing)
                    more[name] = f"its output {port} is needed too, and that is no input"
            if not more:
                return
            self.uncut |= more


@dataclass(frozen=True)
class _Wanted:
    """The arguments, looked at only when an input is replaced."""

    type: str | None
    shape: str | None
    names: tuple[str, ...]
    types: tuple[str, ...]
    shapes: tuple[str, ...]

    def of(self, name: str) -> tuple[int | None, Shape | None]:
        """Dtype and shape asked for this input; None where nothing was."""
        if not len(self.names) == len(self.types) == len(self.shapes):
            reason = (
                "You must pass a 'type_for_name' and a 'shape_for_name' arg for every 'name', but "
                f"found {len(self.types)} and {len(self.shapes)} for {len(self.names)}"
            )
            raise BadParameter(_NAME, "name", reason)
        dtype = None if self.type is None else _dtype(self.type, "type")
        shape = None if self.shape is None else _shape(self.shape, "shape")
        for item, own_type, own_shape in zip(self.names, self.types, self.shapes, strict=True):
            if node_name(item) == name:
                dtype, shape = (
                    _dtype(own_type, "type_for_name"),
                    _shape(own_shape, "shape_for_name"),
                )
        return dtype, shape


def _replace(
    edit: GraphEdit,
    node: NodeDef,
    ports: set[int],
    wanted: _Wanted,
    known: Mapping[str, list[Shape | None]],
) -> None:
    dtypes = opdefs.output_dtypes(node, edit.library) or []
    asked_dtype, asked_shape = wanted.of(node.name)

    def placeholder(name: str, port: int) -> NodeDef:
        dtype = dtypes[port] if port < len(dtypes) else tensors.FLOAT
        found = known.get(node.name) or []
        shape = found[port] if port < len(found) else None
        made = NodeDef(name=name, op="Placeholder")
        made.attr["dtype"].type = asked_dtype or dtype % tensors.REF
        made.attr["shape"].shape.CopyFrom(
            tensors.make_shape(shape if asked_shape is None else asked_shape)
        )
        return made

    rule = "an input, fed from here on"
    edit.explain(node.name, rule, f"{node.op} {node.name}")
    if ports <= {0}:
        edit.replace(placeholder(node.name, 0))
        return
    several = NodeDef(name=node.name, op="IdentityN")
    for port in range(max(ports) + 1):
        made = placeholder(edit.unique(f"{node.name}/{port}"), port)
        edit.add(made, before=node.name)
        edit.explain(made.name, rule, f"{node.name}:{port}")
        several.input.append(made.name)
        several.attr["T"].list.type.append(made.attr["dtype"].type)
    edit.replace(several)


def _dtype(text: str, key: str) -> int:
    try:
        if text == text.lower():
            return tensors.dtype_enum(text)
    except KeyError:
        pass
    raise BadParameter(
        _NAME,
        key,
        f"Couldn't understand type argument '{text}' (expected one like float, int32 or quint8)",
    )


def _shape(text: str, key: str) -> Shape:
    if not text:
        raise BadParameter(_NAME, key, "Specified shape is empty (expected sizes like 1,224,224,3)")
    if not _DIMENSIONS.fullmatch(text):
        reason = f"Could not parse as shape: '{text}' (expected sizes like 1,224,224,3)"
        raise BadParameter(_NAME, key, reason)
    return [None if size < 0 else size for size in map(int, text.split(","))]
