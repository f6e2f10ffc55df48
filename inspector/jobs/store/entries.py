"""Entries on disk: written atomically, verified before use, evicted when space runs out.

An entry is a folder ``<part>/<key>`` with files and their manifest. It is made under ``tmp/``,
synced and renamed. Locks lie in ``locks/``: whoever uses an entry shares its lock, whoever removes
it to make room must have the lock alone. So processes may share a workspace, and may die.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from inspector.errors import LimitExceeded, MissingFile
from inspector.jobs import watching
from inspector.jobs.requests import MIB
from inspector.jobs.store import home, locks, manifest, staging
from inspector.jobs.store.manifest import ENTRY, DamagedEntryError, FileFacts, Manifest, Snapshot

T = TypeVar("T")

MOST_ENTRIES = 5000
"""More entries than this are not kept, however small: to make room all of them are looked at."""
_BATCH = MOST_ENTRIES // 20
"""How many go at once where there are too many."""

_log = logging.getLogger(__name__)
_KEY = re.compile("[0-9a-f]{64}").fullmatch
_STAGE, _GONE = "stage-", "gone-"
_CHECKED = 4096
_TRIES = 5
_PAUSE_S = 0.01
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


class Lease:
    """Keeps an entry from being removed to make room, as long as this object exists.

    Args:
        lock: The descriptor that holds the entry's lock.
        is_wanted: Asked when room is short; False gives the entry free. It may run on any thread.
    """

    def __init__(self, lock: int, is_wanted: Callable[[], bool]) -> None:
        self.is_wanted = is_wanted
        self._release = weakref.finalize(self, os.close, lock)

    def release(self) -> None:
        """Release the entry; safe to call more than once."""
        self._release()


class Store:
    """The entries below a root. Safe to share between threads and processes.

    Args:
        root: The folder; made where it is missing.
        max_bytes: What all entries together may take.
    Raises: WorkspaceError; OSError, as all methods do: the caller translates it.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        self.root = root
        self.max_bytes = max_bytes
        self._lock = threading.RLock()
        self._sizes: dict[tuple[str, str], int] = {}
        self._checked: OrderedDict[tuple[str, str], Snapshot] = OrderedDict()
        self._leases: weakref.WeakSet[Lease] = weakref.WeakSet()
        home.make(root)
        staging.sweep(root / home.TMP, _STAGE)
        for gone in (root / home.TMP).glob(f"{_GONE}*"):  # not by name of an entry any more
            staging.remove(gone)
        self._sweep_locks()

    def folder(self, part: str, key: str) -> Path:
        """Where an entry lies, or would."""
        return self.root / part / key

    def stage(self) -> staging.Stage:
        """A temporary folder for a new entry; the folders of the workspace are made if missing."""
        return self.with_room(
            0, lambda: self._remade(lambda: staging.new(self.root / home.TMP, _STAGE))
        )

    def with_room(self, size: int, action: Callable[[], T]) -> T:
        """Do something that writes; while the disk is full entries make way for it.

        Args:
            size: How many bytes it writes, about.
        """
        while True:
            try:
                return action()
            except OSError as err:
                if err.errno not in home.FULL or not self._evict(max(size, 1), 0, set()):
                    raise

    def reserve(self) -> None:
        """Have some of the disk free for a job, whose process cannot make room itself."""
        needed, free = watching.room(self.root)
        if free < needed:
            self._evict(needed - free, 0, set())

    def place(
        self, stage: staging.Stage, part: str, key: str, files: Mapping[str, FileFacts]
    ) -> Path:
        """Move a finished entry into place. An existing sound entry stays.

        Args:
            files: What is in ``stage.content``.
        Raises: LimitExceeded when entries that are in use leave no room.
        """
        target = self.folder(part, key)
        if self.check(part, key) is not None:
            stage.discard()
            return target
        entry = Manifest(key, files)
        data = entry.to_json()
        self.with_room(len(data), lambda: _write(stage.content / ENTRY, data))
        self.with_room(entry.size, lambda: manifest.sync(stage.content, {**files, ENTRY: (0, "")}))
        self._make_room(part, key, entry.size)
        for _try in range(_TRIES):
            try:
                self._remade(lambda: stage.content.rename(target))
                break
            except OSError as err:
                if err.errno not in _TAKEN:
                    raise
            if self.check(part, key) is not None:
                break
        else:
            raise OSError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        manifest.sync_folder(target.parent)
        with self._lock, contextlib.suppress(DamagedEntryError, OSError):
            self._remember(part, key, manifest.snapshot(target))
        stage.discard()
        return target

    def check(self, part: str, key: str, *, skip: str = "") -> Manifest | None:
        """The manifest of a sound entry; None where there is none. A damaged one is removed.

        Contents are read once in this process, and again when size or time of a file have changed.

        Args:
            skip: A file whose content the caller reads and holds against the manifest itself.
        """
        folder = self.folder(part, key)
        identity = _identity(folder)
        if identity is None:
            return None
        try:
            entry = self._manifest(part, key)
            rows = manifest.snapshot(folder)
            manifest.compare(entry, rows)
            with self._lock:
                is_new = self._checked.get((part, key)) != rows
            if is_new:
                rest = {path: facts for path, facts in entry.files.items() if path != skip}
                manifest.verify(folder, Manifest(key, rest))
                self._remember(part, key, rows)
        except DamagedEntryError as err:
            if _identity(folder) == identity:
                _log.warning("workspace: %s of %s is damaged and dropped: %s", key[:12], part, err)
                self.drop(part, key)
            return None
        with contextlib.suppress(OSError):
            os.utime(folder / ENTRY)
        return entry

    def drop(self, part: str, key: str) -> None:
        """Remove an entry, whoever uses it: first out of sight, then from the disk."""
        gone = self.root / home.TMP / f"{_GONE}{secrets.token_hex(8)}"
        with contextlib.suppress(FileNotFoundError):
            self._remade(lambda: self.folder(part, key).rename(gone))
        staging.remove(gone)
        with self._lock:
            self._checked.pop((part, key), None)
            self._sizes.pop((part, key), None)

    def lease(self, part: str, key: str, is_wanted: Callable[[], bool] = lambda: True) -> Lease:
        """Keep an entry from being removed to make room.

        Raises: MissingFile when it is not there, or not any more.
        """
        descriptor = self._remade(
            lambda: locks.acquire(self._lock_file(part, key), exclusive=False)
        )
        assert descriptor is not None
        lease = Lease(descriptor, is_wanted)
        if self.check(part, key) is None:
            lease.release()
            why = "it is not in the workspace any more; open it again"
            raise MissingFile(part.removesuffix("s"), "workspace", why)
        with self._lock:
            self._leases.add(lease)
        return lease

    def size(self) -> int:
        """Bytes of all entries."""
        return sum(self._all_sizes().values())

    def _manifest(self, part: str, key: str) -> Manifest:
        """An entry's manifest. The key of a model tells its content, so there it can be rebuilt."""
        folder = self.folder(part, key)
        try:
            entry = manifest.read(folder)
            if part != home.MODELS or _is_of(entry, key):
                return entry
        except DamagedEntryError:
            if part != home.MODELS:
                raise
        entry = _rebuilt(folder)
        with contextlib.suppress(OSError):  # it serves as well if it cannot be written now
            self._rewrite(folder, entry)
        return entry

    def _rewrite(self, folder: Path, entry: Manifest) -> None:
        data = entry.to_json()
        stage = self.stage()
        try:
            self.with_room(len(data), lambda: _write(stage.content / ENTRY, data))
            manifest.sync_file(stage.content / ENTRY)
            staging.remove(folder / ENTRY)  # a folder would not be replaced
            (stage.content / ENTRY).replace(folder / ENTRY)
            manifest.sync_folder(folder)
        finally:
            stage.discard()

    def _remember(self, part: str, key: str, rows: Snapshot) -> None:
        with self._lock:
            self._checked[part, key] = rows
            self._checked.move_to_end((part, key))
            while len(self._checked) > _CHECKED:
                self._checked.popitem(last=False)

    def _make_room(self, part: str, key: str, size: int) -> None:
        """Remove what was used longest ago until a new entry fits. Raises: LimitExceeded."""
        for _try in range(_TRIES):
            sizes = self._all_sizes()
            excess = sum(sizes.values()) + size - self.max_bytes
            count = len(sizes) + _BATCH - MOST_ENTRIES if len(sizes) >= MOST_ENTRIES else 0
            if excess <= 0 and count <= 0:
                return
            if self._evict(excess, count, {(part, key)}) >= excess:
                return
            time.sleep(_PAUSE_S)  # another process may be removing the same entries
        why = f"what is open fills its {self.max_bytes // MIB:,} MiB; close some of it"
        raise LimitExceeded("workspace", "size", why)

    def _evict(self, size: int, count: int, spare: set[tuple[str, str]]) -> int:
        """Remove the entries used longest ago, until so many bytes and entries are gone.

        Gives the number of bytes; what is in use stays.
        """
        with self._lock:
            leases = list(self._leases)
        for lease in leases:
            if not lease.is_wanted():
                lease.release()
        freed = removed = 0
        for _used, name, bytes_ in sorted(self._uses()):
            if freed >= size and removed >= count:
                break
            if name not in spare and self._remove(*name):
                freed += bytes_
                removed += 1
        return freed

    def _remove(self, part: str, key: str) -> bool:
        """Remove an entry unless it is in use."""
        file = self._lock_file(part, key)
        try:
            lock = self._remade(lambda: locks.acquire(file, exclusive=True, wait=False))
        except OSError as err:
            if err.errno not in home.FULL or file.exists():
                return False
            self.drop(part, key)  # there is no room for its lock, so nobody holds that
            return True
        if lock is None:
            return False
        try:
            self.drop(part, key)
            file.unlink(missing_ok=True)
        except OSError:
            return False
        finally:
            os.close(lock)
        return True

    def _uses(self) -> Iterator[tuple[int, tuple[str, str], int]]:
        """When each entry was last used, its name and its bytes."""
        for name, size in self._all_sizes().items():
            with contextlib.suppress(OSError):
                yield (self.folder(*name) / ENTRY).stat().st_mtime_ns, name, size

    def _all_sizes(self) -> dict[tuple[str, str], int]:
        """Bytes of each entry; manifests are read of those that are new to this process."""
        names = self._remade(self._names)
        with self._lock:
            sizes = {name: self._sizes[name] for name in names if name in self._sizes}
            for name in names:
                if name not in sizes and (size := self._entry_bytes(*name)) is not None:
                    sizes[name] = size
            self._sizes = sizes
            return dict(sizes)

    def _names(self) -> list[tuple[str, str]]:
        return [
            (part, key)
            for part in (home.MODELS, home.RESULTS)
            for key in os.listdir(self.root / part)  # noqa: PTH208  a Path for each takes longer
            if _KEY(key)
        ]

    def _entry_bytes(self, part: str, key: str) -> int | None:
        try:
            return self._manifest(part, key).size
        except DamagedEntryError:
            self.check(part, key)  # which removes it
        except OSError:
            pass
        return None

    def _remade(self, action: Callable[[], T]) -> T:
        """Run an action; where workspace folders are missing, create them and run it again."""
        try:
            return action()
        except FileNotFoundError:
            home.make(self.root)
            return action()

    def _lock_file(self, part: str, key: str) -> Path:
        return self.root / home.LOCKS / f"{part}-{key}"

    def _sweep_locks(self) -> None:
        """Remove lock files of entries that are gone."""
        for file in (self.root / home.LOCKS).iterdir():
            part, _, key = file.name.partition("-")
            if _KEY(key) and not self.folder(part, key).exists():
                lock = locks.acquire(file, exclusive=True, wait=False)
                if lock is not None:
                    file.unlink(missing_ok=True)
                    os.close(lock)


def model_key(files: Mapping[str, FileFacts]) -> str:
    """The key of a model: a hash of its name, and of path, size and content of each file.

    Args:
        files: By path inside the entry: the model's name, and what is below it.
    """
    top = next(iter(files)).partition("/")[0]
    listing = [(path.removeprefix(f"{top}/"), *facts) for path, facts in sorted(files.items())]
    return manifest.hash_of([top, sorted(listing)])


def _rebuilt(folder: Path) -> Manifest:
    """The manifest of a model whose own one is damaged, from the content of its files.

    Raises: DamagedEntryError when these are damaged too.
    """
    paths = [row[0] for row in manifest.snapshot(folder)]
    files = {path: manifest.facts_of(folder / path) for path in paths}
    entry = Manifest(folder.name, files)
    if not _is_of(entry, folder.name):
        raise DamagedEntryError("the files are not those of the model")
    return entry


def _is_of(entry: Manifest, key: str) -> bool:
    """Whether a manifest lists the files that a model's key stands for."""
    return bool(entry.files) and model_key(entry.files) == key


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _write(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(data)
