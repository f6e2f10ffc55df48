"""Sets of op types are written down once, in `inspector.graph.op_sets`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspector.graph import op_sets, opdefs

PACKAGE = Path(op_sets.__file__).parent.parent
SETS = {name: value for name, value in vars(op_sets).items() if isinstance(value, frozenset)}
UNREGISTERED = {"AutoReloadVariable"}
"""Ops of TensorFlow's own tools that no TensorFlow registers."""


def literals(tree: ast.AST) -> Iterator[tuple[frozenset[str], int]]:
    """Every set, tuple or list of two or more strings, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Set | ast.Tuple | ast.List):
            texts = [item.value for item in node.elts if isinstance(item, ast.Constant)]
            strings = frozenset(text for text in texts if isinstance(text, str))
            if len(node.elts) == len(strings) > 1:
                yield strings, node.lineno


def copies(tree: ast.AST) -> list[tuple[str, int]]:
    """The names of the sets that a syntax tree writes out, each with its line."""
    return [
        (name, line)
        for strings, line in literals(tree)
        for name, ops in SETS.items()
        if ops == strings
    ]


def test_no_module_writes_out_a_set_of_op_sets() -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}:{line}: use op_sets.{name}"
        for file in sorted(PACKAGE.rglob("*.py"))
        if file != Path(op_sets.__file__)
        for name, line in copies(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "code",
    ['x = {"If", "StatelessIf"}', 'x = ("StatelessIf", "If")', 'frozenset(["If", "StatelessIf"])'],
)
def test_the_search_sees_a_copy(code: str) -> None:
    assert [name for name, _ in copies(ast.parse(code))] == ["IFS"]


def test_no_two_sets_are_equal() -> None:
    assert len(set(SETS.values())) == len(SETS)


def test_members_are_ops_of_tensorflow() -> None:
    members = frozenset().union(*SETS.values())
    assert members - opdefs.known_ops() == UNREGISTERED
