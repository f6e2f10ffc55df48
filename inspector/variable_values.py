"""The values of a model's variables and tables, found in its checkpoint and read when asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from inspector import opdefs
from inspector.checkpoint import Checkpoint
from inspector.errors import CorruptModel, MissingVariables
from inspector.model import Model
from inspector.protos import NodeDef
from inspector.restore_walk import Key, Restored, walk_restore
from inspector.tensors import REF, STRING, Array, Shape, dtype_name, numpy_dtype, shape_of
from inspector.variable_flow import VARIABLES

TABLES = (
    "HashTable",
    "HashTableV2",
    "MutableHashTable",
    "MutableHashTableV2",
    "MutableHashTableOfTensors",
    "MutableHashTableOfTensorsV2",
    "MutableDenseHashTable",
    "MutableDenseHashTableV2",
)

Identity = tuple[str, str, str]


def identity(node: NodeDef) -> Identity | None:
    """What names the resource behind a node that holds one; None for all other nodes.

    Two nodes with one identity are one variable or table.
    """
    if node.op not in (*VARIABLES, *TABLES) and (
        "shared_name" not in node.attr or not opdefs.is_stateful(node.op)
    ):
        return None
    shared = node.attr["shared_name"].s if "shared_name" in node.attr else b""
    container = node.attr["container"].s if "container" in node.attr else b""
    name = shared.decode(errors="replace") or node.name
    return "table" if node.op in TABLES else "", container.decode(errors="replace"), name


class VariableValues:
    """Reads values by node; the restore op is walked when the first one is asked for."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._known: Restored | None = None
        self._twins: dict[Identity | None, str] = {}

    def read(self, node: NodeDef) -> tuple[Array, int]:
        """The value of a variable's node, and its dtype's number.

        Raises: MissingVariables (no checkpoint, or no such key in it), CorruptModel.
        """
        name = f"variable '{node.name}'"
        checkpoint, key = self._model.checkpoint, self._key(node)
        if checkpoint is None:
            raise without_values(self._model, [node.name])
        if key.name not in checkpoint:
            reason = f"the checkpoint has no key '{key.name}'"
            raise MissingVariables(self._model.name, name, reason)
        array, stored = checkpoint.read(key.name, key.slice_spec), checkpoint.dtype(key.name)
        dtype = int(node.attr["dtype"].type) % REF if "dtype" in node.attr else stored
        if stored != dtype:
            numpy = numpy_dtype(dtype)
            if numpy is None or STRING in (dtype, stored):
                reason = f"{dtype_name(stored)} in the checkpoint, {dtype_name(dtype)} in the graph"
                raise CorruptModel(self._model.name, name, reason)
            array = array.astype(numpy)
        shape = shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        return _shaped(array, shape, self._model.name, name), dtype

    def read_table(self, node: NodeDef) -> list[tuple[Array, int]] | None:
        """Keys and values of a table whose entries are in the checkpoint, each with its dtype.

        None for a table that is filled in another way. Raises: MissingVariables, CorruptModel.
        """
        keys = self._restored().tables.get(node.name)
        checkpoint = self._model.checkpoint
        if keys is None or checkpoint is None:
            return None
        return [_with_dtype(checkpoint, key) for key in keys]

    def _key(self, node: NodeDef) -> Key:
        """The checkpoint's key of a variable: as the restore op says, else by its own name."""
        restored = self._restored()
        own = identity(node)
        for name in (node.name, self._twins.get(own)):
            if name is not None and name in restored.variables:
                return restored.variables[name]
        checkpoint = self._model.checkpoint
        if own is not None and checkpoint is not None and node.name not in checkpoint:
            return Key(own[-1])
        return Key(node.name)

    def _restored(self) -> Restored:
        if self._known is None:
            meta = self._model.meta_graph
            self._known = Restored()
            if meta is not None and meta.saver_def.restore_op_name:
                ops = meta.meta_info_def.stripped_op_list.op
                restore_op = meta.saver_def.restore_op_name
                self._known = walk_restore(self._model.graph, restore_op, ops)
            for name in self._known.variables:
                node = self._model.graph.get(name)
                if node is not None:
                    self._twins.setdefault(identity(node), name)
        return self._known


def without_values(model: Model, variables: Sequence[str]) -> MissingVariables:
    """The error for variables of a model without a checkpoint: which, and what is not there."""
    more = f" and {len(variables) - 1} more" if len(variables) > 1 else ""
    verb = "they have no values" if more else "it has no value"
    return MissingVariables(
        model.name, f"variable '{variables[0]}'{more}", f"{verb}: {_absent(model)}"
    )


def _absent(model: Model) -> str:
    if any("cannot be read" in text for text in model.warnings):
        return "the checkpoint is damaged"
    if model.format == "SavedModel":
        return "there is no variables folder"
    if model.format == "MetaGraphDef":
        prefix = model.name.removesuffix(".meta")
        return f"the checkpoint '{prefix}' is not beside it ({prefix}.index and its data files)"
    return "the graph came without a checkpoint"


def _with_dtype(checkpoint: Checkpoint, key: Key) -> tuple[Array, int]:
    return checkpoint.read(key.name, key.slice_spec), checkpoint.dtype(key.name)


def _shaped(array: Array, shape: Shape | None, what: str, name: str) -> Array:
    """The array in the shape that the graph declares, where that is known."""
    if shape is None or None in shape or list(array.shape) == shape:
        return array
    sizes = [size or 0 for size in shape]
    if array.size != math.prod(sizes):
        reason = f"shape {list(array.shape)} in the checkpoint, {shape} in the graph"
        raise CorruptModel(what, name, reason)
    return array.reshape(sizes)
