"""The configs of layers that Keras 2 keeps beside a SavedModel, in ``keras_metadata.pb``.

TensorFlow does not read that file; Keras does, and runs the bytecode of ``Lambda`` layers in it.

Source: keras/protobuf/saved_metadata.proto.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inspector.errors import CorruptModel
from inspector.formats.mapped import map_file
from inspector.graph import wire

MAX_CONFIG = 16 << 20
"""Bytes of the longest config that is read."""

_NODES, _NODE_PATH, _METADATA = 1, 3, 5


def layers(path: Path) -> Iterator[tuple[str, Any]]:
    """The path of each object in the file and its config.

    Raises: MissingFile, CorruptModel.
    """
    data = map_file(path)
    try:
        for node in wire.fields(data):
            if node.number != _NODES:
                continue
            name, text = "", b""
            for part in wire.fields(data, node.start, node.end):
                if part.number == _NODE_PATH:
                    name = bytes(data[part.start : part.end]).decode(errors="replace")
                elif part.number == _METADATA and part.end - part.start <= MAX_CONFIG:
                    text = bytes(data[part.start : part.end])
            if text:
                yield name, json.loads(text)
    except wire.WireError as err:
        raise wire.read_error(err, path.name, "SavedMetadata") from err
    except (ValueError, RecursionError) as err:
        raise CorruptModel(path.name, "config", "is no JSON that can be read") from err
