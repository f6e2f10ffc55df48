"""What all checkpoint formats have in common: keys, dtypes, shapes, values read one at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inspector.graph.protos import DTypeEnum
from inspector.graph.tensors import Array, Shape
from inspector.printing.short_record import ShortRecord

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
"""The one entry of a TF 2 checkpoint that is no variable: the objects they belong to."""


@dataclass(frozen=True, repr=False)
class Variable(ShortRecord):
    """One tensor of the checkpoint; its value is not read.

    Attributes:
        name: Its key.
        dtype, shape: As TensorFlow names them; unknown sizes are None.
        bytes: Its size on disk.
    """

    name: str
    dtype: str
    shape: Shape | None
    bytes: int


class Checkpoint(ABC):
    """Keys and values of one checkpoint, whatever its format.

    Attributes:
        prefix: What its files' names begin with.
    """

    name: str
    prefix: Path

    @property
    def restore_path(self) -> str:
        """What TensorFlow's restore op takes."""
        return str(self.prefix)

    @abstractmethod
    def files(self) -> list[Path]:
        """Its files that are there."""

    @abstractmethod
    def missing(self) -> list[str]:
        """The names of files that hold values and are not there."""

    @abstractmethod
    def variables(self) -> list[Variable]:
        """What the checkpoint holds, by key; no value is read."""

    @abstractmethod
    def __contains__(self, key: str) -> bool: ...

    @abstractmethod
    def dtype(self, key: str) -> DTypeEnum:
        """The dtype's number of one tensor. Raises: MissingVariables."""

    @abstractmethod
    def read(self, key: str, slice_spec: str = "") -> Array:
        """One tensor, or the part of it that ``RestoreV2``'s ``shape_and_slices`` asks for.

        The array may be a read-only view of the file; strings are an object array of bytes.

        Raises: MissingVariables (no such key, or its shard is not there), CorruptModel.
        """

    def pieces(self, key: str) -> Iterator[Array]:
        """The parts that one tensor is stored in, in any order; all of it where it is one.

        Raises: as `read`.
        """
        yield self.read(key)
