"""Calls of functions replaced by the functions' nodes, named ``call/node`` as TensorFlow does.

The order of execution is kept: stateful nodes of the body get the control inputs of the call, and a
node with a control input from the call gets the body's control outputs instead. A call whose body
changes state, or that is to be fetched, stays under its name as Identity or IdentityN, so that
``call:k`` still means the same. While, If and Case keep their bodies.

Source: tensorflow/core/common_runtime/inline_function_utils.cc.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from inspector.errors import InvalidGraph, LimitExceeded
from inspector.graph.functions import Body, Library, reachable
from inspector.graph.graph import Graph, Names, node_name, split_input, with_inputs
from inspector.graph.protos import DTypeEnum, NodeDef, OpDef

MAX_NODES = 500_000
"""Most nodes that inlining may make; nested calls multiply, and a small file can ask for 10^12."""

_COLOCATE = b"loc:@"
_MOST_CONTROLS = 4
"""Control inputs of a call that its nodes repeat; more of them meet in one node first."""


@dataclass
class _Call:
    """A call that was taken apart: where its outputs come from, and what it waits for."""

    node: NodeDef
    results: list[str]
    controls: list[str]
    dtypes: list[DTypeEnum]
    waits: list[str] = field(default_factory=list)
    stays: bool = False


@dataclass
class _Frame:
    """One body while it is copied."""

    body: Body
    call: NodeDef
    names: Mapping[str, str]
    args: Mapping[str, str]
    controls: list[str]
    anchors: list[str] = field(default_factory=list)
    anchored: bool = False
    rest: Iterator[NodeDef] = field(default_factory=lambda: iter(()))


def inline(
    graph: Graph,
    roots: Iterable[str],
    keep: Iterable[str] = (),
    ops: Iterable[OpDef] = (),
    *,
    max_nodes: int = MAX_NODES,
) -> Graph:
    """The nodes that the roots need, all calls inlined, and the functions still used.

    Args:
        roots: Nodes of the main graph. A root that is a call is kept as Identity or IdentityN.
        keep: More calls to keep under their name, also such as only appear by inlining.
        ops: OpDefs of ops that the op list does not know.
    Raises: InvalidGraph (a function calls itself), LimitExceeded, CorruptModel.
    """
    roots = list(roots)
    return _Inliner(graph, {*roots, *keep}, Library(graph.library, ops), max_nodes).run(roots)


def inline_whole(
    graph: Graph,
    *,
    keep: Iterable[str] = (),
    leave: Iterable[str] = (),
    inside: Iterable[str] = (),
    library: Library | None = None,
    max_nodes: int = MAX_NODES,
) -> list[NodeDef]:
    """All nodes of a graph, needed or not, with all calls inlined; new ones where the call was.

    The device of a call is not handed on. What a call waits for, all of its body waits for.

    Args:
        keep: Calls to keep under their name as Identity or IdentityN.
        leave: Calls to leave as they are.
        inside: Nodes in a loop or branch of TensorFlow 1; bodies of calls there run there.
        library: The functions of the graph, where the caller has them.
    Raises: InvalidGraph (a function calls itself), LimitExceeded, CorruptModel.
    """
    whole = _Whole(frozenset(leave), frozenset(inside))
    inliner = _Inliner(graph, set(keep), library or Library(graph.library), max_nodes, whole)
    return inliner.flat([node.name for node in graph.nodes])


@dataclass(frozen=True)
class _Whole:
    """What `inline_whole` needs in addition to the arguments of `inline`."""

    leave: frozenset[str]
    inside: frozenset[str]


class _Inliner:
    def __init__(
        self,
        graph: Graph,
        keep: set[str],
        library: Library,
        max_nodes: int,
        whole: _Whole | None = None,
    ) -> None:
        self._graph = graph
        self._whole = whole
        self._keep = keep
        self._library = library
        self._max_nodes = max_nodes
        self._names = Names(node.name for node in graph.nodes)
        self._active: set[str] = set()
        self._calls: dict[str, _Call] = {}
        self._nodes: list[NodeDef | str] = []

    def run(self, roots: list[str]) -> Graph:
        flat = self.flat(roots)
        whole = self._graph.with_nodes(flat)
        needed = whole.ancestors([*roots, *(name for name in self._keep if name in whole)])
        flat_graph = whole.with_nodes(node for node in flat if node.name in needed)
        return flat_graph.with_library(reachable(whole.library, flat_graph.nodes))

    def flat(self, roots: list[str]) -> list[NodeDef]:
        needed = self._graph.ancestors(roots)
        # Refused before it is made: nested calls are counted, not copied.
        leave = self._whole.leave if self._whole else ()
        taken = (node for node in self._graph.nodes if node.name in needed)
        inlined = (node for node in taken if node.name not in leave)
        if self._library.expanded_size(inlined) > self._max_nodes:
            self._refuse()
        stack: list[_Frame] = []
        for node in self._graph.nodes:
            if node.name in needed:
                self._take(node, stack)
                while stack:
                    self._step(stack)
        self._mark_staying()
        return self._resolve()

    def _step(self, stack: list[_Frame]) -> None:
        frame = stack[-1]
        node = next(frame.rest, None)
        if node is None:
            stack.pop()
            self._active.discard(frame.body.name)
            # A place for the Identity that may have to stand here.
            self._nodes.append(frame.call.name)
        else:
            self._take(self._copy(node, frame), stack)

    def _take(self, node: NodeDef, stack: list[_Frame]) -> None:
        name = self._library.called(node)
        if name is None or (self._whole and node.name in self._whole.leave):
            self._nodes.append(node)
            self._guard()
            return
        if name in self._active:
            raise InvalidGraph("graph", f"function '{name}'", "it calls itself")
        self._active.add(name)
        body = self._library.body(name, node)
        inputs = [text for text in node.input if not text.startswith("^")]
        controls = [text for text in node.input if text.startswith("^")]
        if len(inputs) != len(body.args):
            reason = f"{len(inputs)} inputs for the {len(body.args)} arguments of '{name}'"
            raise InvalidGraph("graph", f"node '{node.name}'", reason)
        names = {item.name: self._unique(f"{node.name}/{item.name}") for item in body.nodes}
        args = dict(zip(body.args, inputs, strict=True))
        frame = _Frame(body, node, names, args, controls)
        if self._whole:
            self._hold(frame, inputs, bool(stack) and stack[-1].anchored)
        frame.rest = iter(body.nodes)
        must_run = [names[item] for item in body.controls]
        if not body.proto.control_ret:
            # Functions of TensorFlow 1 do not say so; they run what changes state.
            must_run = [names[n.name] for n in body.nodes if self._library.changes_state(n)]
        dtypes = [item.type for item in body.proto.signature.output_arg]
        results = [_mapped(text, frame) for text in body.results]
        if self._whole and not must_run:
            must_run = [node_name(text) for text in results or controls]
        call = self._calls[node.name] = _Call(node, results, must_run, dtypes)
        if self._whole and any(text in args for text in body.results):
            call.waits = controls
        stack.append(frame)

    def _hold(self, frame: _Frame, inputs: list[str], anchored: bool) -> None:
        """Settle what the body's nodes wait for, and in a loop or branch what ties them to it."""
        name = frame.call.name
        frame.controls = self._gated(frame.controls, f"{name}/waits")
        frame.anchored = anchored or (self._whole is not None and name in self._whole.inside)
        if frame.anchored:
            anchors = dict.fromkeys("^" + node_name(text) for text in inputs)
            frame.anchors = self._gated(list(anchors), f"{name}/inputs")

    def _gated(self, controls: list[str], name: str) -> list[str]:
        """The same control inputs, or one on a new node that has them if there are many."""
        if len(controls) <= _MOST_CONTROLS:
            return controls
        gate = NodeDef(name=self._unique(name), op="NoOp", input=controls)
        self._nodes.append(gate)
        return ["^" + gate.name]

    def _held_by(self, node: NodeDef, frame: _Frame) -> list[str]:
        """What a node of a body waits for because of its call."""
        if self._whole:
            data = [text for text in node.input if not text.startswith("^")]
            held = frame.controls if all(text in frame.args for text in data) else []
            return held if data else held + frame.anchors
        return frame.controls if frame.controls and self._waits(node) else []

    def _copy(self, node: NodeDef, frame: _Frame) -> NodeDef:
        copy = NodeDef()
        copy.CopyFrom(node)
        copy.name = frame.names[node.name]
        inputs = [_mapped(text, frame) for text in node.input]
        inputs += [text for text in self._held_by(node, frame) if text not in inputs]
        # An argument and its control may have become one and the same control input.
        copy.input[:] = dict.fromkeys(inputs) if _repeats_control(inputs) else inputs
        if not copy.device and not self._whole:
            copy.device = frame.call.device
        if "_class" in copy.attr:
            _move_colocation(copy, frame.names)
        return copy

    def _waits(self, node: NodeDef) -> bool:
        if self._library.called(node) is not None or self._library.changes_state(node):
            return True
        return node.op in ("ReadVariableOp", "ResourceGather", "ResourceGatherNd")

    def _guard(self) -> None:
        if len(self._nodes) + len(self._calls) > self._max_nodes:
            self._refuse()

    def _refuse(self) -> NoReturn:
        reason = f"inlining its calls makes more than {self._max_nodes} nodes"
        raise LimitExceeded("graph", "functions", reason)

    def _unique(self, name: str) -> str:
        free = self._names.free(name)
        self._guard_names()
        return free

    def _guard_names(self) -> None:
        if len(self._names) > self._max_nodes + len(self._graph.nodes):
            self._refuse()

    def _mark_staying(self) -> None:
        """Mark the calls that stay: those that change state, have control inputs or shall stay."""
        changing = {
            item.name
            for item in self._nodes
            if not isinstance(item, str) and self._library.changes_state(item)
        }
        # A nested call was registered after the call it is in: by then it is known.
        for name, call in reversed(self._calls.items()):
            if any(item in changing for item in call.controls):
                changing.add(name)
                call.stays = True
            stays = call.stays or name in self._keep or bool(call.waits)
            call.stays = stays and bool(call.results)

    def _resolve(self) -> list[NodeDef]:
        """Give every reader of a call what the call gave, and the calls that stay their nodes."""
        self._waited: set[str] = set()
        identities: dict[str, NodeDef] = {}
        for name, call in self._calls.items():
            if call.stays:
                identities[name] = _identity(call)
        nodes: list[NodeDef] = []
        for item in self._nodes:
            if not isinstance(item, str):
                nodes.append(self._rewired(item))
            elif item in identities:
                nodes.append(self._rewired(identities[item]))
        # Who waits for a call that is gone waits for a NoOp of its name.
        todo = sorted(self._waited)
        for name in todo:
            node = NodeDef(name=name, op="NoOp")
            node.input.extend("^" + item for item in dict.fromkeys(self._calls[name].controls))
            before = set(self._waited)
            nodes.append(self._rewired(node))
            todo += sorted(self._waited - before)
        return nodes

    def _rewired(self, node: NodeDef) -> NodeDef:
        if not self._calls:
            return node
        inputs: list[str] = []
        for text in node.input:
            name, _, control = split_input(text)
            if name not in self._calls:
                inputs.append(text)
            elif not control:
                inputs.append(self._source(text))
            elif self._calls[name].stays:
                inputs.append(text)
            elif self._calls[name].controls:
                self._waited.add(name)
                inputs.append(text)
        return with_inputs(node, inputs)

    def _source(self, text: str) -> str:
        """The tensor behind the output of a call, through all calls that are gone."""
        for _ in range(len(self._calls) + 1):
            name, port, _ = split_input(text)
            call = self._calls.get(name)
            if call is None or call.stays:
                return text
            if port >= len(call.results):
                reason = f"output {port} of a call that has {len(call.results)}"
                raise InvalidGraph("graph", f"node '{name}'", reason)
            text = call.results[port]
        raise InvalidGraph("graph", f"node '{node_name(text)}'", "calls that feed each other")


