"""Names say what they hold: the share of filler names, which fit anything, stays small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("inspector", "pages", "scripts", "app.py")
FILLER = {
    *("asked", "found", "given", "kept", "known", "left", "made"),
    *("meant", "said", "seen", "shown", "told", "wanted"),
}
MOST = 6
"""Filler names that remain, `left` of a rectangle among them; the number only gets smaller."""
MOST_SHARE = 0.01


def assigned_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Variables, arguments, attributes, functions and classes that code defines, with lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno


def is_filler(name: str) -> bool:
    return name.strip("_") in FILLER


def test_few_names_are_filler() -> None:
    total = 0
    places: list[str] = []
    for file in files():
        for name, line in assigned_names(ast.parse(file.read_text(encoding="utf-8"))):
            total += 1
            if is_filler(name):
                places.append(f"{file.relative_to(ROOT)}:{line}: {name}")
    listed = "\n".join(places)
    assert len(places) < MOST_SHARE * total, listed
    assert len(places) <= MOST, listed


def test_every_kind_of_name_is_counted() -> None:
    code = """
found = 1
for left, x in y: pass
def told(given, *, _kept=0): self.seen = found
async def asked(): pass
class known: pass
lambda meant: made
"""
    names = [name for name, _ in assigned_names(ast.parse(code)) if is_filler(name)]
    expected = ["found", "left", "told", "given", "_kept", "seen", "asked", "known", "meant"]
    assert sorted(names) == sorted(expected)


def files() -> Iterator[Path]:
    for place in PLACES:
        path = ROOT / place
        yield from [path] if path.is_file() else sorted(path.rglob("*.py"))
