"""Checkpoints of the format V2: the index, and values read one tensor at a time.

A V2 bundle is an
index (a sorted table of `BundleEntryProto`) and data shards of raw values, which are mapped into
memory: an array that `read` gives is a view of the file. A partitioned variable is one entry that
names its slices, and an entry per slice.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inspector.errors import (
    CorruptModel,
    LimitExceeded,
    MissingVariables,
    UnsupportedModel,
    did_you_mean,
)
from inspector.files import git_lfs
from inspector.files.paths import is_file
from inspector.formats.checkpoint.sstable import masked_crc, read_table, slice_key
from inspector.graph import varint
from inspector.graph.protos import (
    BundleEntryProto,
    BundleHeaderProto,
    DTypeEnum,
    TensorSliceProto,
    parse,
)
from inspector.graph.tensors import STRING, Array, dtype_name, numpy_dtype, shape_of
from inspector.model.checkpoint import Checkpoint, Variable

MAX_INDEX_BYTES = 64 << 20
"""Largest index file that is read; a million variables take about 60 MB."""

MAX_ELEMENTS = 1 << 60
"""Most elements of one tensor; more bytes than a machine can address."""

NO_SHAPE = "its shape is not that of a stored tensor"

_SLICED = b"\0"
_BIG_ENDIAN = 1
_CRC_BYTES = 4


def open_checkpoint(prefix: Path) -> Checkpoint:
    """Open the V2 checkpoint ``PREFIX.index``, ``PREFIX.data-0000?-of-0000?``.

    Raises: MissingVariables, CorruptModel, LimitExceeded.
    """
    index = prefix.with_name(prefix.name + ".index")
    if not is_file(index):
        raise MissingVariables(prefix.name, "checkpoint", f"there is no file {index.name}")
    check_index(index.stat().st_size, index.name)
    return Bundle(prefix, index.read_bytes())


def check_index(size: int, what: str) -> None:
    """Raises: LimitExceeded for an index of more bytes than are read."""
    if size > MAX_INDEX_BYTES:
        reason = f"larger than the {MAX_INDEX_BYTES >> 20} MiB an index may have"
        raise LimitExceeded(what, "checkpoint", reason)


class Bundle(Checkpoint):
    """A V2 checkpoint. Opening it reads the index; the shards are opened when first needed."""

    def __init__(self, prefix: Path, index: bytes) -> None:
        self.name: str = prefix.name
        self.prefix = prefix
        self._maps: dict[int, memoryview] = {}
        self._slices: dict[bytes, BundleEntryProto] = {}
        self._entries: dict[str, BundleEntryProto] = {}
        if (pointer := git_lfs.reason(index)) is not None:
            raise MissingVariables(f"{prefix.name}.index", "file", pointer)
        header = None
        for key, value in read_table(index, f"{prefix.name}.index"):
            if header is None:
                header = parse(BundleHeaderProto, value, f"{prefix.name}.index", "header")
                if key:
                    reason = "the first entry is no header: not a V2 checkpoint"
                    raise CorruptModel(f"{prefix.name}.index", "checkpoint", reason)
                continue
            entry = parse(BundleEntryProto, value, f"{prefix.name}.index", "entry")
            if key.startswith(_SLICED):
                self._slices[key] = entry
            else:
                self._entries[key.decode(errors="replace")] = entry
        if header is None:
            raise CorruptModel(f"{prefix.name}.index", "checkpoint", "the table is empty")
        self._shards = header.num_shards
        self._swap = (header.endianness == _BIG_ENDIAN) != (sys.byteorder == "big")

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def variables(self) -> list[Variable]:
        """What the index lists, in its order, which is that of the keys' bytes."""
        variables = []
        for key, entry in self._entries.items():
            stored = [self._part(key, part)[1] for part in entry.slices] or [entry]
            size = sum(item.size for item in stored)
            variables.append(Variable(key, dtype_name(entry.dtype), shape_of(entry.shape), size))
        return variables

    def dtype(self, key: str) -> DTypeEnum:
        """The dtype's number of one tensor. Raises: MissingVariables."""
        return self._entry(key).dtype

    def read(self, key: str, slice_spec: str = "") -> Array:
        """See `Checkpoint.read`."""
        entry = self._entry(key)
        value = self._join(key, entry) if entry.slices else self._value(key, entry)
        return cut(value, slice_spec, self.name, key)

    def pieces(self, key: str) -> Iterator[Array]:
        """See `Checkpoint.pieces`: the slices of a partitioned variable, one by one."""
        entry = self._entry(key)
        if not entry.slices:
            yield self._value(key, entry)
        for proto in entry.slices:
            yield self._value(key, self._part(key, proto)[1])

    def files(self) -> list[Path]:
        """The index, and the data files that are there."""
        names = [f"{self.name}.index", *map(self._shard_name, self._used())]
        paths = map(self.prefix.with_name, names)
        return [path for path in paths if is_file(path)]

    def missing(self) -> list[str]:
        """See `Checkpoint.missing`."""
        names = map(self._shard_name, self._used())
        return [name for name in names if not is_file(self.prefix.with_name(name))]

    def _used(self) -> list[int]:
        """The numbers of the shards that hold values; the header's count may be anything."""
        entries = [*self._entries.values(), *self._slices.values()]
        return sorted({entry.shard_id for entry in entries if not entry.slices})

    def _shard_name(self, number: int) -> str:
        return f"{self.name}.data-{number:05d}-of-{self._shards:05d}"

    def _entry(self, key: str) -> BundleEntryProto:
        entry = self._entries.get(key)
        if entry is None:
            reason = "the checkpoint has no such key" + did_you_mean(key, self._entries)
            raise MissingVariables(self.name, key, reason)
        return entry

    def _part(
        self, key: str, proto: TensorSliceProto
    ) -> tuple[list[tuple[int, int]], BundleEntryProto]:
        # No length is the whole dimension; no slice has length 0.
        extents = [(item.start, item.length or -1) for item in proto.extent]
        entry = self._slices.get(slice_key(key, extents))
        if entry is None:
            raise CorruptModel(self.name, key, "the index lists a slice that it does not hold")
        return extents, entry

    def _join(self, key: str, entry: BundleEntryProto) -> Array:
        shape, dtype = self._shape(key, entry)
        parts = [self._part(key, proto) for proto in entry.slices]
        values = [(extents, self._value(key, part)) for extents, part in parts]
        return join(shape, dtype, values, self.name, key)

    def _shape(self, key: str, entry: BundleEntryProto) -> tuple[tuple[int, ...], np.dtype[Any]]:
        dtype = numpy_dtype(entry.dtype)
        if dtype is None:
            reason = f"dtype {dtype_name(entry.dtype)} cannot be read"
            raise UnsupportedModel(self.name, key, reason)
        sizes = [dim.size for dim in entry.shape.dim]
        if entry.shape.unknown_rank:
            raise CorruptModel(self.name, key, NO_SHAPE)
        return checked_shape(sizes, self.name, key), dtype

    def _value(self, key: str, entry: BundleEntryProto) -> Array:
        shape, dtype = self._shape(key, entry)
        shard = self._shard(entry.shard_id, key)
        if entry.offset < 0 or entry.size < 0 or entry.offset + entry.size > len(shard):
            raise CorruptModel(self.name, key, "its values lie beyond the end of the data file")
        data = shard[entry.offset : entry.offset + entry.size]
        count = math.prod(shape)
        if entry.dtype == STRING:
            return _strings(data, count, self.name, key).reshape(shape)
        if len(data) != count * dtype.itemsize:
            reason = f"{len(data)} bytes for shape {list(shape)} of {dtype_name(entry.dtype)}"
            raise CorruptModel(self.name, key, reason)
        if masked_crc(data) != entry.crc32c:
            raise CorruptModel(self.name, key, "its values are damaged: their checksum fails")
        value = np.frombuffer(data, dtype) if count else np.empty(0, dtype)
        return (value.byteswap() if self._swap else value).reshape(shape)

    def _shard(self, number: int, key: str) -> memoryview:
        if number not in self._maps:
            name = self._shard_name(number)
            path = self.prefix.with_name(name)
            if not is_file(path):
                raise MissingVariables(self.name, key, f"its data file {name} is not there")
            with path.open("rb") as file:
                if path.stat().st_size:
                    data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
                else:
                    data = memoryview(b"")
            if (pointer := git_lfs.reason(data)) is not None:
                raise MissingVariables(self.name, key, f"its data file {name} is {pointer}")
            self._maps[number] = data
        return self._maps[number]


