"""strip_unused_nodes: removes unneeded nodes, and turns the inputs into Placeholders.

set_shape: gives Placeholders another shape or batch, and names what contradicts it.
fix_batch: gives them a fixed batch, and the lists of loops over time too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Annotated

from inspector.errors import BadParameter, TransformFailed, did_you_mean
from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Graph, data_inputs, node_name, split_input
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.shapes import infer as shapes
from inspector.graph.tensors import Shape
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.boundary import passes_on
from inspector.passes.rewrite.constants import read
from inspector.passes.rewrite.loop_lists import fix_lists
from inspector.text import shape as _text

_NAME, _SET = "strip_unused_nodes", "set_shape"
_LISTED = 10
_SHAPED = {"Reshape": 1, "BroadcastTo": 1, "Fill": 0, "RandomUniform": 0, "RandomStandardNormal": 0}
"""Ops with an input that spells a shape, to the place of that input."""
_DIMENSIONS = re.compile(r"\s*-?[0-9]{1,18}\s*(,\s*-?[0-9]{1,18}\s*)*", re.ASCII)


@graph_pass(effect="exact", source="graph_transforms/strip_unused_nodes.cc")
def strip_unused_nodes(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    type: Annotated[
        str | None, Arg("Dtype of the new Placeholders; by default that of the input.", "float")
    ] = None,
    shape: Annotated[
        str | None,
        Arg("Their shape, -1 if unknown; by default that of the input.", '"1,224,224,3"'),
    ] = None,
    name: Annotated[tuple[str, ...], Arg("Inputs with another dtype and shape.")] = (),
    type_for_name: Annotated[tuple[str, ...], Arg("Their dtypes, in the order of name.")] = (),
    shape_for_name: Annotated[tuple[str, ...], Arg("Their shapes, in the order of name.")] = (),
) -> None:
    """Keep only nodes between the inputs, which become Placeholders, and the outputs.

    By default a new Placeholder has the dtype and shape of the input; the tool made it a float
    scalar. An input ``s:1`` keeps its name: ``s`` becomes an IdentityN of several Placeholders.
    """
    graph = edit.graph
    for text in ctx.outputs:
        if node_name(text) not in edit:
            names = (node.name for node in graph.nodes)
            reason = f"Input node {node_name(text)} not found in graph"
            raise TransformFailed(_NAME, "outputs", reason + did_you_mean(node_name(text), names))
    cut = _Cut(graph, ctx)
    for node in graph.nodes:
        if node.name not in cut.needed:
            edit.explain(node.name, "no output needs it")
            edit.remove(node.name)
    for uncut, why in cut.uncut.items():
        edit.skip(uncut, why)
    overrides = _Overrides(type, shape, name, type_for_name, shape_for_name)
    replaced = [node for node in map(graph.node, cut.ports) if node.op != "Placeholder"]
    _explain_kept(edit, [graph.node(text) for text in cut.ports], overrides)
    if not replaced:
        return
    inferred = shapes.infer(graph)
    for node in replaced:
        _replace(edit, node, cut.ports[node.name], overrides, inferred)


@graph_pass(effect="unchecked", source="inspector")
def set_shape(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    shape: Annotated[str | None, Arg("The new shape, -1 if unknown.", '"1,224,224,3"')] = None,
    batch: Annotated[
        int, Arg("The new first dimension, -1 if unknown; 0 leaves it as it is.", least=-1)
    ] = 0,
    name: Annotated[tuple[str, ...], Arg("The placeholders; by default all inputs.")] = (),
) -> None:
    """Give placeholders another shape or batch, and name what contradicts it.

    An error names every node whose inputs do not fit together any more, as a Reshape to a constant
    shape. Recorded as left alone: constant shapes that still hold the old batch. Notes of shapes
    (`_output_shapes`) downstream are removed.
    """
    if (shape is None) == (batch == 0):
        raise BadParameter(_SET, "shape", "give a shape or a batch, e.g. batch=1")
    requested = None if shape is None else _shape(shape, "shape", _SET)
    earlier = shapes.contradictions(edit.graph)
    olds: dict[str, Shape | None] = {}
    for node in _placeholders(edit, ctx, name):
        old = tensors.shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        if requested is None and not old:
            why = "the rank is not known" if old is None else "is a scalar, which has no batch"
            edit.skip(node, f"{why}: give a shape")
            continue
        new = (
            requested if requested is not None else [None if batch < 0 else batch, *(old or [])[1:]]
        )
        if new != old:
            edit.mutable(node.name).attr["shape"].shape.CopyFrom(tensors.make_shape(new))
            edit.explain(node.name, f"shape {_text(new)} in place of {_text(old)}")
            olds[node.name] = old
    if not olds:
        return
    below = edit.graph.descendants(olds) - olds.keys()
    for node in list(edit.nodes()):
        if node.name in below and "_output_shapes" in node.attr:
            del edit.mutable(node.name).attr["_output_shapes"]
            edit.explain(node.name, "what was noted of its shape no longer holds")
    _refuse_contradictions(edit, earlier, olds)
    size = requested[0] if requested else None if batch < 0 else batch
    batches = {old[0] for old in olds.values() if old and old[0] not in (None, size)}
    _note_constants(edit, below, batches)


@graph_pass(effect="unchecked", source="inspector")
def fix_batch(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    batch: Annotated[int, Arg("The rows of every run.", "1", least=1)],
) -> None:
    """Give the inputs a fixed batch, and with them the lists that loops over time keep.

    As `set_shape(batch=1)`. An LSTM or GRU of TensorFlow 2 reads its steps from a list and writes
    its results into another, whose elements have an unknown first dimension: where the shapes of
    the steps begin with the batch, the constants that spell it get it. TFLite has operators for
    such a loop only then. Loops of which that is not known are recorded as left alone.
    """
    set_shape.function(edit, ctx, batch=batch)
    fix_lists(edit, ctx, batch)


def _placeholders(edit: GraphEdit, ctx: PassContext, names: tuple[str, ...]) -> list[NodeDef]:
    """The placeholders of these names. Raises: TransformFailed for another node, or none."""
    if not names:
        chosen = [edit[text] for text in dict.fromkeys(map(node_name, ctx.inputs)) if text in edit]
        return [node for node in chosen or edit.nodes() if node.op in PLACEHOLDERS]
    nodes = []
    for text in dict.fromkeys(map(node_name, names)):
        node = edit.get(text)
        if node is None:
            candidates = [item.name for item in edit.nodes() if item.op in PLACEHOLDERS]
            raise TransformFailed(
                _SET, text, "no node of this name" + did_you_mean(text, candidates)
            )
        if node.op not in PLACEHOLDERS:
            reason = f"is no placeholder but a node of op {node.op}; strip_unused_nodes makes one"
            raise TransformFailed(_SET, text, reason)
        nodes.append(node)
    return nodes


def _refuse_contradictions(
    edit: GraphEdit, earlier: Mapping[str, str], olds: Mapping[str, Shape | None]
) -> None:
    """Raises: TransformFailed with every node that the new shapes do not fit."""
    faults = shapes.contradictions(edit.current())
    faults = {name: why for name, why in faults.items() if name not in earlier}
    inferred = shapes.Inferred(edit.graph)
    for name in olds:
        node = edit[name]
        default = inferred.of(node.input[0]) if data_inputs(node) else None
        new = tensors.shape_of(node.attr["shape"].shape)
        if default is not None and new is not None and not _fits(default, new):
            faults[name] = f"its default has shape {_text(default)}"
    if not faults:
        return
    listed = [f"'{name}' ({edit[name].op}: {why})" for name, why in list(faults.items())[:_LISTED]]
    more = f" and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
    changed = ", ".join(f"'{name}' had {_text(old)}" for name, old in list(olds.items())[:_LISTED])
    reason = f"the new shape contradicts {', '.join(listed)}{more}; {changed}"
    raise TransformFailed(_SET, next(iter(faults)), reason)


def _note_constants(edit: GraphEdit, below: Set[str], batches: Set[int | None]) -> None:
    """Record nodes downstream whose constant shape still begins with an old batch."""
    for node in edit.nodes(tuple(_SHAPED)) if batches else ():
        inputs = data_inputs(node)
        place = _SHAPED[node.op]
        source = edit.get(node_name(inputs[place])) if len(inputs) > place else None
        if node.name not in below or source is None or source.op != "Const":
            continue
        items = read(source, _SET).reshape(-1)
        if items.size > 1 and int(items[0]) in batches:
            edit.skip(node, f"its constant shape {items.tolist()} still has the old batch")


def _fits(actual: Shape, declared: Shape) -> bool:
    return len(actual) == len(declared) and all(
        None in (size, need) or size == need for size, need in zip(actual, declared, strict=True)
    )


class _Cut:
    """Decides where the graph is cut.

    Attributes:
        ports: Name of each input node that is replaced to its ports that are read.
        uncut: Name of each input node that must stay, to the reason.
        needed: Names of all nodes that stay.
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
            self.needed = graph.ancestors(ctx.fetches | set(feeds), self.ports)
            for node in graph.nodes:
                if node.name in self.needed and node.name not in self.ports:
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


