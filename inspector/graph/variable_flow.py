"""Which ops the handle of each variable reaches.

A variable can become a constant when every op that its handle reaches only reads it. Handles are
followed through Identity, the Enter and Switch of TensorFlow 1 loops, and into the bodies of While,
If and Case. Any other op, such as an assignment, keeps it a variable; `Flow.blocked` says why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inspector.graph import opdefs
from inspector.graph.functions import Body, Library
from inspector.graph.graph import split_input
from inspector.graph.op_sets import CASES, IFS, MERGES, WHILES
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import RESOURCE

Tensor = tuple[str, int]

READS = {
    "ReadVariableOp": "Identity",
    "ResourceGather": "GatherV2",
    "ResourceGatherNd": "GatherNd",
    "VariableShape": "Shape",
    "VarIsInitializedOp": "Const",
    "IsVariableInitialized": "Const",
}
"""Ops that read a variable by its handle, and the op that replaces them when it is a constant."""

PASSES = {
    "Identity": "Identity",
    "IdentityN": "IdentityN",
    "Enter": "Enter",
    "Switch": "Switch",
    "Merge": "Merge",
    "Exit": "Exit",
    "NextIteration": "NextIteration",
    "RefIdentity": "Identity",
    "RefEnter": "Enter",
    "RefSwitch": "Switch",
    "RefMerge": "Merge",
    "RefExit": "Exit",
    "RefNextIteration": "NextIteration",
}
"""Ops whose output is the handle that they read, and the op that does so for values."""


@dataclass
class Flow:
    """Where labelled tensors go in one graph or body.

    Attributes:
        carried: Each tensor that is a handle, and which variable's or argument's.
        blocked: Label to the reason it must stay a variable.
    """

    carried: dict[Tensor, str] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What a function does with a handle: why it stays a variable, and which outputs it becomes."""

    blocked: str = ""
    outputs: frozenset[int] = frozenset()


