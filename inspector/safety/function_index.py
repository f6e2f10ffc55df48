"""Which functions of a library the runtime may run, and which ops they contain.

The runtime reaches a function through an attribute of any op, also nested in another such
attribute; through a node whose op is the function's name; as the gradient of another function; and
in place of another, where Grappler chooses among functions with the same ``api_implements``.

Source: tensorflow/core/grappler/optimizers/implementation_selector.cc; core/common_runtime/
function.cc (SymbolicGradient).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from inspector.graph import op_safety
from inspector.graph.functions import function_names
from inspector.graph.op_safety import FOLD, UNKNOWN, Ruling
from inspector.graph.protos import FunctionDef, FunctionDefLibrary, NodeDef

# These decide which nodes run, or stand for what does not run; they compute nothing themselves.
_ORDERING = frozenset((*op_safety.sections()["control_flow"], "FakeParam"))
_GRADIENT_CALL = "SymbolicGradient"
_IMPLEMENTS = "api_implements"


@dataclass(frozen=True)
class Objection:
    """Why a node is not computed ahead: the op that prevents it, and the ruling on that op."""

    op: str
    ruling: Ruling

    @property
    def refused(self) -> bool:
        """True if the op is never run."""
        return self.ruling.severity == op_safety.BLOCK

    def __str__(self) -> str:
        return f"is not computed ahead: {self.op} {self.ruling.why}"


@dataclass(frozen=True)
class _Inside:
    objection: Objection | None
    names: frozenset[str]


class FunctionIndex:
    """The functions of a library by name, and the functions that may run with each."""

    def __init__(self, library: FunctionDefLibrary, nodes: Iterable[NodeDef] = ()) -> None:
        self.bodies: dict[str, list[FunctionDef]] = {}
        self._inside_of: dict[str, _Inside] = {}
        self._implementing: dict[bytes, list[str]] = {}
        for function in library.function:
            name = function.signature.name
            self.bodies.setdefault(name, []).append(function)
            if _IMPLEMENTS in function.attr:
                key = function.attr[_IMPLEMENTS].s
                self._implementing.setdefault(key, []).append(name)
        self._gradients: dict[str, list[str]] = {}
        for item in library.gradient:
            self._gradients.setdefault(item.function_name, []).append(item.gradient_func)
        if self._gradients:
            inner = (node for function in library.function for node in function.node_def)
            if not any(node.op == _GRADIENT_CALL for node in itertools.chain(nodes, inner)):
                self._gradients = {}

    def named_by(self, node: NodeDef) -> set[str]:
        """The functions of the library that a node names, by its op or in any attribute."""
        if not self.bodies:
            return set()
        names = {node.op, *function_names(node)}
        if op_safety.class_of(node.op).name == "data_set":
            names |= set(_texts(node))
        return names & self.bodies.keys()

    def with_others(self, name: str) -> set[str]:
        """A function and those that may run with it or instead of it.

        These are its gradient, if the graph computes gradients, and the functions with the same
        ``api_implements``, among which Grappler may choose.
        """
        names: set[str] = set()
        todo = [name]
        while todo:
            current = todo.pop()
            if current in names or current not in self.bodies:
                continue
            names.add(current)
            todo += self._gradients.get(current, ())
            for function in self.bodies[current]:
                if _IMPLEMENTS in function.attr:
                    todo += self._implementing[function.attr[_IMPLEMENTS].s]
        return names

    def objection(self, node: NodeDef) -> Objection | None:
        """Why a node is not computed ahead: its own op, or one in a function it runs."""
        names = self.named_by(node)
        objection = self._own_objection(node, names)
        todo, visited = list(names), set(names)
        while todo and objection is None:
            for other in self.with_others(todo.pop()):
                inside = self._inside(other)
                objection = objection or inside.objection
                todo += inside.names - visited
                visited |= inside.names
        return objection

    def _inside(self, name: str) -> _Inside:
        """The first objection in the bodies of a function, and the functions that they name."""
        if name not in self._inside_of:
            objection: Objection | None = None
            names: set[str] = set()
            for node in (node for body in self.bodies[name] for node in body.node_def):
                called = self.named_by(node)
                names |= called
                objection = objection or self._own_objection(node, called)
            self._inside_of[name] = _Inside(objection, frozenset(names))
        return self._inside_of[name]

    def _own_objection(self, node: NodeDef, names: set[str]) -> Objection | None:
        if node.op in names and op_safety.class_of(node.op) is UNKNOWN:
            return None  # a call by name
        decision = op_safety.ruling(node)
        if decision.verdict == FOLD or node.op in _ORDERING:
            return None
        return Objection(node.op, decision)


def _texts(node: NodeDef) -> Iterator[str]:
    """The strings of a node's attributes."""
    for value in node.attr.values():
        kind = value.WhichOneof("value")
        texts = [value.s] if kind == "s" else value.list.s if kind == "list" else ()
        for text in texts:
            yield bytes(text).decode(errors="replace")
