"""Removes nodes that pass on their first input: consumers read that input instead."""

from __future__ import annotations

from inspector.graph import opdefs, tensors
from inspector.graph.edit import GraphEdit
from inspector.graph.graph import Input, control_inputs, data_inputs, node_name, split_input
from inspector.graph.op_sets import CONTROL_FLOW, MERGES, PLACEHOLDERS, SWITCHES
from inspector.graph.protos import NodeDef
from inspector.passes.base import PassContext

_MAX_CONTROL_INPUTS = 100
"""Control inputs that a removed node may pass on to each of its consumers."""


class Bypass:
    """Removes a set of nodes in one sweep, also where they form long chains."""

    def __init__(self, edit: GraphEdit, ctx: PassContext, nodes: list[NodeDef]) -> None:
        self.edit = edit
        self.boundary: frozenset[str] = ctx.boundary
        self.todo: dict[str, NodeDef] = {}
        self.source: dict[str, Input] = {}
        self.controls: dict[str, tuple[str, ...]] = {}
        for node in nodes:
            if node.name in ctx.boundary:
                edit.skip(node, "is a feed or a fetch")
            elif why := self._why_not(node):
                edit.skip(node, why)
            else:
                self.todo[node.name] = node

    def run(self) -> None:
        """Remove the nodes, and connect their consumers to their inputs and control inputs."""
        for name in list(self.todo):
            self._decide(name)
        gone = {name: self.edit[name] for name in self.source}
        table: dict[Input, Input] = {}
        for name, source in self.source.items():
            table[Input(name, 0, False)] = source
            table[Input(name, -1, True)] = Input(source.name, -1, True)
            self.edit.explain(name, "its readers read its input", str(source))
            self.edit.remove(name, source.name)
        # A control input may refer to a removed node: then it refers to that node's source.
        controls = {
            name: self._final_controls(own_controls)
            for name, own_controls in self.controls.items()
            if own_controls
        }
        for name in gone:
            for reader in self.edit.reads(name):
                self.edit.explain(reader, "reads past what was removed", name)
        self.edit.rewire(table, controls)
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
        read, written = opdefs.input_dtypes(node), opdefs.output_dtypes(node)
        if read and written and tensors.base_dtype(read[0]) != tensors.base_dtype(written[0]):
            names = tensors.dtype_name(read[0]), tensors.dtype_name(written[0])
            return f"turns {names[0]} into {names[1]}, which its readers need"
        return ""

    def _decide(self, name: str) -> None:
        """Decide on a node and, before it, on the chain of candidates upstream of it."""
        chain: list[str] = []
        on_chain: set[str] = set()
        while name in self.todo and name not in on_chain:
            on_chain.add(name)
            chain.append(name)
            name = node_name(data_inputs(self.todo[name])[0])
        for current in reversed(chain):
            self._settle(current, self.todo.pop(current))

    def _settle(self, name: str, node: NodeDef) -> None:
        source = split_input(data_inputs(node)[0])
        controls = tuple(control_inputs(node))
        if source.name in self.source:
            controls = tuple(dict.fromkeys(self.controls[source.name] + controls))
            source = self.source[source.name]
        readers = self.edit.readers(name)
        origin = self.edit.get(source.name)
        if source.name == name:
            self.edit.skip(name, "reads itself through a loop")
        elif controls and any(reader.op in MERGES for reader in readers):
            self.edit.skip(name, "has a control input that says which branch it belongs to")
        elif (
            origin is not None
            and origin.op in SWITCHES
            and any(-1 in ports for ports in self.edit.reads(name).values())
        ):
            self.edit.skip(name, "others wait for it to know which branch is taken")
        elif len(controls) > _MAX_CONTROL_INPUTS:
            self.edit.skip(
                name, f"waits for {len(controls)} nodes, too many to hand to each reader"
            )
        else:
            self.source[name] = source
            self.controls[name] = controls

    def _final_controls(self, controls: tuple[str, ...]) -> tuple[str, ...]:
        final: dict[str, None] = {}
        visited: set[str] = set()
        todo = list(reversed(controls))
        while todo:
            text = todo.pop()
            name = text[1:]
            if name in visited:
                continue
            visited.add(name)
            if name in self.source:
                final["^" + self.source[name].name] = None
                todo += reversed(self.controls[name])
            else:
                final[text] = None
        return tuple(final)

    def _drop_unread(self, name: str) -> None:
        node = self.edit.get(name)
        if node is None or name in self.boundary or node.op in PLACEHOLDERS:
            return
        if not self.edit.reads(name) and not opdefs.is_stateful(node.op):
            self.edit.explain(name, "nobody reads it any more")
            self.edit.remove(name)
