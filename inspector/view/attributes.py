"""What of a node's attributes can be searched, as short texts: ``padding=SAME``."""

from __future__ import annotations

from inspector.protos import AttrValue, NodeDef

MAX_TEXT, MAX_LISTED, MAX_ATTRS = 60, 8, 12
_UNTOLD = ("_output_shapes", "_class", "value")


def searchable(node: NodeDef) -> list[str]:
    """``key=value`` of the attributes that are numbers, texts, or lists of these, by key.

    Types and shapes are told elsewhere, constants and functions are no attributes one looks for.
    """
    found = []
    for key in sorted(node.attr):
        text = "" if key in _UNTOLD else _text(node.attr[key])
        if text:
            found.append(f"{key}={text}"[:MAX_TEXT])
    return found[:MAX_ATTRS]


def _text(value: AttrValue) -> str:
    kind = value.WhichOneof("value")
    if kind == "list":
        for name in ("s", "i", "f", "b"):
            items = getattr(value.list, name)
            if items:
                told = ",".join(_item(name, item) for item in items[:MAX_LISTED])
                return f"[{told}{',…' if len(items) > MAX_LISTED else ''}]"
        return ""
    return _item(kind, getattr(value, kind)) if kind in ("s", "i", "f", "b") else ""


def _item(kind: str, item: object) -> str:
    if isinstance(item, bytes):
        return item[:MAX_TEXT].decode("utf-8", "backslashreplace")
    if kind == "b":
        return "true" if item else "false"
    return f"{item:g}" if isinstance(item, float) else str(item)