def parse_slice(spec: str, where: str = "slice") -> list[tuple[int, int]] | None:
    """Start and length per dimension of ``shape_and_slices``, e.g. ``"10 4 0,5:-"``; -1 is all.

    None where the whole tensor is meant. Raises: CorruptModel.
    """
    text = spec.rsplit(" ", maxsplit=1)[-1].strip()
    if not text or set(text) <= set("-:"):
        return None
    extents = []
    for part in text.split(":"):
        start, comma, length = part.partition(",")
        if part == "-":
            extents.append((0, -1))
        elif comma and start.isdigit() and length.isdigit():
            extents.append((int(start), int(length)))
        else:
            raise CorruptModel("graph", where, f"'{spec[:100]}' is no slice")
    return extents


def checked_shape(sizes: Sequence[int], what: str, key: str) -> tuple[int, ...]:
    """The shape of a stored tensor. Raises: CorruptModel for one that no array can have."""
    if len(sizes) > 64 or any(size < 0 for size in sizes):
        raise CorruptModel(what, key, NO_SHAPE)
    if math.prod(max(size, 1) for size in sizes) > MAX_ELEMENTS:
        raise CorruptModel(what, key, NO_SHAPE)
    return tuple(sizes)


def cut(value: Array, slice_spec: str, what: str, key: str) -> Array:
    """The part of a tensor that ``shape_and_slices`` asks for. Raises: CorruptModel."""
    extents = parse_slice(slice_spec, key)
    if extents is None:
        return value
    if len(extents) != value.ndim:
        reason = f"slice '{slice_spec}' of a tensor with {value.ndim} dimensions"
        raise CorruptModel(what, key, reason)
    return value[tuple(slice(*part) for part in _bounds(extents, value.shape, what, key))]


