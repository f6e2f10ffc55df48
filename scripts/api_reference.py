"""Write what docs/api.md takes from signatures and docstrings: ``python -m scripts.api_reference``.

Below a heading that is a public name, the lines between two markers are written here, and the table
of errors likewise; the rest of the page is written by hand. A test compares the page with the code.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import inspector
from inspector import errors

PAGE = Path(__file__).resolve().parent.parent / "docs/api.md"
START, END = "<!-- from the code -->", "<!-- end -->"
ERRORS = "Errors"
"""The heading of the table of errors."""
_HEADING = re.compile(r"^#+ (.+)$")
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns): ?(.*)$")
_ENTRY = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*)$")
_PAGE_OF_DOCS = re.compile(r"docs/([\w/]+\.md)")
_NAME = re.compile(r"(?<!`)\b([A-Z]\w+)\b(?!`)")
_LINE = 100


class Docstring(NamedTuple):
    """The parts of a docstring, as Markdown.

    Attributes:
        text: What comes before the sections.
        entries: Arguments or attributes, several with commas between them, to what they are.
        returns, raises: Of the sections of these names; empty where there is none.
    """

    text: str
    entries: dict[str, str]
    returns: str
    raises: str


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def page(text: str) -> str:
    """The page with all that is between markers written anew."""
    lines: list[str] = []
    name, inside = "", False
    for line in text.splitlines():
        if not inside:
            lines.append(line)
            if match := _HEADING.match(line):
                name = match[1]
        if line == START:
            inside = True
            lines += ["", *_block(name), "", END]
        elif line == END:
            inside = False
    return "\n".join([*lines, ""])


def docstring(item: object) -> Docstring:
    """The docstring of a function or class in its parts."""
    parts: dict[str, list[str]] = {"": []}
    section = ""
    for line in inspect.cleandoc(item.__doc__ or "").splitlines():
        if match := _SECTION.match(line):
            section = match[1]
            parts[section] = [match[2]]
        else:
            parts[section].append(line)
    entries: dict[str, str] = {}
    names = ""
    for line in [*parts.get("Args", ()), *parts.get("Attributes", ())]:
        if match := _ENTRY.match(line):
            names = match[1]
            entries[names] = match[2]
        elif line.strip():
            entries[names] += f" {line.strip()}"
    paragraphs = "\n".join(parts[""]).strip().split("\n\n")
    return Docstring(
        "\n\n".join(_markdown(part) for part in paragraphs),
        {names: _markdown(what) for names, what in entries.items()},
        *(_markdown(" ".join(parts.get(key, ()))) for key in ("Returns", "Raises")),
    )


def tree(kind: type[errors.InspectorError]) -> Iterator[type[errors.InspectorError]]:
    """The errors that derive from one, each before those that derive from it."""
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from tree(child)


def _block(name: str) -> Iterable[str]:
    if name == ERRORS:
        return _errors()
    item = getattr(inspector, name)
    return _class(item) if inspect.isclass(item) else _function(name, item)


def _function(name: str, item: Any) -> Iterator[str]:
    """Signature, what it does, arguments, what it returns and raises."""
    parts = docstring(item)
    yield from ("```python", *_signature(name, inspect.signature(item)), "```", "", parts.text)
    if parts.entries:
        rows = [(_code(names), what) for names, what in parts.entries.items()]
        yield from ("", *_table(("argument", "what it is"), rows))
    if parts.returns:
        yield from ("", f"Returns {_lower(parts.returns)}")
    if parts.raises:
        yield from ("", f"Raises {_NAME.sub(_error, parts.raises)}")


def _signature(name: str, signature: inspect.Signature) -> Iterator[str]:
    """``def name(..) -> ..: ...`` in one line, or with a line for each parameter."""
    parts: list[str] = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        is_text = isinstance(parameter.default, str)
        default = json.dumps(parameter.default) if is_text else repr(parameter.default)
        has_default = parameter.default is not parameter.empty
        parts.append(
            f"{parameter.name}: {parameter.annotation}{f' = {default}' if has_default else ''}"
        )
    end = f") -> {signature.return_annotation}: ..."
    line = f"def {name}({', '.join(parts)}{end}"
    if len(line) <= _LINE:
        yield line
        return
    yield from (f"def {name}(", *(f"    {part}," for part in parts), end)


def _class(kind: type) -> Iterator[str]:
    """What it is, then fields, properties and methods."""
    parts = docstring(kind)
    rows = [(_code(names), what) for names, what in parts.entries.items()]
    for name, member in vars(kind).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            rows.append((_code(name), docstring(member).text))
        elif inspect.isfunction(member):
            rows.append((_code(f"{name}({_names(member)})"), docstring(member).text))
    yield parts.text
    if rows:
        yield from ("", *_table(("attribute", "what it is"), rows))


def _names(method: Any) -> str:
    """The parameters of a method without their types."""
    signature = inspect.signature(method)
    own = list(signature.parameters.values())[1:]
    plain = [parameter.replace(annotation=parameter.empty) for parameter in own]
    return str(signature.replace(parameters=plain, return_annotation=signature.empty))[1:-1]


def _errors() -> Iterator[str]:
    """A row for each error, below those that it derives from."""
    rows = []
    for kind in tree(errors.InspectorError):
        (base,) = kind.__bases__
        meaning = docstring(kind).text.partition("\n\n")[0]
        rows.append((_code(kind.__name__), _code(base.__name__), meaning))
    return _table(("error", "is a", "meaning"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(head)
    yield _row("---" for _ in head)
    yield from (_row(" ".join(cell.replace("|", "\\|").split()) for cell in row) for row in rows)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _code(names: str) -> str:
    """Names, or one call, as code."""
    return f"`{names}`" if "(" in names else ", ".join(f"`{name}`" for name in names.split(", "))


def _error(match: re.Match[str]) -> str:
    """The name of an error as code; another word as it is."""
    name = match[1]
    is_error = hasattr(errors, name) or name in ("ModuleNotFoundError", "TypeError")
    return f"`{name}`" if is_error else name


def _lower(sentence: str) -> str:
    """A sentence as it goes on after a verb; a name keeps its first letter."""
    first = sentence.partition(" ")[0]
    return sentence if first[1:].lower() != first[1:] else sentence[:1].lower() + sentence[1:]


def _markdown(text: str) -> str:
    """Prose of a docstring on one line; pages of docs/ become links."""
    return _PAGE_OF_DOCS.sub(r"[\1](\1)", " ".join(text.replace("``", "`").split()))


if __name__ == "__main__":
    main()
