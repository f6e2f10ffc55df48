"""Checkpoints of the first format (TensorFlow before 1.0, and ``write_version=V1`` since).

Each file is one sorted table. The entry without a name lists the tensors with their dtypes, shapes
and slices (`SavedTensorSliceMeta`); every other entry is one slice with its values. A sharded
checkpoint is several such files, each with a list of its own.

Source: tensorflow/core/util/saved_tensor_slice.proto, tensor_slice_writer.cc.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from pathlib import Path

from inspector.errors import (
    CorruptModel,
    LimitExceeded,
    MissingVariables,
    UnsupportedModel,
    did_you_mean,
)
from inspector.files import git_lfs
from inspector.formats.checkpoint.bundle import NO_SHAPE, checked_shape, cut, join
from inspector.formats.checkpoint.sstable import read_table, slice_key
from inspector.graph.protos import (
    DTypeEnum,
    SavedTensorSlices,
    TensorProto,
    TensorSliceProto,
    parse,
)
from inspector.graph.tensors import (
    Array,
    Shape,
    count,
    dtype_name,
    elements,
    itemsize,
    numpy_dtype,
    shape_of,
    to_numpy,
    value_field,
)
from inspector.model.checkpoint import Checkpoint, Variable

MAX_SHARDS = 10_000
"""Most files of one sharded checkpoint."""

_LIST = b""


def is_v1(data: memoryview, what: str) -> bool:
    """Whether a table is a checkpoint of this format and not the index of a V2 one.

    Raises: CorruptModel, LimitExceeded.
    """
    key, value = next(read_table(data, what), (b"", b""))
    # Field 1 of the list is a message, field 1 of a V2 header a number.
    return key == _LIST and bytes(value[:1]) == b"\x0a"


class TensorSlices(Checkpoint):
    """A V1 checkpoint. Opening it reads the lists of tensors and where the values are.

    Args:
        prefix: The file itself, or what the names of the shards begin with.
        paths: The files, none of them empty.
    Raises: CorruptModel, LimitExceeded.
    """

    def __init__(self, prefix: Path, paths: Sequence[Path]) -> None:
        self.name: str = prefix.name
        self.prefix = prefix
        if len(paths) > MAX_SHARDS:
            raise LimitExceeded(self.name, "checkpoint", f"more than {MAX_SHARDS} files")
        self._paths = list(paths)
        self._values: dict[bytes, bytes | memoryview] = {}
        self._dtypes: dict[str, DTypeEnum] = {}
        self._shapes: dict[str, Shape | None] = {}
        self._slices: dict[str, list[TensorSliceProto]] = {}
        for path in paths:
            self._add(path)

    @property
    def restore_path(self) -> str:
        """The file, or the pattern that all shards fit."""
        if self._paths[0] == self.prefix:
            return str(self.prefix)
        return f"{self.prefix}-?????-of-{self._total()}"

    def files(self) -> list[Path]:
        """See `Checkpoint.files`."""
        return self._paths

    def missing(self) -> list[str]:
        """Shards that are missing, going by the names of the others."""
        if self._paths[0] == self.prefix:
            return []
        total, there = self._total(), {path.name for path in self._paths}
        numbers = range(min(int(total), MAX_SHARDS))
        names = (f"{self.name}-{number:05d}-of-{total}" for number in numbers)
        return [name for name in names if name not in there]

    def _total(self) -> str:
        return self._paths[0].name.rpartition("-of-")[2]

    def __contains__(self, key: str) -> bool:
        return key in self._dtypes

    def variables(self) -> list[Variable]:
        """What the lists name, sorted. `bytes` is what the values take in memory; 0 for text."""
        variables = []
        for key in sorted(self._dtypes):
            shape, dtype = self._shapes[key], self._dtypes[key]
            sizes = [] if shape is None or None in shape else [size or 0 for size in shape]
            size = count(sizes) * itemsize(dtype) if shape is not None else 0
            variables.append(Variable(key, dtype_name(dtype), shape, size))
        return variables

    def dtype(self, key: str) -> DTypeEnum:
        """The dtype's number of one tensor. Raises: MissingVariables."""
        if key not in self._dtypes:
            reason = "the checkpoint has no such key" + did_you_mean(key, self._dtypes)
            raise MissingVariables(self.name, key, reason)
        return self._dtypes[key]

    def read(self, key: str, slice_spec: str = "") -> Array:
        """See `Checkpoint.read`."""
        dtype = numpy_dtype(self.dtype(key))
        if dtype is None:
            reason = f"dtype {dtype_name(self.dtype(key))} cannot be read"
            raise UnsupportedModel(self.name, key, reason)
        shape = self._shapes[key]
        if shape is None:
            raise CorruptModel(self.name, key, NO_SHAPE)
        sizes = checked_shape([-1 if size is None else size for size in shape], self.name, key)
        parts = []
        for proto in self._slices[key]:
            # No length is the whole dimension; a scalar has no dimension and one slice.
            extents = [(item.start, item.length or -1) for item in proto.extent]
            parts.append((extents, self._slice(key, extents, sizes)))
        if len(parts) == 1 and parts[0][1].shape == sizes and not any(n for n, _ in parts[0][0]):
            return cut(parts[0][1], slice_spec, self.name, key)
        value = join(sizes, dtype, parts, self.name, key)
        return cut(value, slice_spec, self.name, key)

    def _add(self, path: Path) -> None:
        with path.open("rb") as file:
            data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        listed = False
        if git_lfs.reason(data) is not None:
            return  # `pointers` tells of it
        for key, value in read_table(data, path.name):
            if key != _LIST:
                self._values[key] = value
                continue
            listed = True
            meta = parse(SavedTensorSlices, value, path.name, "SavedTensorSlices").meta
            for tensor in meta.tensor:
                self._dtypes.setdefault(tensor.name, tensor.type)
                self._shapes.setdefault(tensor.name, shape_of(tensor.shape))
                self._slices.setdefault(tensor.name, []).extend(tensor.slice)
        if not listed:
            reason = "no entry lists the tensors: not a V1 checkpoint"
            raise CorruptModel(path.name, "checkpoint", reason)

    def _slice(self, key: str, extents: list[tuple[int, int]], sizes: tuple[int, ...]) -> Array:
        data = self._values.get(slice_key(key, extents))
        if data is None:
            reason = "a slice is listed whose values are not there"
            if self.missing() or git_lfs.pointers(self.files()):
                raise MissingVariables(self.name, key, reason)
            raise CorruptModel(self.name, key, reason)
        if len(extents) != len(sizes):
            raise CorruptModel(self.name, key, "a slice of another rank than the tensor")
        tensor = TensorProto()
        tensor.CopyFrom(parse(SavedTensorSlices, data, self.name, key).data.data)
        # The file leaves them out: they are those of the list.
        tensor.dtype = self.dtype(key)
        tensor.ClearField("tensor_shape")
        for (_, length), size in zip(extents, sizes, strict=True):
            tensor.tensor_shape.dim.add(size=size if length < 0 else length)
        field = value_field(tensor.dtype)
        count_read = len(getattr(tensor, field)) if field else 0
        per_element = 2 if dtype_name(tensor.dtype).startswith("complex") else 1
        # In a constant one value may stand for many; here each has its own.
        if not tensor.tensor_content and count_read != elements(tensor) * per_element:
            reason = f"{count_read} values for {elements(tensor)} elements"
            raise CorruptModel(self.name, key, reason)
        return to_numpy(tensor, where=key)
