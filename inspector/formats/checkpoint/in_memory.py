"""A checkpoint whose values are in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from inspector.errors import MissingVariables
from inspector.formats.checkpoint.bundle import cut
from inspector.graph import tensors
from inspector.graph.protos import DTypeEnum, TensorProto
from inspector.graph.tensors import Array
from inspector.model.checkpoint import Checkpoint, Variable


class MemoryCheckpoint(Checkpoint):
    """Values by key, as another process sent them.

    Args:
        prefix: What the files' names of the checkpoint began with.
    """

    def __init__(
        self, prefix: Path, variables: Sequence[Variable], values: Mapping[str, TensorProto]
    ) -> None:
        self.name: str = prefix.name
        self.prefix = prefix
        self._variables = list(variables)
        self._values = values

    def files(self) -> list[Path]:
        """None: it has no files of its own."""
        return []

    def missing(self) -> list[str]:
        """Nothing."""
        return []

    def variables(self) -> list[Variable]:
        """See `Checkpoint.variables`."""
        return self._variables

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def dtype(self, key: str) -> DTypeEnum:
        """See `Checkpoint.dtype`."""
        return self._value(key).dtype

    def read(self, key: str, slice_spec: str = "") -> Array:
        """See `Checkpoint.read`."""
        value = tensors.to_numpy(self._value(key), where=key)
        return cut(value, slice_spec, self.name, key)

    def _value(self, key: str) -> TensorProto:
        if key not in self._values:
            raise MissingVariables(self.name, key, "the checkpoint has no such key")
        return self._values[key]
