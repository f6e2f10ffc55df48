"""sparsify_gather: replaces a lookup in one sparse column by a lookup in a hash table.

Before: ``Gather(Identity(w), ids)`` with w of shape (n, 1). After: ``ExpandDims(find(table, ids),
-1)``, where the table holds the nonzero entries of w.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np

from inspector.errors import BadParameter, InspectorError, TransformFailed
from inspector.formats.checkpoint.bundle import open_checkpoint
from inspector.freezing.restore_keys import Key, assigned_keys
from inspector.graph import opdefs, tensors
from inspector.graph.control_flow import names_inside
from inspector.graph.edit import GraphEdit
from inspector.graph.editing.references import with_controls
from inspector.graph.functions import Library
from inspector.graph.graph import control_inputs, data_inputs, node_name
from inspector.graph.op_sets import PLACEHOLDERS
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.tensors import Array
from inspector.model.checkpoint import Checkpoint
from inspector.passes.base import Arg, PassContext, graph_pass
from inspector.passes.rewrite.constants import constant, read, tensor_of
from inspector.passes.rewrite.pattern import ANY, match, op

_NAME = "sparsify_gather"
_ZERO_BELOW = 1e-5
"""Smaller values count as zero; compared in float64, so the float32 closest to 1e-5 does."""
_COLUMN = op("Identity", op("Const|Variable|VariableV2", label="weights"), label="read")
_PATTERNS = {
    "Gather": op("Gather", _COLUMN, ANY),
    "GatherV2": op("GatherV2", _COLUMN, ANY, op("Const", label="axis")),
}
# The tool takes a writer away from a ref variable alone; resource variables have no edge to theirs.
_VARIABLES = frozenset(("Variable", "VariableV2"))
_ASSIGNS = frozenset(("Assign", "AssignAdd", "AssignSub"))


@graph_pass(
    effect="lossy",
    source="graph_transforms/sparsify_gather.cc",
    after="Freezing, where there is no checkpoint to read the weights from.",
)
def sparsify_gather(
    edit: GraphEdit,
    ctx: PassContext,
    *,
    input_checkpoint: Annotated[
        str | None,
        Arg("Prefix of the checkpoint with the values of variables.", file=True, first=True),
    ] = None,
    group_init_node: Annotated[
        str,
        Arg("Name of the NoOp that fills the tables; run it once before predicting.", first=True),
    ] = "group_deps",
) -> None:
    """Replace lookups in sparse float32 columns of shape (n, 1) by hash tables.

    The tables are empty until the node `group_init_node` has run. Values under 1e-5 count as zero.
    Variables are read from a checkpoint. Correct where the tool breaks the graph: int32 ids,
    several lookups in one column, columns with other consumers, which then stay.
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
        self.in_control_flow = names_inside(edit.graph)

    @cached_property
    def keys(self) -> Mapping[str, Key]:
        """Variable name to its key in the checkpoint, from the restore ops of the graph."""
        return assigned_keys(self.edit.graph)

    def run(self) -> None:
        for node in list(self.edit.nodes(tuple(_PATTERNS))):
            matched = match(self.edit, node, _PATTERNS[node.op])
            if matched is None:
                continue
            self.ctx.check_cancelled(_NAME)
            if why := self._why_not(node, matched):
                self.edit.skip(node, why)
            else:
                self._one(node, matched)
        self._fill()

    def _why_not(self, gather: NodeDef, matched: Mapping[str, NodeDef]) -> str:
        for node in (gather, *matched.values()):
            if node.name in self.ctx.feeds:
                return f"'{node.name}' is a feed"
        if gather.name in self.in_control_flow:
            return "is in a loop or branch, where a table cannot be filled"
        batch = opdefs.attr(gather, "batch_dims")
        if batch is not None and batch.i:
            return f"has batch_dims {batch.i}"
        if self._ids_dtype(gather) is None:
            return "its ids are neither int32 nor int64"
        return ""

    def _ids_dtype(self, gather: NodeDef) -> DTypeEnum | None:
        value = opdefs.attr(gather, "Tindices")
        dtype = None if value is None else value.type
        return dtype if dtype in (tensors.INT32, tensors.INT64) else None

    def _one(self, gather: NodeDef, matched: Mapping[str, NodeDef]) -> None:
        if "axis" in matched:
            axis = read(matched["axis"], _NAME)
            if axis.size != 1 or int(axis.reshape(-1)[0]) != 0:
                axes = axis.reshape(-1)[:3].tolist()
                reason = (
                    "Transform only applicable to subgraph with GatherV2 over axis 0. "
                    f"Found axis {axes[0] if len(axes) == 1 else axes}."
                )
                raise TransformFailed(_NAME, gather.name, reason)
        weights, name = matched["weights"], gather.name
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
        controls = [*control_inputs(gather), *control_inputs(matched["read"])]
        find.input[:] = with_controls([table, ids, default.name], controls, find.name)
        self._add(find, gather, "looks up what was gathered")
        last = constant(self.edit.unique(f"{name}/ExpandDims/Const"), -1, tensors.INT32)
        self._add(last, gather, "the axis of the column")
        column = NodeDef(name=name, op="ExpandDims", input=[find.name, last.name])
        column.attr["T"].type = tensors.FLOAT
        old = [str(matched[label].name) for label in ("read", "axis") if label in matched]
        self.edit.replace(column)
        self.edit.explain(name, "looks its rows up in a table", weights.name)
        self._drop_unread(old)

    def _add(self, node: NodeDef, before: NodeDef, rule: str) -> NodeDef:
        self.edit.explain(node.name, rule, before.name)
        return self.edit.add(node, before=before.name)

    def _table(self, weights: NodeDef, gather: NodeDef) -> str:
        """The name of the table with the entries of this column, created on first use."""
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
        # NaN counts as nonzero; the comparison is in float64, as in the tool.
        nonzero = np.flatnonzero(~(np.abs(flat).astype(np.float64) < _ZERO_BELOW))
        indices, entries = nonzero.astype(np.int64), flat[nonzero]
        if not nonzero.size:
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
        self._add(table, gather, f"holds {nonzero.size} of {flat.size} entries")
        fill = NodeDef(name=self.edit.unique(f"{weights.name}/InitializeTable"))
        fill.op = "InitializeTable"
        fill.input.extend([table.name, *parts])
        fill.attr["Tkey"].type, fill.attr["Tval"].type = tensors.INT64, tensors.FLOAT
        self._add(fill, gather, "fills the table")
        self.fills.append(fill.name)
        self.tables[weights.name] = str(table.name)
        return self.tables[weights.name]

    def _values(self, weights: NodeDef) -> Array:
        dtype_attr = opdefs.attr(weights, "dtype")
        dtype = (
            tensor_of(weights).dtype
            if weights.op == "Const"
            else (dtype_attr.type if dtype_attr else 0)
        )
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
        """Make the group node, created if missing, run the initialisation of all tables."""
        group = self.edit.get(self.group)
        controls = [f"^{name}" for name in self.fills]
        if group is None:
            self.edit.add(NodeDef(name=self.group, op="NoOp", input=controls))
            self.edit.explain(self.group, "run it to fill the tables")
        elif group.op != "NoOp":
            raise BadParameter(_NAME, "group_init_node", f"'{self.group}' is no NoOp")
        elif controls:
            self.edit.set_inputs(self.group, with_controls(group.input, controls, self.group))
            self.edit.explain(self.group, "run it to fill the tables")

    # Removing unused nodes

    def _drop_unread(self, names: list[str]) -> None:
        """Remove nodes without consumers, then nodes that only they read."""
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
        """The assignments to a node without other consumers; None if it has others."""
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
        """Remove an assignment and the control inputs on it; the names of its inputs."""
        for name in list(self.edit.reads(writer.name)):
            inputs = [text for text in self.edit[name].input if text != f"^{writer.name}"]
            self.edit.set_inputs(name, inputs)
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
    """The checkpoint key of a variable: its name, without ``/part_k`` of a partitioned one."""
    scope, _, last = name.rpartition("/")
    return scope if scope and last.startswith("part_") else name
