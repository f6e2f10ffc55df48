"""A workspace with one of everything in it, and whether all of it is right."""

from __future__ import annotations

import io
from pathlib import Path

from inspector.jobs.store.workspace import ModelKey, StoredResult, Workspace

FILE = {"m.pb": b"one file " * 1000}
FOLDER = {
    "saved_model.pb": b"graph " * 2000,
    "variables/variables.index": b"index " * 50,
    "variables/variables.data-00000-of-00001": b"data " * 3000,
    "assets/empty.txt": b"",
}
VALUE = {"nodes": [1, 2, 3], "name": "é"}
BLOBS = {"summary": b"\x00\n{" * 500, "x/../y": b"", "z": b"\n\n"}
WRITTEN = {"optimised.pb": b"smaller " * 900, "saved_model/saved_model.pb": b"written " * 800}
KEY = "ab" * 32
"""The request that the result belongs to."""


def streams(files: dict[str, bytes]) -> list[tuple[str, io.BytesIO]]:
    return [(name, io.BytesIO(data)) for name, data in files.items()]


def add_file(workspace: Workspace) -> ModelKey:
    return workspace.add_files(streams(FILE), "m.pb")


def add_folder(workspace: Workspace) -> ModelKey:
    return workspace.add_files(streams(FOLDER), "saved")


def keep(workspace: Workspace, key: str = KEY) -> StoredResult:
    files = workspace.new_result()
    for name, data in WRITTEN.items():
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_bytes(data)
    return workspace.keep_result(files, key, VALUE, BLOBS, 1 << 20)


def fill(root: Path) -> Workspace:
    """A workspace with a model of one file, a model that is a folder, and a result with files."""
    workspace = Workspace(root)
    add_file(workspace)
    add_folder(workspace)
    keep(workspace)
    return workspace


def check_file(key: ModelKey) -> None:
    assert key.path.read_bytes() == FILE["m.pb"]


def check_folder(key: ModelKey) -> None:
    assert contents(key.path) == FOLDER


def check_result(stored: StoredResult) -> None:
    assert stored.value == VALUE
    assert stored.blobs == BLOBS
    assert stored.folder is not None
    assert contents(stored.folder) == WRITTEN


def contents(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def check_whole(workspace: Workspace) -> int:
    """Whatever is in the workspace is right, of whichever process it came; gives how much is."""
    count = 0
    for part in ("models", "results"):
        for entry in (workspace.root / part).iterdir():
            if part == "results":
                stored = workspace.result(entry.name)
                assert stored is not None, "a broken result was stored"
                check_result(stored)
            else:
                key = workspace.model(entry.name)
                assert key is not None, "a broken model was stored"
                (check_folder if key.path.is_dir() else check_file)(key)
            count += 1
    return count


def use_all(workspace: Workspace) -> None:
    """Ask for everything as the app does, make anew what is not there, and hold it to be right."""
    check_file(add_file(workspace))
    check_folder(add_folder(workspace))
    stored = workspace.result(KEY)
    check_result(stored if stored is not None else keep(workspace))
    assert check_whole(workspace) == 3
    assert list((workspace.root / "tmp").iterdir()) == []
