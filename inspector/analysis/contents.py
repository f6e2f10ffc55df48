"""The files of a model: names and sizes, assets, fingerprint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from inspector.graph import varint, wire
from inspector.model.model import Model

FINGERPRINT = "fingerprint.pb"
_LARGEST = 1 << 16
_UUID = 7
_PARTS = {
    1: "the file saved_model.pb",
    2: "the program",
    3: "the signatures",
    4: "the layers and functions",
    5: "the index of the variables",
}


def of(model: Model) -> dict[str, Any]:
    """Files, assets and fingerprint, as JSON.

    A builder of TensorFlow 1 lists an asset once more for each MetaGraphDef; here it is once.

    Returns: ``files``: name and bytes of each; ``assets``: name, the ``tensor`` that names it, and
        bytes, None where it is missing; ``fingerprint``: each number, and what it is
        of; ``has_values``: whether the values of the variables can be read.
    """
    return {
        "files": [{"name": name, "bytes": size} for name, size in model.files],
        "assets": [
            {"name": asset.name, "tensor": asset.tensor, "bytes": _size(asset.path)}
            for asset in dict.fromkeys(model.assets)
        ],
        "fingerprint": _fingerprint(model),
        "has_values": model.checkpoint is not None,
    }


def tree(files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Folders and files in the order of a tree: name, depth, bytes, number of files.

    Args:
        files: Name (``/`` between its parts) and bytes of each.
    """
    totals: dict[tuple[str, ...], list[int]] = {}
    for file in files:
        parts = tuple(file["name"].split("/"))
        for depth in range(1, len(parts) + 1):
            total = totals.setdefault(parts[:depth], [0, 0])
            total[0] += file["bytes"]
            total[1] += 1
    whole = {tuple(file["name"].split("/")) for file in files}
    # A folder's own files come before the folders in it.
    ordered = sorted(totals, key=lambda parts: [(p not in whole, p) for p in _prefixes(parts)])
    return [
        {
            "name": parts[-1],
            "depth": len(parts) - 1,
            "is_folder": parts not in whole,
            "bytes": totals[parts][0],
            "files": totals[parts][1],
        }
        for parts in ordered
    ]


def _prefixes(parts: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [parts[: depth + 1] for depth in range(len(parts))]


def _size(path: Path | None) -> int | None:
    try:
        return None if path is None else path.stat().st_size
    except OSError:
        return None


def _fingerprint(model: Model) -> list[dict[str, str]]:
    """What the fingerprint says; empty where there is none, or none that can be read.

    Source: tensorflow/core/protobuf/fingerprint.proto.
    """
    path = None if model.path is None else model.path / FINGERPRINT
    if model.format != "SavedModel" or path is None or not os.path.lexists(path):
        return []
    rows = []
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        data = path.read_bytes()
        for field in wire.fields(data):
            if field.number in _PARTS and field.wire == 0:
                number = varint.decode(data, field.start)[0]
                rows.append({"number": f"{number:016x}", "of": _PARTS[field.number]})
            elif field.number == _UUID and field.wire == 2:
                uuid = data[field.start : field.end].decode(errors="replace")[:80]
                rows.append({"number": uuid, "of": "this one saving"})
    except (OSError, wire.WireError, IndexError, ValueError):
        return []
    return rows
