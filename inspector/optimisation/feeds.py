"""Feeds: the slots to fill, and arrays for them from text, a generator or a file."""

from __future__ import annotations

import csv
import io
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from inspector.errors import BadFeed, LimitExceeded, MissingFile
from inspector.graph import tensors
from inspector.graph.tensors import Array, Shape
from inspector.optimisation.feed_contents import WORDS, Content
from inspector.optimisation.feed_roles import Role
from inspector.text import shape as shape_text

MAX_BYTES = 2 << 30
"""Largest set of feeds, unpacked."""

_ORDER = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
_LARGEST_WHOLE = 10
_MOST_ENCODED = 256 << 20
"""Bytes of generated texts: a file of a few bytes can ask for millions of images."""


@dataclass(frozen=True)
class Slot:
    """A placeholder or an input of a signature, to be fed."""

    key: str
    dtype: str
    shape: Shape | None
    """None: unknown rank; a None inside: unknown dimension."""
    role: Role = field(default_factory=Role)
    """What generated values should be like."""

    def __str__(self) -> str:
        shape = "any shape" if self.shape is None else shape_text(self.shape)
        return f"{self.key}: {self.dtype} {shape}"


def placeholder_slots(placeholders: Iterable[Mapping[str, Any]]) -> list[Slot]:
    """The slots of ``placeholders`` in the JSON of ``describe``."""
    return [Slot(row["name"], row["dtype"], row["shape"]) for row in placeholders]


def signature_slots(inputs: Mapping[str, Mapping[str, Any]]) -> list[Slot]:
    """The slots of a signature's ``inputs`` in the JSON of ``describe``.

    Sparse and composite inputs have none: their parts depend on each other.
    """
    return [
        Slot(key, row["dtype"] or "invalid", row["shape"])
        for key, row in inputs.items()
        if "parts" not in row
    ]


def fit(value: Any, slot: Slot) -> Array:
    """Convert a value to the array that a slot takes.

    Whole numbers become floats and smaller types where nothing is lost but precision; floats never
    become whole numbers. Text becomes UTF-8 bytes.

    Raises: BadFeed, which says what would be right.
    """
    try:
        text = slot.dtype == "string" and not isinstance(value, np.ndarray)
        array = np.asarray(value, np.object_ if text else None)
    except ValueError as err:
        raise BadFeed("feeds", slot.key, f"the rows differ in length; needs {slot}") from err
    array = _cast(array, slot)
    if slot.shape is not None and not _fits(array.shape, slot.shape):
        actual = shape_text(array.shape)
        hint = ""
        if len(array.shape) + 1 == len(slot.shape) and _fits(array.shape, slot.shape[1:]):
            hint = "; put one row into a list of its own"
        need = shape_text(slot.shape)
        raise BadFeed("feeds", slot.key, f"has shape {actual}, needs {need}{hint}")
    return array


def random_feeds(slots: Iterable[Slot], batch: int = 1, seed: int = 0) -> dict[str, Array]:
    """Random values for each slot, the same for the same seed, as its role asks for.

    Floats are normal, whole numbers 0 to 9, text some words, or what the graph decodes. An unknown
    first dimension is ``batch``, other unknown ones are 1.
    """
    arrays: dict[str, Array] = {}
    used = 0
    for slot in slots:
        shape = _concrete(slot, batch, used)
        # A generator for each, so that a slot more does not change the values of the others.
        rng = np.random.default_rng([seed, zlib.crc32(slot.key.encode())])
        array = _of_sparse(slot, shape, batch) if slot.role.sparse else _random(slot, shape, rng)
        arrays[slot.key] = np.asarray(array)
        used += arrays[slot.key].nbytes
    return arrays


def _of_sparse(slot: Slot, shape: tuple[int, ...], batch: int) -> Array:
    """The indices or the shape of a sparse tensor with one value per row."""
    array = np.zeros(shape, _numpy(slot))
    if slot.role.sparse == "indices":
        array[:, :1] = np.arange(len(array))[:, None]
    else:
        array[:] = slot.role.width
        array[:1] = batch
    return array


