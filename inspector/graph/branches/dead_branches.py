"""Removes the branches that never run, because a constant decides them.

    Switch(x, true):1, Switch(x, true):0 -> x, dead; what reads a dead tensor is dead too
    Merge(dead, y):0, :1                 -> y, its place among the inputs
    If(true, x) { then, else }           -> the nodes of `then`, inlined; Case likewise

TensorFlow's executor decides the same while it runs: a node with a dead input does not run, a Merge
runs when one input arrives. A node that is dead here never ran, so removing it is exact.

Source: tensorflow/core/common_runtime/executor.cc, tensorflow/core/common_runtime/lower_if_op.cc.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass

import numpy as np

from inspector.graph import tensors
from inspector.graph.branches import constant_arguments
from inspector.graph.branches.branch_growth import branch_of
from inspector.graph.branches.constant_arguments import Nesting
from inspector.graph.branches.dead_nodes import Dead, constant_nodes, dead_nodes
from inspector.graph.branches.predicates import Predicates
from inspector.graph.control_flow import names_inside
from inspector.graph.edit import GraphEdit
from inspector.graph.functions import Library
from inspector.graph.graph import (
    Graph,
    Input,
    control_inputs,
    data_inputs,
    node_name,
    split_input,
)
from inspector.graph.inline import inline_whole
from inspector.graph.op_sets import (
    BRANCHES,
    CALLS,
    CASES,
    NEXT_ITERATIONS,
    PLACEHOLDERS,
    SWITCHES,
)
from inspector.graph.protos import AttrValue, NodeDef

_MAX_ROUNDS = 100
"""Branches within branches, at most: each level of If takes a round."""
_MAX_VISITS = 500_000
"""Nodes that all rounds look at, about: a large graph gets fewer rounds."""
_MAX_TRIES = 20
"""Switch nodes that stay for one another, at most; for more of them all stay."""
_REF = frozenset({"RefSwitch", "RefMerge"})


@dataclass(frozen=True)
class Pruned:
    """A graph without the branches that never run.

    Attributes:
        graph: The same object where there was nothing to remove. Functions of the library stay;
            there are new ones where constants decide branches within them.
        why: Node name to the reason for its removal or change; an inlined node is not listed.
        calls: Names of the If and Case nodes that were replaced by the nodes of one branch.
        stays: Node name to the reason why the branches that it depends on stay.
    """

    graph: Graph
    why: Mapping[str, str]
    calls: Set[str]
    stays: Mapping[str, str]


def without_dead_branches(
    graph: Graph,
    fetches: Collection[str],
    feeds: Collection[str] = (),
    nesting: Nesting | None = None,
) -> Pruned:
    """Remove the branches that a constant decides, and what only they needed.

    Args:
        fetches: Node or tensor names that stay: outputs, and the init op where there is one.
        feeds: Node or tensor names; nothing upstream of one is changed.
        nesting: Of a graph that is the body of a function; the copies stay in it.
    Raises: InvalidGraph (two nodes of one name, a function that calls itself), LimitExceeded,
        CorruptModel.
    """
    why: dict[str, str] = {}
    stays: dict[str, str] = {}
    calls: set[str] = set()
    work = nesting or Nesting(graph)
    visits = 0
    for _ in range(_MAX_ROUNDS):
        if visits > _MAX_VISITS or not any(
            node.op in SWITCHES or node.op in BRANCHES for node in graph.nodes
        ):
            break
        visits += len(graph)
        step = _Round(graph, fetches, feeds, work.library)
        step.run()
        stays.update(step.stays)
        after = step.edit.finish()
        if after is graph:
            break
        for change in step.edit.changes():
            why[change.name] = change.rule
        calls |= step.calls
        graph = _inlined(after, step.calls, fetches, feeds, work) if step.calls else after
    skip = graph.ancestors(map(node_name, feeds))
    graph = constant_arguments.decide(graph, skip, _pruned, work)
    return Pruned(work.complete(graph) if nesting is None else graph, why, calls, stays)


def _pruned(graph: Graph, fetches: list[str], feeds: list[str], nesting: Nesting) -> Graph:
    return without_dead_branches(graph, fetches, feeds, nesting).graph


def _inlined(
    graph: Graph,
    calls: Set[str],
    fetches: Collection[str],
    feeds: Collection[str],
    work: Nesting,
) -> Graph:
    work.growth.refuse(graph.node(name) for name in calls)
    library = work.library
    others = {
        node.name
        for node in graph.nodes
        if node.name not in calls and (node.op in CALLS or library.called(node))
    }
    keep = set(map(node_name, fetches))
    leave = others | set(map(node_name, feeds))
    inside = names_inside(graph)
    return graph.with_nodes(
        inline_whole(graph, keep=keep, leave=leave, inside=inside, library=library)
    )


class _Round:
    """One pass over the graph: decides branches, removes what is dead, reads past the rest."""

    def __init__(
        self, graph: Graph, fetches: Collection[str], feeds: Collection[str], library: Library
    ) -> None:
        self.edit = GraphEdit(graph)
        self.stays: dict[str, str] = {}
        self.calls: set[str] = set()
        self._fetched: dict[str, set[int]] = {}
        for name, port, _ in map(split_input, fetches):
            self._fetched.setdefault(name, set()).add(port)
        self._feeds = set(map(node_name, feeds))
        self._upstream = graph.ancestors(self._feeds)
        self._library = library
        self._unread: dict[str, None] = {}

    def run(self) -> None:
        """Change the edit; nothing where no branch is decided."""
        predicates = Predicates(self.edit, self._feeds)
        branches = self._decided_functions(predicates)
        taken = self._decided_switches(predicates)
        dead = dead_nodes(self.edit, taken)
        tries = 0
        while blockers := self._blockers(dead):
            self.stays.update(blockers)
            guilty = self.edit.current().ancestors(blockers)
            tries += 1
            if tries == _MAX_TRIES:
                guilty.update(taken)
                self.stays.update(dict.fromkeys(taken, "its branches depend on too many others"))
            taken = {name: port for name, port in taken.items() if name not in guilty}
            dead = dead_nodes(self.edit, taken)
        for name, function in branches.items():
            if name not in dead.nodes:
                self._call(name, function)
        if taken:
            self._remove(taken, dead)
        self._drop_unread()

    # What constants decide

    def _decided_switches(self, predicates: Predicates) -> dict[str, int]:
        """Name of each decided Switch to its output that has a value."""
        taken: dict[str, int] = {}
        for node in self.edit.nodes(tuple(SWITCHES)):
            inputs = data_inputs(node)
            if len(inputs) != 2 or node.name in self._upstream or "T" not in node.attr:
                continue
            value = predicates.value(inputs[1])
            if value is None or value.dtype.kind not in "biu":
                continue
            live = int(value)
            if node.op == "_SwitchN":
                count = int(node.attr["num_outs"].i)
                live = live if 0 <= live < count else count - 1
            if self._fetched.get(node.name, set()) - {0} or (live and node.name in self._fetched):
                self.stays[node.name] = "is an output itself"
                continue
            taken[node.name] = live
        return taken

    def _decided_functions(self, predicates: Predicates) -> dict[str, AttrValue]:
        """Name of each decided If and Case to the function that runs, as an attribute."""
        chosen: dict[str, AttrValue] = {}
        for node in self.edit.nodes(tuple(BRANCHES)):
            inputs = data_inputs(node)
            if not inputs or node.name in self._upstream:
                continue
            value = predicates.value(inputs[0])
            if value is None or (node.op in CASES and value.dtype.kind not in "iu"):
                continue
            function = branch_of(node, value)
            name = function.func.name
            if name not in self._library.functions:
                self.stays[node.name] = f"its function '{name}' is not in the library"
            elif len(self._library.functions[name].signature.input_arg) != len(inputs) - 1:
                self.stays[node.name] = f"its function '{name}' takes another number of inputs"
            else:
                chosen[node.name] = function
        return chosen

    # What is dead

    def _blockers(self, dead: Dead) -> dict[str, str]:
        """Nodes for which the decided branches must stay, and why."""
        why = {
            name: "is an output in a branch that never runs"
            for name in self._fetched
            if name in dead.nodes
        }
        for name in dead.merges:
            node = self.edit[name]
            live = [text for text in data_inputs(node) if not dead.has(text)]
            sources = [self.edit.get(node_name(text)) for text in data_inputs(node)]
            loops = any(item is not None and item.op in NEXT_ITERATIONS for item in sources)
            reads = self.edit.reads(name).values()
            index = any(1 in ports for ports in reads)
            if loops and len(live) < len(sources):
                why[name] = "starts the iterations of a loop"
            elif 1 in self._fetched.get(name, ()) or (index and len(live) > 1):
                why[name] = "its second output, the number of the branch, is needed"
            elif "T" not in node.attr:
                why[name] = "has no attribute T"
        return why

    # What is left of it

    def _call(self, name: str, function: AttrValue) -> None:
        """Put a call of the function that runs in the place of an If or Case."""
        node = self.edit[name]
        stateful = node.op in ("If", "Case")
        call = NodeDef(name=name, device=node.device)
        call.op = "StatefulPartitionedCall" if stateful else "PartitionedCall"
        call.input.extend([*data_inputs(node)[1:], *control_inputs(node)])
        for key in ("Tin", "Tout"):
            if key in node.attr:
                call.attr[key].CopyFrom(node.attr[key])
        call.attr["f"].CopyFrom(function)
        self._unread[node_name(data_inputs(node)[0])] = None
        self.edit.replace(call)
        self.edit.explain(name, "the branch that runs stands for it", function.func.name)
        self.calls.add(name)

    def _remove(self, taken: Mapping[str, int], dead: Dead) -> None:
        table: dict[Input, str] = {}
        gone: dict[str, str] = {}
        for name, live in taken.items():
            if name not in dead.nodes:
                self._bypass_switch(self.edit[name], live, table, gone)
        for name in sorted(dead.merges):
            self._shrink_merge(self.edit[name], dead, table, gone)
        pivots = {
            reader
            for name in taken
            for reader in self.edit.reads(name)
            if reader not in dead.nodes and self.edit[reader].op == "Identity"
        }
        final = _followed(table)
        successors = {
            name: final.get(split_input(source), split_input(source)).name
            for name, source in gone.items()
        }
        for name, target in successors.items():
            final[Input(name, -1, True)] = Input(target, -1, True)
        for name in (*dead.nodes, *gone):
            self._unread.update(dict.fromkeys(map(node_name, self.edit[name].input)))
        readers = {reader for source in final for reader in self.edit.reads(source.name)}
        for reader in readers - dead.nodes:
            self.edit.explain(reader, "reads past a branch that is decided")
        self.edit.rewire(final)
        for name in dead.nodes:
            self.edit.explain(name, "is in a branch that never runs")
            self.edit.remove(name)
        for name, target in successors.items():
            self.edit.explain(name, "its branch is decided")
            self.edit.remove(name, target)
        self._drop_waits(pivots - gone.keys())
        self._unread.update(dict.fromkeys(pivots))

    def _bypass_switch(
        self, node: NodeDef, live: int, table: dict[Input, str], gone: dict[str, str]
    ) -> None:
        data, predicate = data_inputs(node)
        self._unread[node_name(predicate)] = None
        if control_inputs(node) or node.name in self._fetched:
            self._copy(node, data)
            if live:
                table[Input(node.name, live, False)] = node.name
            return
        table[Input(node.name, live, False)] = data
        gone[node.name] = data

    def _shrink_merge(
        self, node: NodeDef, dead: Dead, table: dict[Input, str], gone: dict[str, str]
    ) -> None:
        inputs = data_inputs(node)
        live = [text for text in inputs if not dead.has(text)]
        waits = [text for text in control_inputs(node) if not dead.has(text)]
        if len(live) > 1:
            self.edit.set_inputs(node.name, [*live, *waits])
            if len(live) < len(inputs):
                self.edit.mutable(node.name).attr["N"].i = len(live)
            self.edit.explain(node.name, "some of its branches never run")
            return
        if any(1 in ports for ports in self.edit.reads(node.name).values()):
            number = NodeDef(name=self.edit.unique(f"{node.name}/value_index"), op="Const")
            number.attr["dtype"].type = tensors.INT32
            index = np.asarray(inputs.index(live[0]), np.int32)
            number.attr["value"].tensor.CopyFrom(tensors.from_numpy(index))
            self.edit.add(number, before=node.name)
            self.edit.explain(number.name, "the number of the branch that runs", node.name)
            table[Input(node.name, 1, False)] = number.name
        if waits or node.name in self._fetched:
            self.edit.set_inputs(node.name, [*live, *waits])
            self._copy(node, live[0])
            return
        table[Input(node.name, 0, False)] = live[0]
        gone[node.name] = live[0]

    def _copy(self, node: NodeDef, source: str) -> None:
        """Put an Identity of this input in the place of a Switch or Merge."""
        is_ref = node.op in _REF and node.name not in self._fetched
        copy = NodeDef(name=node.name, op="RefIdentity" if is_ref else "Identity")
        copy.device = node.device
        copy.input.extend([source, *control_inputs(self.edit[node.name])])
        copy.attr["T"].type = tensors.base_dtype(node.attr["T"].type)
        self.edit.replace(copy)
        self.edit.explain(node.name, "its branch is decided")

    def _drop_waits(self, pivots: Collection[str]) -> None:
        """Drop control inputs on the pivots of decided branches that have nothing to wait for."""
        waited = {name for name in pivots if any(-1 in at for at in self.edit.reads(name).values())}
        for pivot in constant_nodes(self.edit.current(), waited, self._feeds):
            for reader, ports in list(self.edit.reads(pivot).items()):
                if -1 in ports:
                    inputs = [t for t in self.edit[reader].input if t != f"^{pivot}"]
                    self.edit.set_inputs(reader, inputs)
                    self.edit.explain(reader, "its branch always runs")

    def _drop_unread(self) -> None:
        """Remove what only the removed nodes read, placeholders and changes of state excepted."""
        todo = list(self._unread)
        while todo:
            node = self.edit.get(todo.pop())
            if node is None or node.name in self._fetched or self.edit.reads(node.name):
                continue
            if node.name in self._upstream or node.op in PLACEHOLDERS:
                continue
            if self._library.changes_state(node):
                continue
            todo += map(node_name, node.input)
            self.edit.explain(node.name, "only a branch that never runs read it")
            self.edit.remove(node.name)


def _followed(table: Mapping[Input, str]) -> dict[Input, Input]:
    """What to read in the end, where a replaced tensor is replaced by a replaced one."""
    final: dict[Input, Input] = {}
    for source in table:
        chain = [source]
        while (target := split_input(table[chain[-1]])) in table and target not in final:
            chain.append(target)
        end = final.get(target, target)
        final.update(dict.fromkeys(chain, end))
    return final
