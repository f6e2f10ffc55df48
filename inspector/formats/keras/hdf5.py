"""Untrusted HDF5 files: attributes and the list of datasets, without anything outside the file.

The HDF5 library follows references in a file: to other files (external links, external storage,
virtual datasets), to plugins that unpack data (filters), in cycles. So links are checked before
they are followed, storage before a dataset's size is read, and no value is read here.

Source: HDF5 File Format Specification 3.0; h5py's low-level API.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from inspector.errors import CorruptModel, InspectorError, LimitExceeded, UnsupportedModel

MAGIC = b"\x89HDF\r\n\x1a\n"

MAX_OBJECTS = 200_000
"""Most groups and datasets of one file."""

MAX_DEPTH = 64
"""Most groups inside one another."""

MAX_ATTRIBUTE = 64 << 20
"""Most bytes of one attribute."""

MAX_TEXTS = 4 << 30
"""Most bytes that a list of texts may take, by the largest that its texts can be."""

MAX_RATIO = 200
"""Most bytes of values per byte that they take in the file; `RATIO_FROM` are there in any case."""

RATIO_FROM = 64 << 20

_HEAP = b"GCOL"
_FILTERS = {1, 2, 3, 5, 6}
"""Those built into the library: deflate, shuffle, checksum, n-bit and scale-offset."""


@dataclass(frozen=True)
class Dataset:
    """One dataset: its path from the root, dtype, shape, and the bytes that the file keeps."""

    path: str
    dtype: str
    shape: list[int | None]
    bytes: int
    stored: int


def is_hdf5(data: memoryview) -> bool:
    """True for an HDF5 file; its superblock may start at 0, 512, 1024, 2048 ..."""
    at = 0
    while at < len(data):
        if bytes(data[at : at + 8]) == MAGIC:
            return True
        at = at * 2 if at else 512
    return False


class Hdf5File:
    """An open file. Use `opened`."""

    def __init__(self, file: Any, what: str, path: Path) -> None:
        self._file = file
        self._what = what
        self._path = path
        self._size = path.stat().st_size
        self._heap: int | None = None

    def attribute(self, group: str, name: str) -> list[str] | None:
        """The text of an attribute, one or several; None where it is not there or no text.

        Keras splits a list that is too long for one attribute over ``name0``, ``name1`` ...

        Raises: LimitExceeded, UnsupportedModel (the group is a link out of the file).
        """
        parent = self._group(group)
        if parent is None:
            return None
        if _has(parent, name):
            return self._text(parent, name)
        parts: list[str] = []
        count = 0
        while _has(parent, f"{name}{count}"):
            parts += self._text(parent, f"{name}{count}") or []
            count += 1
        return parts if count else None

    def has_group(self, path: str) -> bool:
        """True where there is a group at this path."""
        return self._group(path) is not None

    def datasets(self) -> list[Dataset]:
        """All datasets, in the order of their names.

        Raises: UnsupportedModel for what leads out of the file, LimitExceeded.
        """
        import h5py

        datasets: list[Dataset] = []
        visited = {_address(self._file.id)}
        todo = [("", h5py.h5g.open(self._file.id, b"/"))]
        count = 0
        while todo:
            path, group = todo.pop()
            if path.count("/") > MAX_DEPTH:
                raise LimitExceeded(self._what, "HDF5", f"more than {MAX_DEPTH} groups deep")
            below = []
            for name in _names(group):
                count += 1
                if count > MAX_OBJECTS:
                    raise LimitExceeded(self._what, "HDF5", f"more than {MAX_OBJECTS} objects")
                place = f"{path}/{_decoded(name)}" if path else _decoded(name)
                self._check_link(group, name, place)
                item = h5py.h5o.open(group, name)
                if isinstance(item, h5py.h5d.DatasetID):
                    datasets.append(self._dataset(item, place))
                elif isinstance(item, h5py.h5g.GroupID):
                    address = _address(item)
                    if address not in visited:
                        visited.add(address)
                        below.append((place, item))
            todo += reversed(below)
        return datasets

    def _group(self, path: str) -> Any:
        import h5py

        group = h5py.h5g.open(self._file.id, b"/")
        for part in path.split("/") if path else ():
            name = part.encode(errors="surrogateescape")
            if name not in group:
                return None
            self._check_link(group, name, path)
            group = h5py.h5o.open(group, name)
            if not isinstance(group, h5py.h5g.GroupID):
                return None
        return group

    def _check_link(self, group: Any, name: bytes, place: str) -> None:
        import h5py

        if group.links.get_info(name).type != h5py.h5l.TYPE_HARD:
            reason = "a link to another place or file, which is not followed"
            raise UnsupportedModel(self._what, f"'{place[-100:]}'", reason)

    def _dataset(self, item: Any, place: str) -> Dataset:
        import h5py

        plan = item.get_create_plist()
        where = f"dataset '{place[-100:]}'"
        if plan.get_layout() == h5py.h5d.VIRTUAL or plan.get_external_count():
            reason = "its values lie in other files, which are not read"
            raise UnsupportedModel(self._what, where, reason)
        filters = {plan.get_filter(number)[0] for number in range(plan.get_nfilters())}
        if not filters <= _FILTERS:
            reason = "packed by a filter that is not part of HDF5, which is not loaded"
            raise UnsupportedModel(self._what, where, reason)
        try:
            dtype = item.dtype
        except TypeError:  # a type that numpy does not have
            return Dataset(place, "unknown", [], 0, int(item.get_storage_size()))
        sizes = [int(size) for size in item.shape or ()]
        # Keras keeps bfloat16, which HDF5 does not have, as two bytes with a note.
        noted = self._text(item, "dtype") if _has(item, "dtype") else None
        name = "string" if dtype.kind in "OSU" else str(dtype.name)
        if noted == ["bfloat16"]:
            name = "bfloat16"
        size = math.prod(sizes) * dtype.itemsize
        return Dataset(place, name, [*sizes], size, int(item.get_storage_size()))

    def _longest(self, count: int) -> int:
        """Bytes of the longest possible text: of the file, or of its largest heap for texts."""
        if count * self._size <= MAX_TEXTS:
            return self._size
        if self._heap is None:
            self._heap = 0
            with self._path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
                at = data.find(_HEAP)
                while at >= 0:
                    size = int.from_bytes(data[at + 8 : at + 16], "little")
                    self._heap = max(self._heap, min(size, self._size - at))
                    at = data.find(_HEAP, at + 4)
        return self._heap

    def _text(self, item: Any, name: str) -> list[str] | None:
        import h5py

        attribute = h5py.h5a.open(item, name.encode())
        kind = attribute.get_type()
        if kind.get_class() != h5py.h5t.STRING:
            return None
        count = attribute.get_space().get_simple_extent_npoints()
        if kind.is_variable_str():
            # The file may name one long text many times.
            bytes_, most = count * self._longest(count), MAX_TEXTS
        else:
            bytes_, most = count * kind.get_size(), MAX_ATTRIBUTE
        if count > MAX_OBJECTS or (count > 1 and bytes_ > most):
            reason = f"the list '{name[:100]}' is too long, more than {most >> 20} MiB"
            raise LimitExceeded(self._what, "HDF5", reason)
        value = h5py.AttributeManager(_Holder(item))[name]
        items = [value] if isinstance(value, str | bytes) else list(getattr(value, "flat", ()))
        return [_decoded(text) if isinstance(text, bytes) else str(text) for text in items]


class _Holder:
    """`AttributeManager` takes an object with an ``id``."""

    def __init__(self, item: Any) -> None:
        self.id = item


@contextmanager
def opened(path: Path, what: str) -> Iterator[Hdf5File]:
    """Open a file for reading; any error of the library is a CorruptModel.

    Raises: CorruptModel, and what the methods of `Hdf5File` raise.
    """
    import h5py

    try:
        with _no_plugins(), h5py.File(path, "r", locking=False) as file:
            yield Hdf5File(file, what, path)
    except (InspectorError, MemoryError):
        raise
    except Exception as err:  # of the library's many kinds of error no list is complete
        raise CorruptModel(what, "HDF5", "damaged, or cut short") from err


@contextmanager
def _no_plugins() -> Iterator[None]:
    """Prevent the library from loading filter plugins while a file is open."""
    from h5py import h5pl

    paths = []
    while h5pl.size():
        paths.append(h5pl.get(0))
        h5pl.remove(0)
    try:
        yield
    finally:
        for path in paths:
            h5pl.append(path)


def _names(group: Any) -> list[bytes]:
    count = group.get_num_objs()
    if count > MAX_OBJECTS:
        raise LimitExceeded("HDF5 file", "group", f"more than {MAX_OBJECTS} objects")
    return sorted(group)


def _has(item: Any, name: str) -> bool:
    import h5py

    return bool(h5py.h5a.exists(item, name.encode()))


def _address(item: Any) -> tuple[int, int]:
    import h5py

    info = h5py.h5o.get_info(item)
    return int(info.fileno), int(info.addr)


def _decoded(name: bytes) -> str:
    return name.decode(errors="replace")