def _random(slot: Slot, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    numpy, role = _numpy(slot), slot.role
    if numpy == np.object_:
        if role.content is not None:
            return _texts(role.content, shape, rng)
        return rng.choice(np.array(WORDS, np.object_), shape)
    if role.splits and shape:
        return np.arange(shape[0], dtype=numpy)
    if role.value is not None:
        return np.full(shape, role.value, numpy)
    if numpy.kind in "iu":
        below = _LARGEST_WHOLE if role.below is None else min(role.below, _LARGEST_WHOLE)
        return np.asarray(rng.integers(0, max(below, 1), shape), numpy)
    if numpy.kind == "b":
        return np.asarray(rng.integers(0, 2, shape), numpy)
    if numpy.kind == "c":
        pair = rng.standard_normal((2, *shape))
        return np.asarray(pair[0] + 1j * pair[1], numpy)
    return np.asarray(rng.standard_normal(shape), numpy)


def _texts(content: Content, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Texts that the graph decodes, at most `MAX_BYTES` of them."""
    count = math.prod(shape)
    if count * 4 * sum(feature.count for feature in content.features) > MAX_BYTES:
        raise LimitExceeded("feeds", "examples", f"more than {MAX_BYTES >> 20:,} MiB")
    first = content.text(rng) if count else b""
    if count * len(first) > _MOST_ENCODED:
        raise LimitExceeded("feeds", "texts", f"more than {_MOST_ENCODED >> 20:,} MiB")
    texts = np.empty(count, np.object_)
    texts[:] = [first, *(content.text(rng) for _ in range(count - 1))] if count else []
    return texts.reshape(shape)


def range_feeds(slots: Iterable[Slot], n: int) -> dict[str, Array]:
    """``range(n)`` along the first dimension of each slot, the same number across the others.

    What has a value or encoded texts by its role gets these.
    """
    arrays: dict[str, Array] = {}
    used = 0
    for slot in slots:
        shape = _concrete(slot, n, used)
        role = slot.role
        if role.value is not None or role.content is not None or role.splits or role.sparse:
            arrays |= random_feeds([slot], n)
            continue
        count = np.arange(shape[0] if shape else 1) % (slot.role.below or max(n, 1))
        numpy = _numpy(slot)
        if numpy == np.object_:
            values: Array = np.array([str(i).encode() for i in count], np.object_)
        else:
            values = count.astype(numpy)
        column = values.reshape(-1, *[1] * (len(shape) - 1)) if shape else values[0]
        arrays[slot.key] = np.array(np.broadcast_to(column, shape))
        used += arrays[slot.key].nbytes
    return arrays


def from_npz(file: Path | IO[bytes], name: str = "feeds") -> dict[str, Array]:
    """The arrays of an ``.npz`` file by key. Pickled objects are not read.

    Raises: MissingFile; BadFeed for what is no .npz; LimitExceeded for a file that unpacks too big.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            size = sum(info.file_size for info in archive.infolist())
        if size > MAX_BYTES:
            raise LimitExceeded(name, "feeds", f"unpacks to more than {MAX_BYTES >> 20:,} MiB")
        if not isinstance(file, Path):
            file.seek(0)
        with np.load(file, allow_pickle=False) as loaded:
            return {key: loaded[key] for key in loaded.files}
    except FileNotFoundError:
        raise MissingFile(name, "feeds", "there is no such file") from None
    except MemoryError:  # a few bytes can claim to be an array of terabytes
        raise LimitExceeded(name, "feeds", "an array in it is too large for the memory") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as err:
        if "pickle" in str(err).lower():
            reason = "holds Python objects, which are not read; save text as bytes (dtype S)"
            raise BadFeed(name, "feeds", reason) from err
        raise BadFeed(name, "feeds", "is not an .npz file that can be read") from err


def from_csv(
    text: str, slots: Sequence[Slot], name: str = "feeds", expected: Sequence[Slot] = ()
) -> dict[str, Array]:
    """Columns of a CSV file for the slots.

    With a header, a column goes to the slot of its name; ``x.0``, ``x.1`` ... fill the second
    dimension of the slot ``x``. Without, the columns go to the slots in their order, or all of
    them to the one slot that takes rows of that width.

    Args:
        expected: In place of `slots` for a file without a header, and in the error.
    """
    expected = expected or slots
    rows = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    if not rows:
        raise BadFeed(name, "feeds", "the file is empty")
    if len({len(row) for row in rows}) != 1:
        raise BadFeed(name, "feeds", "the rows differ in length")
    names = [cell.strip() for cell in rows[0]]
    keys = {slot.key for slot in slots}
    columns: dict[str, list[list[str]]] = {}
    if any(cell in keys or cell.rpartition(".")[0] in keys for cell in names):
        body = rows[1:]
        for i, cell in enumerate(names):
            key = cell if cell in keys else cell.rpartition(".")[0]
            if key in keys:
                columns.setdefault(key, []).append([row[i] for row in body])
    elif len(expected) == 1:
        columns[expected[0].key] = [[row[i] for row in rows] for i in range(len(names))]
    elif len(names) == len(expected):
        for i, slot in enumerate(expected):
            columns[slot.key] = [[row[i] for row in rows]]
    else:
        listed = ", ".join(slot.key for slot in expected)
        raise BadFeed(name, "feeds", f"needs a header with the names {listed}")
    by_key = {slot.key: slot for slot in [*slots, *expected]}
    return {key: _columns(cells, by_key[key]) for key, cells in columns.items()}


def _columns(cells: list[list[str]], slot: Slot) -> Array:
    numpy = _numpy(slot)
    flat = len(cells) == 1 and (slot.shape is None or len(slot.shape) != 2)
    table = cells[0] if flat else [list(row) for row in zip(*cells, strict=True)]
    if numpy == np.object_:
        return fit(np.array(table, np.object_), slot)
    kind = np.int64 if _rank(numpy) in (0, 1) else np.float64
    try:
        array = np.array(table, kind)
    except (ValueError, OverflowError) as err:
        raise BadFeed("feeds", slot.key, f"a cell is no {slot.dtype}") from err
    return fit(array.astype(np.bool_) if numpy.kind == "b" else array, slot)


def _cast(array: Array, slot: Slot) -> Array:
    numpy = _numpy(slot)
    if numpy == np.object_:
        if array.dtype.kind not in "OSU":
            raise BadFeed("feeds", slot.key, f"holds {array.dtype}, needs text")
        flat = [_bytes(item, slot) for item in array.ravel().tolist()]
        text = np.empty(len(flat), np.object_)
        text[:] = flat
        return text.reshape(array.shape)
    if array.dtype == numpy:
        return array
    have, need = _rank(array.dtype), _rank(numpy)
    if array.size == 0 and have is not None:
        return array.astype(numpy)
    if have is None or need is None or have > need or (need == 0 and have != 0):
        held = "text" if array.dtype.kind in "OSU" else str(array.dtype)
        large = [item for item in array.ravel().tolist() if type(item) is int]
        if array.dtype == np.object_ and large:  # beyond 64 bits
            raise BadFeed("feeds", slot.key, f"holds {max(large, key=abs)}, {_no(slot)}")
        raise BadFeed("feeds", slot.key, f"holds {held}, needs {slot.dtype}")
    if numpy.kind in "iu" and array.dtype.kind in "iu":
        limits = np.iinfo(numpy)
        low, high = int(array.min()), int(array.max())
        if low < limits.min or high > limits.max:
            reason = f"holds {low if low < limits.min else high}, {_no(slot)}"
            raise BadFeed("feeds", slot.key, reason)
    with np.errstate(over="ignore"):
        converted = array.astype(numpy)
    too_large = np.isfinite(array) & np.isinf(converted) if have in (1, 2) and need == 2 else None
    if too_large is not None and too_large.any():
        raise BadFeed("feeds", slot.key, f"holds {array[too_large].flat[0]:g}, {_no(slot)}")
    return converted


def _no(slot: Slot) -> str:
    return f"which is out of the range of {slot.dtype}"


def _bytes(item: Any, slot: Slot) -> bytes:
    if isinstance(item, str):
        return item.encode("utf-8", "surrogatepass")
    if isinstance(item, bytes):
        return item
    raise BadFeed("feeds", slot.key, f"holds {type(item).__name__}, needs text")


def _rank(numpy: np.dtype[Any]) -> int | None:
    """The place of a dtype in the order bool, integer, real, complex; None for other dtypes."""
    if numpy.kind == "V":  # bfloat16 and its like
        return 2 if "float" in numpy.name else 1 if "int" in numpy.name else None
    return _ORDER.get(numpy.kind)


def _numpy(slot: Slot) -> np.dtype[Any]:
    try:
        numpy = tensors.numpy_dtype(tensors.dtype_enum(slot.dtype))
    except KeyError:
        numpy = None
    if numpy is None:
        raise BadFeed("feeds", slot.key, f"a {slot.dtype} cannot be fed")
    return numpy


def _concrete(slot: Slot, batch: int, used: int) -> tuple[int, ...]:
    """The sizes of a generated array, beside `used` bytes of others. Raises: LimitExceeded."""
    shape = likely_shape(slot)
    if slot.role.splits:
        batch += 1
    sizes = tuple(
        size if size is not None else batch if i == 0 else 1 for i, size in enumerate(shape)
    )
    if used + math.prod(sizes) * max(_numpy(slot).itemsize, 1) > MAX_BYTES:
        before = " with the inputs before it" if used else ""
        reason = f"{shape_text(sizes)} would take more than {MAX_BYTES >> 20:,} MiB{before}"
        raise LimitExceeded("feeds", slot.key, reason)
    return sizes


def likely_shape(slot: Slot) -> Shape:
    """The shape of the slot; where it is open, that of its role; else a vector."""
    likely = slot.role.shape
    if slot.shape is None:
        return [None] if likely is None else likely
    if likely is None or len(likely) != len(slot.shape):
        return slot.shape
    pairs = zip(slot.shape, likely, strict=True)
    return [size if size is not None else other for size, other in pairs]


def _fits(shape: tuple[int, ...], need: Sequence[int | None]) -> bool:
    return len(shape) == len(need) and all(
        size is None or size == actual for actual, size in zip(shape, need, strict=True)
    )