def join(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    parts: Sequence[tuple[Sequence[tuple[int, int]], Array]],
    what: str,
    key: str,
) -> Array:
    """The tensor that slices make up together; each has its starts and lengths, -1 is all.

    Raises: CorruptModel.
    """
    stored = sum(part.size for _, part in parts)
    if stored != math.prod(shape):
        reason = f"its slices hold {stored} elements, its shape {math.prod(shape)}"
        raise CorruptModel(what, key, reason)
    full = np.empty(shape, dtype)
    filled = np.zeros(shape, np.bool_)
    for extents, part in parts:
        bounds = _bounds(extents, shape, what, key)
        if part.shape != tuple(stop - start for start, stop in bounds):
            raise CorruptModel(what, key, "a slice and its place differ in shape")
        place = tuple(slice(*pair) for pair in bounds)
        # As many elements as the tensor has, and none twice: so all of it is filled.
        if filled[place].any():
            raise CorruptModel(what, key, "its slices overlap")
        full[place], filled[place] = part, True
    return full


def _bounds(
    extents: Sequence[tuple[int, int]], shape: Sequence[int], name: str, key: str
) -> list[tuple[int, int]]:
    if len(extents) != len(shape):
        raise CorruptModel(name, key, "a slice of another rank than the tensor")
    bounds = []
    for (start, length), size in zip(extents, shape, strict=True):
        stop = size if length < 0 else start + length
        if not 0 <= start <= stop <= size:
            raise CorruptModel(name, key, "a slice reaches over the tensor's edge")
        bounds.append((start, stop))
    return bounds


def _strings(data: memoryview, count: int, name: str, key: str) -> Array:
    # All lengths as varints, a checksum of them, then all the bytes.
    if count > len(data):
        raise CorruptModel(name, key, f"{len(data)} bytes for {count} strings")
    lengths, position = [], 0
    try:
        for _ in range(count):
            length, position = varint.decode(data, position)
            lengths.append(length)
    except (IndexError, ValueError) as err:
        raise CorruptModel(name, key, "the strings' lengths are cut short") from err
    position += _CRC_BYTES
    if position + sum(lengths) != len(data):
        raise CorruptModel(name, key, "the strings are cut short")
    flat = np.empty(count, np.object_)
    for number, length in enumerate(lengths):
        flat[number] = bytes(data[position : position + length])
        position += length
    return flat
