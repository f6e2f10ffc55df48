"""Taking out nodes that hand their first input on: their readers read that instead."""

from __future__ import annotations

from inspector import opdefs, tensors
from inspector.edit import GraphEdit
from inspector.graph import (
    MERGES,
    Input,
    control_inputs,
    data_inputs,
    node_name,
    split_input,
)
from inspector.passes.base import PassContext
from inspector.passes.branches import CONTROL_FLOW, SWITCHES
from inspector.passes.pattern import PLACEHOLDERS
from inspector.protos import NodeDef

_MOST_WAITS = 100
"""Control inputs that a removed node may leave to each of its readers."""


class Bypass:
    """Takes a set of nodes out in one sweep, however long the chains they form."""

    def __init__(self, edit: GraphEdit, ctx: PassContext, nodes: list[NodeDef]) -> None:
        self.edit = edit
        self.boundary = ctx.boundary
        self.todo: dict[str, NodeDef] = {}
        self.source: dict[str, Input] = {}
        self.waits: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            if node.name in ctx.boundary:
                edit.skip(node, "is a feed or a fetch")
            elif why := self._why_not(node):
                edit.skip(node, why)
            else:
                self.todo[node.name] = node

    def run(self) -> None:
        """Take them out, and have their readers read and wait for what they read."""
        for name in list(self.todo):
            self._decide(name)
        gone = {name: self.edit[name] for name in self.source}
        table: dict[Input, Input] = {}
        for name, source in self.source.items():
            table[Input(name, 0, False)] = source
            table[Input(name, -1, True)] = Input(source.name, -1, True)
            self.edit.explain(name, "its readers read its input", str(source))
            self.edit.remove(name, source.name)
        # A control input may itself be on a removed node: whoever waits, waits for its source.
        waits = {name: self._final_waits(found) for name, found in self.waits.items() if found}
        for name in gone:
            for reader in self.edit.reads(name):
                self.edit.explain(reader, "reads past what was removed", name)
        self.edit.rewire(table, waits)
        for node in gone.values():
            for text in data_inputs(node)[1:]:
                self._drop_unread(node_name(text))

    def _why_not(self, node: NodeDef) -> str:
        if node.op in CONTROL_FLOW:
            return "is part of a branch or a loop"
        reads = self.edit.reads(node.name).values()
        others = {port for ports in reads for port in ports if port > 0}
        if others:
            return f"is read at output {min(others)}, and only output 0 passes its input on"
        taken, given = opdefs.input_dtypes(node), opdefs.output_dtypes(node)
        if taken and given and taken[0] % tensors.REF != given[0] % tensors.REF:
            names = tensors.dtype_name(taken[0]), tensors.dtype_name(given[0])
            return f"turns {names[0]} into {names[1]}, which its readers need"
        return ""

    def _decide(self, name: str) -> None:
        """Settle a node and, before it, the chain of candidates that it reads."""
        chain: list[str] = []
        seen: set[str] = set()
        while name in self.todo and name not in seen:
            seen.add(name)
            chain.append(name)
            name = node_name(data_inputs(self.todo[name])[0])
        for current in reversed(chain):
            self._settle(current, self.todo.pop(current))

    def _settle(self, name: str, node: NodeDef) -> None:
        source = split_input(data_inputs(node)[0])
        waits = tuple(control_inputs(node))
        if source.name in self.source:
            waits = tuple(dict.fromkeys(self.waits[source.name] + waits))
            source = self.source[source.name]
        readers = self.edit.readers(name)
        origin = self.edit.get(source.name)
        if source.name == name:
            self.edit.skip(name, "reads itself through a loop")
        elif waits and any(reader.op in MERGES for reader in readers):
            self.edit.skip(name, "has a control input that says which branch it belongs to")
        elif (
            origin is not None
            and origin.op in SWITCHES
            and any(-1 in ports for ports in self.edit.reads(name).values())
        ):
            self.edit.skip(name, "others wait for it to know which branch is taken")
        elif len(waits) > _MOST_WAITS:
            self.edit.skip(name, f"waits for {len(waits)} nodes, too many to hand to each reader")
        else:
            self.source[name] = source
            self.waits[name] = waits

    def _final_waits(self, waits: tuple[str, ...]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        seen: set[str] = set()
        todo = list(reversed(waits))
        while todo:
            text = todo.pop()
            name = text[1:]
            if name in seen:
                continue
            seen.add(name)
            if name in self.source:
                found["^" + self.source[name].name] = None
                todo += reversed(self.waits[name])
            else:
                found[text] = None
        return tuple(found)

    def _drop_unread(self, name: str) -> None:
        node = self.edit.get(name)
        if node is None or name in self.boundary or node.op in PLACEHOLDERS:
            return
        if not self.edit.reads(name) and not opdefs.is_stateful(node.op):
            self.edit.explain(name, "nobody reads it any more")
            self.edit.remove(name)
