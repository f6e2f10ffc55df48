"""sparsify_gather: a lookup in one mostly empty column becomes a lookup in a hash table.

Before: ``Gather(Identity(w), ids)`` with w of shape (n, 1). After: ``ExpandDims(find(table, ids),
-1)``, where the table holds the entries of w that are not zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np

from inspector import opdefs, tensors
from inspector.checkpoint import Checkpoint, open_checkpoint
from inspector.edit import GraphEdit, with_controls
from inspector.errors import BadParameter, InspectorError, TransformFailed
from inspector.functions import Library
from inspector.graph import control_inputs, data_inputs, node_name
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.branches import inside
from inspector.passes.constants import constant, read, tensor_of
from inspector.passes.pattern import ANY, PLACEHOLDERS, match, op
from inspector.protos import NodeDef
from inspector.restore_walk import Key, assigned_keys
from inspector.tensors import Array

_NAME = "sparsify_gather"
_LEAST = 1e-5
"""Smaller values count as zero; compared in float64, so the float32 next to 1e-5 does."""
_COLUMN = op("Identity", op("Const|Variable|VariableV2", label="weights"), label="read")
_PATTERNS = {
    "Gather": op("Gather", _COLUMN, ANY),
    "GatherV2": op("GatherV2", _COLUMN, ANY, op("Const", label="axis")),
}
_VARIABLES = frozenset(("Variable", "VariableV2"))
_ASSIGNS = frozenset(("Assign", "AssignAdd", "AssignSub"))


@graph_pass(effect="lossy", source="graph_transforms/sparsify_gather.cc")
def sparsify_gather(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    input_checkpoint: Annotated[
        str | None,
        Arg("Prefix of the checkpoint that variables are read from.", file=True, first=True),
    ] = None,
    group_init_node: Annotated[
        str,
        Arg("The NoOp that fills the tables: run it once before the first prediction.", first=True),
    ] = "group_deps",
) -> None:
    """Look up mostly empty float32 columns of shape (n, 1) in hash tables instead.

    The tables are empty until the node of `group_init_node` was run. Values under 1e-5 count as
    zero. Variables are read from a checkpoint. Right where the tool breaks the graph: int32 ids,
    several lookups in one column, columns that others read as well, which then stay.
    """
    for node in edit.nodes():
        if "_output_shapes" in node.attr:
            del edit.mutable(node.name).attr["_output_shapes"]
            edit.explain(node.name, "what it says of its shape may be wrong by now")
    path = (
        None if input_checkpoint is None else ctx.file(_NAME, "input_checkpoint", input_checkpoint)
    )
    _Sparsify(edit, ctx, path, group_init_node).run()


class _Sparsify:
    def __init__(self, edit: GraphEdit, ctx: PassContext, path: Path | None, group: str) -> None:
        self.edit, self.ctx, self.group = edit, ctx, group
        self.checkpoint = None if path is None else _opened(path)
        self.tables: dict[str, str] = {}
        self.fills: list[str] = []
        self.held = inside(edit.graph)

    @cached_property
    def keys(self) -> Mapping[str, Key]:
        """Which part of the checkpoint is which variable, as the graph's own saver has it."""
        return assigned_keys(self.edit.graph)

    def run(self) -> None:
        for node in list(self.edit.nodes(tuple(_PATTERNS))):
            found = match(self.edit, node, _PATTERNS[node.op])
            if found is None:
                continue
            self.ctx.check_cancelled(_NAME)
            if why := self._why_not(node, found):
                self.edit.skip(node, why)
            else:
                self._one(node, found)
        self._fill()

    def _why_not(self, gather: NodeDef, found: Mapping[str, NodeDef]) -> str:
        for node in (gather, *found.values()):
            if node.name in self.ctx.feeds:
                return f"'{node.name}' is a feed"
        if gather.name in self.held:
            return "is in a loop or branch, where a table cannot be filled"
        batch = opdefs.attr(gather, "batch_dims")
        if batch is not None and batch.i:
            return f"has batch_dims {batch.i}"
        if self._ids_dtype(gather) is None:
            return "its ids are neither int32 nor int64"
        return ""

    def _ids_dtype(self, gather: NodeDef) -> int | None:
        value = opdefs.attr(gather, "Tindices")
        dtype = None if value is None else int(value.type)
        return dtype if dtype in (tensors.INT32, tensors.INT64) else None

    def _one(self, gather: NodeDef, found: Mapping[str, NodeDef]) -> None:
        if "axis" in found:
            axis = read(found["axis"], _NAME)
            if axis.size != 1 or int(axis.reshape(-1)[0]) != 0:
                shown = axis.reshape(-1)[:3].tolist()
                reason = (
                    "Transform only applicable to subgraph with GatherV2 over axis 0. "
                    f"Found axis {shown[0] if len(shown) == 1 else shown}."
                )
                raise TransformFailed(_NAME, gather.name, reason)
        weights, name = found["weights"], gather.name
        table = self._table(weights, gather)
        ids = data_inputs(gather)[1]
        if self._ids_dtype(gather) == tensors.INT32:
            cast = NodeDef(name=self.edit.unique(f"{name}/Cast"), op="Cast", input=[ids])
            cast.attr["SrcT"].type, cast.attr["DstT"].type = tensors.INT32, tensors.INT64
            ids = self._add(cast, gather, "the table's keys are int64").name
        default = constant(self.edit.unique(f"{name}/Const"), 0)
        self._add(default, gather, "what entries count as that the table does not hold")
        find = NodeDef(name=self.edit.unique(f"{name}/LookupTableFind"), op="LookupTableFind")
        find.attr["Tin"].type, find.attr["Tout"].type = tensors.INT64, tensors.FLOAT
        waits = [*control_inputs(gather), *control_inputs(found["read"])]
        find.input[:] = with_controls([table, ids, default.name], waits, find.name)
        self._add(find, gather, "looks up what was gathered")
        last = constant(self.edit.unique(f"{name}/ExpandDims/Const"), -1, tensors.INT32)
        self._add(last, gather, "the axis of the column")
        made = NodeDef(name=name, op="ExpandDims", input=[find.name, last.name])
        made.attr["T"].type = tensors.FLOAT
        old = [str(found[label].name) for label in ("read", "axis") if label in found]
        self.edit.replace(made)
        self.edit.explain(name, "looks its rows up in a table", weights.name)
        self._drop_unread(old)

    def _add(self, node: NodeDef, before: NodeDef, rule: str) -> NodeDef:
        self.edit.explain(node.name, rule, before.name)
        return self.edit.add(node, before=before.name)

    def _table(self, weights: NodeDef, gather: NodeDef) -> str:
        """The name of the table that holds this column, made when first asked for."""
        if weights.name in self.tables:
            return self.tables[weights.name]
        values = self._values(weights)
        if values.ndim != 2 or values.shape[1] != 1:
            reason = (
                "Transform only applicable to subgraph with 'Const' with tensor of shape [N, 1]. "
                f"But instead get shape {list(values.shape)}."
            )
            raise TransformFailed(_NAME, weights.name, reason)
        flat = values.reshape(-1)
        # A NaN is no zero either, and what is not compared in float64 is not the tool's.
        kept = np.flatnonzero(~(np.abs(flat).astype(np.float64) < _LEAST))
        indices, entries = kept.astype(np.int64), flat[kept]
        if not kept.size:
            indices, entries = np.zeros(1, np.int64), np.zeros(1, np.float32)
        parts: list[str] = []
        for part, value, dtype in (
            ("indices", indices, tensors.INT64),
            ("values", entries, tensors.FLOAT),
        ):
            name = self.edit.unique(f"{weights.name}/{part}")
            parts.append(name)
            self._add(constant(name, value, dtype), gather, "the entries that are not zero")
        table = NodeDef(name=self.edit.unique(f"{weights.name}/HashTable"), op="HashTable")
        table.attr["key_dtype"].type = tensors.INT64
        table.attr["value_dtype"].type = tensors.FLOAT
        self._add(table, gather, f"holds {kept.size} of {flat.size} entries")
        fill = NodeDef(name=self.edit.unique(f"{weights.name}/InitializeTable"))
        fill.op = "InitializeTable"
        fill.input.extend([table.name, *parts])
        fill.attr["Tkey"].type, fill.attr["Tval"].type = tensors.INT64, tensors.FLOAT
        self._add(fill, gather, "fills the table")
        self.fills.append(fill.name)
        self.tables[weights.name] = str(table.name)
        return self.tables[weights.name]

    def _values(self, weights: NodeDef) -> Array:
        held = opdefs.attr(weights, "dtype")
        dtype = tensor_of(weights).dtype if weights.op == "Const" else (held.type if held else 0)
        if dtype != tensors.FLOAT:
            reason = (
                "Transform only applicable to subgraph with 'Const', 'Variable', or 'VariableV2' "
                f"of dtype 'DT_FLOAT'. Found '{weights.op}' with name '{weights.name}' and dtype "
                f"'{tensors.dtype_name(dtype)}'."
            )
            raise TransformFailed(_NAME, weights.name, reason)
        if weights.op == "Const":
            return read(weights, _NAME)
        return self._restored(weights)

    def _restored(self, variable: NodeDef) -> Array:
        if self.checkpoint is None:
            reason = "Checkpoint reader was not initialized: give input_checkpoint"
            raise TransformFailed(_NAME, variable.name, reason)
        key = self.keys.get(variable.name) or Key(_whole(variable.name))
        try:
            values = self.checkpoint.read(key.name, key.slice_spec)
        except InspectorError as err:
            raise TransformFailed(_NAME, variable.name, err.why) from err
        shape = opdefs.attr(variable, "shape")
        sizes = None if shape is None else tensors.shape_of(shape.shape)
        if sizes and None not in sizes and tuple(sizes) != values.shape:
            reason = f"the checkpoint has shape {list(values.shape)} for it, not {sizes}"
            raise TransformFailed(_NAME, variable.name, reason)
        if values.dtype != np.float32:
            reason = f"the checkpoint has {values.dtype} for it, not float32"
            raise TransformFailed(_NAME, variable.name, reason)
        return values

    def _fill(self) -> None:
        """Have the group node, made where it is missing, wait for all tables to be filled."""
        group = self.edit.get(self.group)
        waits = [f"^{name}" for name in self.fills]
        if group is None:
            self.edit.add(NodeDef(name=self.group, op="NoOp", input=waits))
            self.edit.explain(self.group, "run it to fill the tables")
        elif group.op != "NoOp":
            raise BadParameter(_NAME, "group_init_node", f"'{self.group}' is no NoOp")
        elif waits:
            self.edit.set_inputs(self.group, with_controls(group.input, waits, self.group))
            self.edit.explain(self.group, "run it to fill the tables")

    # What nobody needs any more

    def _drop_unread(self, names: list[str]) -> None:
        """Take out nodes that lost their last reader, and then what only they read."""
        library = Library(self.edit.library)
        todo = list(names)
        while todo:
            node = self.edit.get(todo.pop())
            if node is None or node.name in self.ctx.boundary or node.op in PLACEHOLDERS:
                continue
            writers = self._writers(node)
            if writers is None or library.changes_state(node):
                continue
            for writer in writers:
                todo += self._drop_writer(writer, node)
            todo += [node_name(text) for text in node.input]
            self.edit.explain(node.name, "nobody reads it any more")
            self.edit.remove(node.name)

    def _writers(self, node: NodeDef) -> list[NodeDef] | None:
        """Who only writes to a node that nobody reads; None where somebody reads it."""
        reads = self.edit.reads(node.name)
        if node.op not in _VARIABLES:
            return None if reads else []
        writers = [self.edit[name] for name in reads]
        for writer in writers:
            is_read = any(max(ports) >= 0 for ports in self.edit.reads(writer.name).values())
            only_writes = list(reads[writer.name]) == [0] and data_inputs(writer)[0] == node.name
            if writer.op not in _ASSIGNS or not only_writes or is_read:
                return None
            if writer.name in self.ctx.boundary:
                return None
        return writers

    def _drop_writer(self, writer: NodeDef, variable: NodeDef) -> list[str]:
        """Take out an assignment that others at most wait for; the nodes it read."""
        for name in list(self.edit.reads(writer.name)):
            left = [text for text in self.edit[name].input if text != f"^{writer.name}"]
            self.edit.set_inputs(name, left)
            self.edit.explain(name, "waits no longer for a variable that is gone")
        self.edit.explain(writer.name, "the variable it writes is gone", variable.name)
        self.edit.remove(writer.name)
        return [name for name in map(node_name, writer.input) if name != variable.name]


def _opened(path: Path) -> Checkpoint:
    try:
        return open_checkpoint(path)
    except InspectorError as err:
        raise BadParameter(_NAME, "input_checkpoint", err.why) from err


def _whole(name: str) -> str:
    """A variable's key: its own name, without the last part of a partitioned one."""
    scope, _, last = name.rpartition("/")
    return scope if scope and last.startswith("part_") else name