def _explain_kept(edit: GraphEdit, nodes: list[NodeDef], overrides: _Overrides) -> None:
    """Record the inputs that are Placeholders already, where another dtype or shape is asked for.

    They keep both, as in the tool.
    """
    if not (overrides.type or overrides.shape or overrides.names):
        return
    for node in nodes:
        if node.op != "Placeholder" or not overrides.consistent:
            continue
        try:
            dtype, shape = overrides.of(node.name)
        except BadParameter:  # as in the tool, arguments that nothing uses are not read
            return
        own = tensors.shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        if dtype not in (None, node.attr["dtype"].type) or (shape is not None and shape != own):
            edit.skip(
                node,
                "is a Placeholder already: it keeps dtype and shape; set_shape changes the shape",
            )


@dataclass(frozen=True)
class _Overrides:
    """The arguments for dtypes and shapes, parsed only if an input is replaced."""

    type: str | None
    shape: str | None
    names: tuple[str, ...]
    types: tuple[str, ...]
    shapes: tuple[str, ...]

    @property
    def consistent(self) -> bool:
        """Whether there is a dtype and a shape for every name."""
        return len(self.names) == len(self.types) == len(self.shapes)

    def of(self, name: str) -> tuple[DTypeEnum | None, Shape | None]:
        """Requested dtype and shape of this input; None without a request. Raises: BadParameter."""
        if not self.consistent:
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
    overrides: _Overrides,
    inferred: Mapping[str, list[Shape | None]],
) -> None:
    dtypes = opdefs.output_dtypes(node, edit.library) or []
    asked_dtype, asked_shape = overrides.of(node.name)

    def placeholder(name: str, port: int) -> NodeDef:
        dtype = dtypes[port] if port < len(dtypes) else tensors.FLOAT
        output_shapes = inferred.get(node.name) or []
        shape = output_shapes[port] if port < len(output_shapes) else None
        fed = NodeDef(name=name, op="Placeholder")
        fed.attr["dtype"].type = asked_dtype or tensors.base_dtype(dtype)
        fed.attr["shape"].shape.CopyFrom(
            tensors.make_shape(shape if asked_shape is None else asked_shape)
        )
        return fed

    rule = "an input, fed from here on"
    edit.explain(node.name, rule, f"{node.op} {node.name}")
    if ports <= {0}:
        edit.replace(placeholder(node.name, 0))
        return
    several = NodeDef(name=node.name, op="IdentityN")
    for port in range(max(ports) + 1):
        fed = placeholder(edit.unique(f"{node.name}/{port}"), port)
        edit.add(fed, before=node.name)
        edit.explain(fed.name, rule, f"{node.name}:{port}")
        several.input.append(fed.name)
        several.attr["T"].list.type.append(fed.attr["dtype"].type)
    edit.replace(several)


def _dtype(text: str, key: str) -> DTypeEnum:
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


def _shape(text: str, key: str, transform: str = _NAME) -> Shape:
    if not text:
        raise BadParameter(
            transform, key, "Specified shape is empty (expected sizes like 1,224,224,3)"
        )
    if not _DIMENSIONS.fullmatch(text):
        reason = f"Could not parse as shape: '{text}' (expected sizes like 1,224,224,3)"
        raise BadParameter(transform, key, reason)
    return [None if size < 0 else size for size in map(int, text.split(","))]