class FlowAnalysis:
    """Flows through graphs and through the functions they call, each function and argument once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._done: dict[tuple[str, int], Summary] = {}
        self._readers: dict[str, dict[Tensor, list[tuple[NodeDef, int]]]] = {}

    def follow(
        self,
        nodes: Iterable[NodeDef],
        seeds: Mapping[Tensor, str],
        refs: Collection[str] = (),
    ) -> Flow:
        """Follow the seeds to all that they reach.

        Args:
            refs: Labels of ref variables: an unknown op reads their value, where it would use a
                resource itself.
        """
        readers = _readers(nodes)
        while True:
            missing: list[tuple[str, int]] = []
            flow = self._follow(readers, seeds, refs, missing)
            if not missing:
                return flow
            self._summarise(missing)

    def _summarise(self, keys: Iterable[tuple[str, int]]) -> None:
        stack = list(keys)
        active: set[tuple[str, int]] = set()
        while stack:
            key = stack[-1]
            if key in self._done:
                stack.pop()
                continue
            active.add(key)
            missing: list[tuple[str, int]] = []
            summary = self._summary(key, missing)
            again = [item for item in missing if item in active]
            if again:
                for item in again:
                    self._done[item] = Summary("it is handed to a function that calls itself")
            elif missing:
                stack += missing
            else:
                self._done[key] = summary
                stack.pop()

    def _summary(self, key: tuple[str, int], missing: list[tuple[str, int]]) -> Summary:
        name, number = key
        body = self._library.body(name)
        if number >= len(body.args):
            return Summary(f"function '{name}' has no argument {number}")
        if name not in self._readers:
            self._readers[name] = _readers(body.nodes)
        seed = _tensor(body.args[number])
        flow = self._follow(self._readers[name], {seed: "arg"}, (), missing)
        return Summary(flow.blocked.get("arg", ""), frozenset(carried_results(body, flow, "arg")))

    def _follow(
        self,
        readers: Mapping[Tensor, list[tuple[NodeDef, int]]],
        seeds: Mapping[Tensor, str],
        refs: Collection[str],
        missing: list[tuple[str, int]],
    ) -> Flow:
        flow = Flow()
        merges: list[NodeDef] = []
        todo = list(seeds)
        flow.carried.update(seeds)
        while todo:
            tensor = todo.pop()
            label = flow.carried[tensor]
            for node, number in readers.get(tensor, ()):
                if node.op in MERGES:
                    merges.append(node)
                outputs, reason = self._through(node, number, label in refs, missing)
                if reason:
                    flow.blocked.setdefault(label, reason)
                for port in outputs:
                    out = (node.name, port)
                    if out not in flow.carried:
                        flow.carried[out] = label
                        todo.append(out)
                    elif flow.carried[out] != label:
                        reason = f"'{node.name}' mixes it with another variable"
                        flow.blocked.setdefault(label, reason)
                        flow.blocked.setdefault(flow.carried[out], reason)
        for node in merges:
            sources = {flow.carried.get(_tensor(t)) for t in node.input if not t.startswith("^")}
            if len(sources) > 1:
                for source in sources:
                    if source is not None:
                        flow.blocked.setdefault(source, f"'{node.name}' mixes it with others")
        return flow

    def _through(
        self, node: NodeDef, number: int, is_ref: bool, missing: list[tuple[str, int]]
    ) -> tuple[Iterable[int], str]:
        """The outputs of a node that are the handle at this input, and a reason against it."""
        if node.op in READS:
            return (), "" if number == 0 else f"{node.op} '{node.name}' reads it as an index"
        if node.op in PASSES:
            if not self._takes_handle(node, number, is_ref):
                return (), ""
            if node.op == "IdentityN":
                return (number,), ""
            if node.op.endswith("Switch"):
                return ((0, 1), "") if number == 0 else ((), "it decides a branch")
            return (0,), ""
        places = list(called_with(node, number, self._library))
        if places:
            return self._through_functions(node, number, places, missing)
        if not self._takes_handle(node, number, is_ref):
            return (), ""
        if "Assign" in node.op or "Scatter" in node.op or "Apply" in node.op:
            return (), f"{node.op} '{node.name}' changes it"
        return (), f"{node.op} '{node.name}' uses it"

    def _through_functions(
        self,
        node: NodeDef,
        number: int,
        places: list[tuple[str, int]],
        missing: list[tuple[str, int]],
    ) -> tuple[Iterable[int], str]:
        unknown = [key for key in places if key not in self._done]
        if unknown:
            missing += unknown
            return (), ""
        summaries = [self._done[key] for key in places]
        reason = next((item.blocked for item in summaries if item.blocked), "")
        if node.op in WHILES:
            # The condition returns a bool; the body must return the handle itself.
            if number not in summaries[1].outputs and not reason:
                reason = f"the loop '{node.name}' does not hand it on as it is"
            return (number,), reason
        outputs = frozenset.intersection(*(item.outputs for item in summaries))
        if any(item.outputs != outputs for item in summaries) and not reason:
            reason = f"only one branch of '{node.name}' gives it back"
        return sorted(outputs), reason

    def _takes_handle(self, node: NodeDef, number: int, is_ref: bool) -> bool:
        """True where an input takes a resource or a ref, and not the value behind a ref."""
        definition = opdefs.get(node.op, self._library.signatures)
        if definition is None:
            return not is_ref
        if is_ref:
            # A ref arg repeats only in RefMerge and RefSelect, and there it is the last.
            position = min(number, len(definition.input_arg) - 1)
            return position >= 0 and bool(definition.input_arg[position].is_ref)
        dtypes = opdefs.input_dtypes(node, self._library.signatures)
        return dtypes is None or number >= len(dtypes) or dtypes[number] == RESOURCE


def called_with(node: NodeDef, number: int, library: Library) -> Iterator[tuple[str, int]]:
    """The functions that get an input of a node as their argument, and which argument it is."""
    keys: tuple[str, ...]
    if node.op in WHILES:
        keys, shift = ("cond", "body"), 0
    elif node.op in IFS:
        keys, shift = ("then_branch", "else_branch"), 1
    elif node.op in CASES:
        keys, shift = ("branches",), 1
    else:
        name = library.called(node)
        if name is not None and not library.functions[name].signature.attr:
            yield name, number
        return
    if number < shift:
        return
    for key in keys:
        if key not in node.attr:
            continue
        value = node.attr[key]
        for func in value.list.func if key == "branches" else (value.func,):
            if func.name in library.functions:
                yield func.name, number - shift


def carried_results(body: Body, flow: Flow, label: str) -> Iterator[int]:
    """The outputs of a body that are the labelled handle."""
    for number, text in enumerate(body.results):
        if flow.carried.get(_tensor(text)) == label:
            yield number


def _readers(nodes: Iterable[NodeDef]) -> dict[Tensor, list[tuple[NodeDef, int]]]:
    readers: dict[Tensor, list[tuple[NodeDef, int]]] = {}
    for node in nodes:
        for number, text in enumerate(node.input):
            if not text.startswith("^"):
                readers.setdefault(_tensor(text), []).append((node, number))
    return readers


def _tensor(text: str) -> Tensor:
    name, port, _ = split_input(text)
    return name, port
