"""Reads the values of a model's variables and tables from its checkpoint, on demand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property

from inspector.errors import CorruptModel, MissingVariables
from inspector.freezing.restore_keys import Key, Restored, walk_restore
from inspector.graph.protos import DTypeEnum, NodeDef
from inspector.graph.tensors import (
    STRING,
    Array,
    Shape,
    base_dtype,
    dtype_name,
    numpy_dtype,
    shape_of,
)
from inspector.model import initial_state
from inspector.model.checkpoint import Checkpoint
from inspector.model.initial_state import RESTORED
from inspector.model.model import Model
from inspector.model.object_graph import captured_keys
from inspector.model.resources import Identity, identity


class VariableValues:
    """Reads values by node; the first read walks the restore op."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._walked: Restored | None = None
        self._twins: dict[Identity | None, str] = {}

    def read(self, node: NodeDef) -> tuple[Array, DTypeEnum]:
        """The value of a variable's node, and its dtype's enum number.

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
        dtype = base_dtype(node.attr["dtype"].type) if "dtype" in node.attr else stored
        if stored != dtype:
            numpy = numpy_dtype(dtype)
            if numpy is None or STRING in (dtype, stored):
                reason = f"{dtype_name(stored)} in the checkpoint, {dtype_name(dtype)} in the graph"
                raise CorruptModel(self._model.name, name, reason)
            array = array.astype(numpy)
        shape = shape_of(node.attr["shape"].shape) if "shape" in node.attr else None
        return _shaped(array, shape, self._model.name, name), dtype

    def read_table(self, node: NodeDef) -> list[tuple[Array, DTypeEnum]] | None:
        """Keys and values of a table whose entries are in the checkpoint, each with its dtype.

        None for any other table. Raises: MissingVariables, CorruptModel.
        """
        keys = self._restored().tables.get(node.name)
        checkpoint = self._model.checkpoint
        if keys is None or checkpoint is None:
            return None
        return [_with_dtype(checkpoint, key) for key in keys]

    def _key(self, node: NodeDef) -> Key:
        """The checkpoint key of a variable: of the restore op, of an object, else its own name."""
        if node.name in self._model.variable_keys:
            return Key(self._model.variable_keys[node.name])
        restored = self._restored()
        own = identity(node)
        if node.name in restored.variables:
            return restored.variables[node.name]
        if node.name in self._captured:
            return self._captured[node.name]
        if (twin := self._twins.get(own)) is not None:
            return restored.variables[twin]
        checkpoint = self._model.checkpoint
        if own is not None and checkpoint is not None and node.name not in checkpoint:
            return Key(own[-1])
        return Key(node.name)

    def unrestored(self) -> dict[str, Key]:
        """Variables of the main graph that functions capture and the restore op does not set."""
        if not self._captured:
            return {}
        restored = self._restored().variables
        return {
            name: key
            for name, key in self._captured.items()
            if name not in restored
            and restored.get(self._twins.get(identity(self._model.graph.node(name)), "")) != key
        }

    @cached_property
    def _captured(self) -> dict[str, Key]:
        return {name: Key(key) for name, key in captured_keys(self._model).items()}

    def _restored(self) -> Restored:
        if self._walked is None:
            meta = self._model.meta_graph
            self._walked = Restored()
            if meta is not None and meta.saver_def.restore_op_name:
                ops = meta.meta_info_def.stripped_op_list.op
                restore_op = meta.saver_def.restore_op_name
                self._walked = walk_restore(self._model.graph, restore_op, ops)
            for name in self._walked.variables:
                node = self._model.graph.get(name)
                if node is not None:
                    self._twins.setdefault(identity(node), name)
        return self._walked


def without_values(model: Model, variables: Sequence[str]) -> MissingVariables:
    """The error for variables of a model without a checkpoint."""
    reasons = initial_state.find(model.outline).missing if model.format == "GraphDef" else {}
    variables = sorted(variables, key=lambda name: name not in reasons)
    more = f" and {len(variables) - 1} more" if len(variables) > 1 else ""
    verb = "they have no values" if more else "it has no value"
    why = model.no_values
    reason = reasons.get(variables[0], RESTORED)
    why += "" if reason == RESTORED else f", and {reason}"
    return MissingVariables(model.name, f"variable '{variables[0]}'{more}", f"{verb}: {why}")


def _with_dtype(checkpoint: Checkpoint, key: Key) -> tuple[Array, DTypeEnum]:
    return checkpoint.read(key.name, key.slice_spec), checkpoint.dtype(key.name)


def _shaped(array: Array, shape: Shape | None, what: str, name: str) -> Array:
    """The array in the shape that the graph declares, if that is known."""
    if shape is None or None in shape or list(array.shape) == shape:
        return array
    sizes = [size or 0 for size in shape]
    if array.size != math.prod(sizes):
        reason = f"shape {list(array.shape)} in the checkpoint, {shape} in the graph"
        raise CorruptModel(what, name, reason)
    return array.reshape(sizes)
