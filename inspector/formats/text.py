"""Messages written as text (``.pbtxt``): recognised by their first field, turned into binary form.

Readers only see the binary form.

Source: google.protobuf.text_format; python/saved_model/loader_impl.py, tools/freeze_graph.py.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import TypeVar

from google.protobuf import text_format

from inspector import settings
from inspector.errors import CorruptModel, LimitExceeded
from inspector.graph.protos import (
    POOL,
    CheckpointState,
    GraphDef,
    Message,
    MetaGraphDef,
    SavedModel,
)

MAX_TEXT_MESSAGES = 2_000_000
"""Most messages in a model as text; each takes twenty microseconds to read."""

HEAD_BYTES = 1 << 16
"""How far the first field is looked for: a file may begin with a comment."""

BOM = b"\xef\xbb\xbf"
_FIRST_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)*([a-z_]+)\s*(:\s*[{<]|[{<]|:)")
_BOMS = (
    (b"\xff\xfe\0\0", "utf-32-le"),
    (b"\0\0\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_ZEROS = (
    (re.compile(rb"[\t\n\r -~]\0\0\0[\t\n\r -~]\0\0\0"), "utf-32-le"),
    (re.compile(rb"\0\0\0[\t\n\r -~]\0\0\0[\t\n\r -~]"), "utf-32-be"),
    (re.compile(rb"(?:[\t\n\r -~]\0){4}"), "utf-16-le"),
    (re.compile(rb"(?:\0[\t\n\r -~]){4}"), "utf-16-be"),
)
"""How text without a mark of its encoding begins, if it begins with letters of ASCII."""

_NAMES: Mapping[str, str] = {
    "utf-16-le": "UTF-16 (little-endian)",
    "utf-16-be": "UTF-16 (big-endian)",
    "utf-32-le": "UTF-32 (little-endian)",
    "utf-32-be": "UTF-32 (big-endian)",
}
_ERROR = re.compile(r"(\d+):(\d+) : (?:'.*': )?(.*)", re.DOTALL)
_REASON = 200

_Message = TypeVar("_Message", bound=Message)
_MESSAGES: Mapping[str, type[Message]] = {
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
    match = _FIRST_FIELD.match(bytes(data[:HEAD_BYTES]).removeprefix(BOM))
    if match is None or match[1] not in _FIELDS:
        return None
    name, is_message = _FIELDS[match[1]]
    return name if is_message == (match[2] != b":") else None


def encoding(data: bytes) -> str | None:
    """The encoding of text in UTF-16 or UTF-32, with a mark or without; None for other bytes."""
    for mark, codec in _BOMS:
        if data.startswith(mark):
            text = _decoded(data, codec)
            return codec if all(char.isprintable() or char.isspace() for char in text) else None
    return next((codec for begin, codec in _ZEROS if begin.match(data)), None)


def in_encoding(data: bytes, codec: str) -> str:
    """What text in an encoding of `encoding` is, in half a sentence."""
    kind = recognise(_decoded(data, codec).encode(errors="replace"))
    if kind is None:
        return f"text in {_NAMES[codec]}, and no model"
    return f"a {kind} as text in {_NAMES[codec]}, where UTF-8 is needed: save it in UTF-8"


def _decoded(data: bytes, codec: str) -> str:
    """The text without its mark; the head of a file may end within a character."""
    decoder = codecs.getincrementaldecoder(codec)("replace")
    return decoder.decode(data).removeprefix("\ufeff")


def parse(data: bytes | memoryview, kind: type[_Message], what: str) -> _Message:
    """The message of this class that a text is.

    Raises: LimitExceeded; CorruptModel with line and column.
    """
    where = f"{kind.DESCRIPTOR.name} as text"
    most = settings.TEXT_SIZE()
    if len(data) > most:
        reason = (
            f"{len(data) / (1 << 20):.0f} MiB of text, the limit is {most >> 20} MiB: "
            "save it in binary form"
        )
        raise LimitExceeded(what, where, reason)
    whole = bytes(data)
    if whole.count(b"{") + whole.count(b"<") > MAX_TEXT_MESSAGES:
        reason = f"more than {MAX_TEXT_MESSAGES:,} messages: save it in binary form"
        raise LimitExceeded(what, where, reason)
    message = kind()
    try:
        text = whole.removeprefix(BOM).decode()
        text_format.Parse(text, message, descriptor_pool=POOL)
    except UnicodeDecodeError as err:
        raise CorruptModel(what, where, f"byte {err.start} is no UTF-8") from err
    except RecursionError as err:
        raise CorruptModel(what, where, "it is nested too deeply") from err
    except (text_format.ParseError, ValueError, TypeError) as err:
        raise CorruptModel(what, where, _reason(err)) from err
    return message


def to_binary(data: bytes | memoryview, kind: str, what: str) -> memoryview:
    """The same message in binary form. Raises: LimitExceeded, CorruptModel."""
    return memoryview(parse(data, _MESSAGES[kind], what).SerializeToString())


def _reason(err: Exception) -> str:
    # The parser quotes the whole line between position and reason.
    match = _ERROR.fullmatch(str(err))
    reason = str(err) if match is None else f"line {match[1]}, column {match[2]}: {match[3]}"
    return "".join(char if char.isprintable() else " " for char in reason[:_REASON])
