"""Attributes of a node as text: in full for the details, and short for the search."""

from __future__ import annotations

from typing import Any

from inspector.graph import tensors
from inspector.graph.protos import AttrValue, NodeDef
from inspector.text import cut, shape, value

MAX_ATTR_TEXT = 400
"""Characters of an attribute in the details."""
MAX_ITEMS = 24
"""Items of a list in the details."""

_MAX_TEXT, _MAX_LISTED, _MAX_ATTRS = 60, 8, 12
"""Of the search: characters, items of a list, attributes of a node."""
_NOT_SEARCHED = ("_output_shapes", "_class", "value")


def attr_text(attr: AttrValue) -> str:
    """An attribute on one line, at most `MAX_ATTR_TEXT` characters."""
    kind = attr.WhichOneof("value")
    if kind is None:
        return "unset"
    if kind != "list":
        return cut(_item_text(kind, getattr(attr, kind)), MAX_ATTR_TEXT)
    for entry, items in attr.list.ListFields():
        texts = [_item_text(entry.name, item) for item in items[:MAX_ITEMS]]
        more = ", …" if len(items) > MAX_ITEMS else ""
        return cut(f"[{', '.join(texts)}{more}]", MAX_ATTR_TEXT)
    return "[]"


def searchable(node: NodeDef) -> list[str]:
    """``key=value``, e.g. ``padding=SAME``, of attributes that are numbers or texts, by key.

    The search has types and shapes elsewhere; it leaves constants and functions out.
    """
    texts = []
    for key in sorted(node.attr):
        text = "" if key in _NOT_SEARCHED else _searchable_text(node.attr[key])
        if text:
            texts.append(f"{key}={text}"[:_MAX_TEXT])
    return texts[:_MAX_ATTRS]


def _item_text(kind: str, item: Any) -> str:
    if kind == "type":
        return tensors.dtype_name(item)
    if kind == "shape":
        return shape(tensors.shape_of(item))
    if kind == "tensor":
        return f"{tensors.dtype_name(item.dtype)} {shape(tensors.shape_of(item.tensor_shape))}"
    if kind == "func":
        return f"function {item.name}"
    return value(item)


def _searchable_text(attr: AttrValue) -> str:
    kind = attr.WhichOneof("value")
    if kind == "list":
        for name in ("s", "i", "f", "b"):
            items = getattr(attr.list, name)
            if items:
                texts = ",".join(_short_value(item) for item in items[:_MAX_LISTED])
                return f"[{texts}{',…' if len(items) > _MAX_LISTED else ''}]"
        return ""
    return _short_value(getattr(attr, kind)) if kind in ("s", "i", "f", "b") else ""


def _short_value(item: object) -> str:
    return value(item[:_MAX_TEXT] if isinstance(item, bytes) else item, digits=6)
