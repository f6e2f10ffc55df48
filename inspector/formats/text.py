"""Messages written as text (``.pbtxt``): recognised by their first field, turned into binary form.

What reads the binary form then reads them too: nothing behind this knows of text.

Source: google.protobuf.text_format; python/saved_model/loader_impl.py, tools/freeze_graph.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from google.protobuf import text_format

from inspector import settings
from inspector.errors import CorruptModel, LimitExceeded
from inspector.protos import (
    POOL,
    CheckpointState,
    GraphDef,
    MetaGraphDef,
    SavedModel,
)

MAX_TEXT_MESSAGES = 2_000_000
"""Most messages in a model as text; each takes twenty microseconds to read."""

HEAD_BYTES = 1 << 16
"""How far the first field is looked for: a file may begin with a comment."""

_BOM = b"\xef\xbb\xbf"
_FIRST_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)*([a-z_]+)\s*(:\s*[{<]|[{<]|:)")
_ERROR = re.compile(r"(\d+):(\d+) : (?:'.*': )?(.*)", re.DOTALL)
_REASON = 200

_MESSAGES: Mapping[str, Any] = {
    "SavedModel": SavedModel,
    "GraphDef": GraphDef,
    "MetaGraphDef": MetaGraphDef,
    "CheckpointState": CheckpointState,
}
# First field to message, and whether the field holds a message itself.
_FIELDS: Mapping[bytes, tuple[str, bool]] = {
    field.name.encode(): (name, field.message_type is not None)
    for name, kind in _MESSAGES.items()
    for field in kind.DESCRIPTOR.fields
}


def recognise(data: bytes | memoryview) -> str | None:
    """``SavedModel``, ``GraphDef``, ``MetaGraphDef``, ``CheckpointState``; None for other text."""
    found = _FIRST_FIELD.match(bytes(data[:HEAD_BYTES]).removeprefix(_BOM))
    if found is None or found[1] not in _FIELDS:
        return None
    name, is_message = _FIELDS[found[1]]
    return name if is_message == (found[2] != b":") else None


def parse(data: bytes | memoryview, kind: str, what: str) -> Any:
    """The message of this name that a text is.

    Raises: LimitExceeded; CorruptModel with line and column.
    """
    most = settings.TEXT_SIZE()
    if len(data) > most:
        reason = (
            f"{len(data) / (1 << 20):.0f} MiB of text, the limit is {most >> 20} MiB: "
            "save it in binary form"
        )
        raise LimitExceeded(what, f"{kind} as text", reason)
    whole = bytes(data)
    if whole.count(b"{") + whole.count(b"<") > MAX_TEXT_MESSAGES:
        reason = f"more than {MAX_TEXT_MESSAGES:,} messages: save it in binary form"
        raise LimitExceeded(what, f"{kind} as text", reason)
    message = _MESSAGES[kind]()
    try:
        text = whole.removeprefix(_BOM).decode()
        text_format.Parse(text, message, descriptor_pool=POOL)
    except UnicodeDecodeError as err:
        raise CorruptModel(what, f"{kind} as text", f"byte {err.start} is no UTF-8") from err
    except RecursionError as err:
        raise CorruptModel(what, f"{kind} as text", "it is nested too deeply") from err
    except (text_format.ParseError, ValueError, TypeError) as err:
        raise CorruptModel(what, f"{kind} as text", _reason(err)) from err
    return message


def to_binary(data: bytes | memoryview, kind: str, what: str) -> memoryview:
    """The same message in binary form. Raises: LimitExceeded, CorruptModel."""
    return memoryview(parse(data, kind, what).SerializeToString())


def _reason(err: Exception) -> str:
    # Between the place and the reason, the parser quotes the line, however long it is.
    found = _ERROR.fullmatch(str(err))
    told = str(err) if found is None else f"line {found[1]}, column {found[2]}: {found[3]}"
    return "".join(char if char.isprintable() else " " for char in told[:_REASON])
