"""Records in a log and in a notebook: one short line, and a table of the fields."""

from __future__ import annotations

from dataclasses import fields
from reprlib import Repr
from typing import Any

from inspector.printing.text_tables import html, table
from inspector.text import cut

_LINE = 160
"""Characters between the brackets of a record's one line."""
_VALUE = 200
"""Characters of a value in the table."""

_brief = Repr()
_brief.maxlevel, _brief.maxstring, _brief.maxother = 3, 50, 60
_brief.maxdict = _brief.maxlist = _brief.maxtuple = 3


class ShortRecord:
    """For dataclasses with names from a model, which may be long and hold anything.

    They give ``repr=False`` to the decorator. Control characters show as escapes.
    """

    def __repr__(self) -> str:
        values = (f"{name}={_brief.repr(value)}" for name, value in _fields(self))
        return f"{type(self).__name__}({cut(', '.join(values), _LINE)})"

    def _repr_html_(self) -> str:
        rows = [
            (name, cut(value if isinstance(value, str) else _brief.repr(value), _VALUE))
            for name, value in _fields(self)
        ]
        return html(table(rows))


def _fields(record: Any) -> list[tuple[str, Any]]:
    return [(field.name, getattr(record, field.name)) for field in fields(record) if field.repr]