def _mapped(text: str, frame: _Frame) -> str:
    if text in frame.args:
        return frame.args[text]
    name, port, control = split_input(text)
    if control:
        if name in frame.names:
            return "^" + frame.names[name]
        return "^" + node_name(frame.args.get(name, name))
    if name not in frame.names:
        raise InvalidGraph("graph", f"function '{frame.body.name}'", f"no node '{name}' in it")
    return f"{frame.names[name]}:{port}" if port else frame.names[name]


def _repeats_control(inputs: list[str]) -> bool:
    controls = [text for text in inputs if text.startswith("^")]
    return len(set(controls)) < len(controls)


def _move_colocation(node: NodeDef, names: Mapping[str, str]) -> None:
    moved = []
    for place in node.attr["_class"].list.s:
        name = place.removeprefix(_COLOCATE).decode(errors="replace")
        if place.startswith(_COLOCATE) and name in names:
            moved.append(_COLOCATE + names[name].encode())
    if moved:
        node.attr["_class"].list.s[:] = moved
    else:
        del node.attr["_class"]


def _identity(call: _Call) -> NodeDef:
    node = NodeDef(name=call.node.name, device=call.node.device)
    node.input.extend(call.results)
    node.input.extend(dict.fromkeys(["^" + item for item in call.controls] + call.waits))
    if len(call.results) == 1:
        node.op = "Identity"
        node.attr["T"].type = call.dtypes[0]
    else:
        node.op = "IdentityN"
        node.attr["T"].list.type.extend(call.dtypes)
    return node


def calls(graph: Graph, names: Iterable[str]) -> list[str]:
    """Those of the named nodes that call a function of the library."""
    library = Library(graph.library)
    nodes = [graph.get(name) for name in names]
    return [node.name for node in nodes if node is not None and library.called(node) is not None]
