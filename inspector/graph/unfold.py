"""Expands function bodies: the nodes of loops, branches and calls beside the node that runs them.

A graph is unfolded for the picture, or to compute one operation inside of a body. A node of a body
is named ``call/node`` for a call, as inlining names it, else ``while/body/node``,
``if/then/node``, ``case/branch0/node``: the name of the node that runs the body, then which body.
A body reads what its node reads. An argument that a loop changes between iterations is a node of
its own, under the argument's name, and reads the initial value.

The node itself stays. `Unfolded.returns` holds what its bodies return.

Source: tensorflow/core/ops/functional_ops.cc, for which argument is which input.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from inspector.errors import CorruptModel
from inspector.graph import opdefs, tensors
from inspector.graph.functions import Body, Library
from inspector.graph.graph import Graph, Names, data_inputs, node_name, split_input
from inspector.graph.op_sets import BRANCHES, CASES, WHILES
from inspector.graph.protos import AttrValue, DTypeEnum, NodeDef, OpDef

MAX_NODES = 20_000
"""Most nodes of bodies that are shown; nested ones multiply, and a small file can ask for 10^12."""

_LONGEST = 2_000
"""Characters of a name below which no body is shown: deeper nesting is a chain without an end."""
_LONGEST_CHAIN = 50
_MOST_NOTES = 3
_DATA_SETS = ("Dataset", "DatasetV2", "DatasetV3")

CALL, LOOP, BRANCH, OTHER = "call", "loop", "branch", "other"


@dataclass(frozen=True)
class Part:
    """A function that a node runs.

    Attributes:
        label: Which of the node's bodies it is: ``body``, ``then``, ``branch0``; empty for a call.
        function: The function's name.
        kind: ``call``, ``loop`` or ``branch``: its arguments are the node's inputs; else ``other``.
        attrs: Values for the attributes of a function that has some.
    """

    label: str
    function: str
    kind: str
    attrs: Mapping[str, AttrValue]


@dataclass
class Unfolded:
    """A graph with bodies beside it.

    Attributes:
        graph: The nodes of the graph as they were, and before each those of its bodies.
        returns: Per node that runs bodies, the tensors they give back, and ``^node`` for what they
            must have run.
        again: Per argument of a loop's body, the tensor that it is in the next iteration.
        functions: Per node of a body, the function that it is of.
        opened: Functions whose bodies are among the nodes.
        notes: One sentence each, on bodies that are not.
    """

    graph: Graph
    returns: dict[str, list[str]] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def parts(node: NodeDef, library: Library) -> list[Part]:
    """The functions of the library that a node runs, in the order of its attributes' names."""
    called = library.called(node)
    if called is not None:
        attrs = node.attr if node.op == called else node.attr["f"].func.attr
        return [Part("", called, CALL, attrs)]
    functions: list[Part] = []
    kind = LOOP if node.op in WHILES else BRANCH if node.op in BRANCHES else OTHER
    for key in sorted(node.attr):
        value = node.attr[key]
        which = value.WhichOneof("value")
        if which == "func":
            label = key.removesuffix("_branch") if kind == BRANCH else key
            functions.append(Part(label, value.func.name, kind, value.func.attr))
        elif which == "list":
            label = "branch" if node.op in CASES else key
            functions += [
                Part(f"{label}{number}", func.name, kind, func.attr)
                for number, func in enumerate(value.list.func)
            ]
    functions.sort(key=lambda part: part.label == "body")  # the condition comes before the body
    return [part for part in functions if part.function in library.functions]


def unfold(
    graph: Graph,
    ops: Iterable[OpDef] = (),
    *,
    only: Collection[str] | None = None,
    max_nodes: int = MAX_NODES,
) -> Unfolded:
    """The graph with the bodies of all its nodes, those inside of bodies too, outer ones first.

    A body that calls itself is shown once. Where there is more than `max_nodes`, the inner bodies
    are left out. `Unfolded.notes` has a sentence on each.

    Args:
        ops: OpDefs of ops that the op list does not know.
        only: The nodes to unfold; what is in their bodies then stays as it is.
    """
    return _Unfolder(graph, ops, only, max_nodes).run()


@dataclass
class _Task:
    """A node whose bodies are to come, and the functions it is inside of."""

    node: NodeDef
    inside: frozenset[str]


class _Unfolder:
    def __init__(
        self, graph: Graph, ops: Iterable[OpDef], only: Collection[str] | None, max_nodes: int
    ) -> None:
        self._only = only
        self._library = Library(graph.library, ops)
        self._budget = max_nodes
        self._max_nodes = max_nodes
        self._names = Names(graph.columns().names if graph.library.function else ())
        self._bodies: dict[str, list[NodeDef]] = {}
        self._result = Unfolded(graph)
        self._recursive: dict[str, None] = {}
        self._unread: dict[str, str] = {}
        self._too_many = 0

    def run(self) -> Unfolded:
        graph, only = self._result.graph, self._only
        if not graph.library.function:
            return self._result
        todo: deque[_Task] = deque()
        for node in graph.nodes:
            if only is None or node.name in only:
                todo.append(_Task(node, frozenset()))
        while todo:
            task = todo.popleft()
            for part in parts(task.node, self._library):
                if part.function in task.inside:
                    self._recursive.setdefault(part.function)
                    continue
                nodes = self._open(task.node, part)
                if only is None:
                    inside = task.inside | {part.function}
                    todo.extend(_Task(node, inside) for node in nodes if node.attr)
        if self._bodies:
            self._result.graph = graph.with_nodes(self._in_order(graph.nodes))
        self._result.notes = list(self._notes())
        return self._result

    def _open(self, node: NodeDef, part: Part) -> list[NodeDef]:
        """The nodes of one body, named and wired; none where it cannot be shown."""
        try:
            body = self._library.body_with(part.function, part.attrs)
        except CorruptModel as err:
            self._unread[part.function] = err.why
            return []
        prefix = f"{node.name}/{part.label}" if part.label else node.name
        if len(body.nodes) > self._budget or len(prefix) > _LONGEST:
            self._too_many += 1
            return []
        self._budget -= len(body.nodes)
        names = {item.name: self._names.free(f"{prefix}/{item.name}") for item in body.nodes}
        source, nodes = self._arguments(node, part, body, prefix)
        self._budget -= len(nodes)
        for item in body.nodes:
            copy = NodeDef()
            copy.CopyFrom(item)
            copy.name = names[item.name]
            copy.input[:] = [_mapped(text, source, names) for text in item.input]
            if "_class" in copy.attr:
                del copy.attr["_class"]  # names of the function's own nodes
            nodes.append(copy)
        returns = [_mapped(text, source, names) for text in body.results]
        returns += ["^" + names[name] for name in body.controls]
        if part.kind == LOOP and part.label == "body":
            arguments = {item.name for item in nodes if item.op == "_Arg"}
            for arg, result in zip(body.args, body.results, strict=False):
                if source[arg] in arguments:
                    self._result.again[source[arg]] = _mapped(result, source, names)
        returned = self._result.returns.setdefault(node.name, [])
        already = {*node.input, *returned}
        returned += [text for text in dict.fromkeys(returns) if text and text not in already]
        self._result.functions.update((item.name, part.function) for item in nodes)
        self._result.opened.add(part.function)
        self._bodies.setdefault(node.name, []).extend(nodes)
        return nodes

    def _arguments(
        self, node: NodeDef, part: Part, body: Body, prefix: str
    ) -> tuple[dict[str, str], list[NodeDef]]:
        """What stands for each argument, and the nodes that had to be made for that."""
        inputs = _inputs_of(node, part, len(body.args), self._library)
        changing = _changing(node, part, body, self._library)
        read = {text.lstrip("^") for item in body.nodes for text in item.input}
        read.update(body.results)
        dtypes = _argument_dtypes(body)
        source: dict[str, str] = {}
        arguments: list[NodeDef] = []
        for number, (arg, tensor) in enumerate(zip(body.args, inputs, strict=True)):
            if tensor is not None and number not in changing:
                source[arg] = tensor
                continue
            if arg not in read:
                source[arg] = tensor or ""
                continue
            name, port, _ = split_input(arg)
            argument = NodeDef(
                name=self._names.free(f"{prefix}/{name}" + (f"_{port}" if port else ""))
            )
            argument.op = "_Arg"
            argument.attr["index"].i = number
            argument.attr["T"].type = dtypes[number] if number < len(dtypes) else tensors.INVALID
            if tensor is None:
                # An element of a data set: where it comes from is the node's first input.
                argument.input.extend(data_inputs(node)[:1])
            else:
                argument.input.append(tensor)
            _note_shape(argument, number, node, body, part)
            source[arg] = argument.name
            arguments.append(argument)
        return source, arguments

    def _in_order(self, nodes: Iterable[NodeDef]) -> Iterator[NodeDef]:
        """The nodes, before each those of its bodies."""
        for node in nodes:
            if node.name not in self._bodies:
                yield node
                continue
            stack = [(node, iter(self._bodies[node.name]))]
            while stack:
                owner, rest = stack[-1]
                inner = next(rest, None)
                if inner is None:
                    yield owner
                    stack.pop()
                else:
                    stack.append((inner, iter(self._bodies.get(inner.name, ()))))

    def _notes(self) -> Iterator[str]:
        for name in list(self._recursive)[:_MOST_NOTES]:
            yield f"Function '{name}' calls itself: its body is drawn once in each call."
        for name, why in list(self._unread.items())[:_MOST_NOTES]:
            yield f"The body of function '{name}' is not drawn: {why}."
        if self._too_many:
            bodies = "body is" if self._too_many == 1 else "bodies are"
            yield (
                f"{self._too_many:,} more {bodies} not drawn: they lie too deep, "
                f"or are more than {self._max_nodes:,} nodes together."
            )


def _mapped(text: str, source: Mapping[str, str], names: Mapping[str, str]) -> str:
    if text in source:
        return source[text]
    name, port, control = split_input(text)
    if control:
        target = names.get(name) or node_name(source.get(name, "")) or name
        return "^" + target
    return f"{names[name]}:{port}" if port else names[name]


def _inputs_of(node: NodeDef, part: Part, count: int, library: Library) -> list[str | None]:
    """For each argument of a body the input of the node that it is; None where it is none."""
    inputs: list[str | None] = list(data_inputs(node))
    if part.kind == BRANCH:
        inputs = inputs[1:]
    if part.kind != OTHER:
        return inputs if len(inputs) == count else [None] * count
    named = _named_inputs(node, part.label.rstrip("0123456789"), library)
    if node.op == "SymbolicGradient":
        named = inputs[:count]
    elif named is None and not node.op.endswith(_DATA_SETS):
        named = inputs[-count:] if count else []
    texts = [*[None] * (count - len(named or ())), *(named or ())]
    return texts if len(texts) == count else [None] * count


def _named_inputs(node: NodeDef, key: str, library: Library) -> list[str | None] | None:
    """The inputs that the op declares as handed on to the function of this attribute."""
    definition = opdefs.get(node.op, library.signatures)
    keys = (f"{key}_other_arguments", f"{key}_other_args", "other_arguments", "captured_inputs")
    by_arg: dict[str, list[str | None]] = {}
    inputs, place = data_inputs(node), 0
    for arg in definition.input_arg if definition is not None else ():
        width = opdefs.arg_width(arg, node) or 0
        by_arg[arg.name] = list(inputs[place : place + width])
        place += width
    if node.op == "MapDefun" and "arguments" in by_arg:
        return by_arg["arguments"] + by_arg.get("captured_inputs", [])
    return next((by_arg[name] for name in keys if name in by_arg), None)


def _changing(node: NodeDef, part: Part, body: Body, library: Library) -> Collection[int]:
    """The arguments that are not the same in each run of the body: they are drawn as nodes."""
    if node.op == "MapDefun":
        value = opdefs.attr(node, "Targuments")
        return range(len(value.list.type) if value is not None else 0)
    if part.kind != LOOP:
        return ()
    step = body
    if part.label != "body":
        bodies = [item for item in parts(node, library) if item.label == "body"]
        if not bodies:
            return ()
        try:
            step = library.body_with(bodies[0].function, bodies[0].attrs)
        except CorruptModel:
            return range(len(body.args))
    nodes = {item.name: item for item in step.nodes}
    pairs = enumerate(zip(step.args, step.results, strict=False))
    return {number for number, (arg, end) in pairs if _origin(nodes, end) != arg}


def _origin(nodes: Mapping[str, NodeDef], text: str) -> str:
    """The tensor behind a chain of Identity nodes."""
    for _ in range(_LONGEST_CHAIN):
        node = nodes.get(text)
        if node is None or node.op != "Identity" or not node.input:
            return text
        text = node.input[0]
    return text


def _argument_dtypes(body: Body) -> list[DTypeEnum]:
    """The dtype of each argument of a body."""
    call = NodeDef()
    for key, value in body.proto.attr.items():
        call.attr[key].CopyFrom(value)
    return opdefs.expand(body.proto.signature.input_arg, call) or []


def _note_shape(argument: NodeDef, number: int, node: NodeDef, body: Body, part: Part) -> None:
    """Set the shape that an argument has in every run, where the file states it."""
    noted = body.proto.arg_attr[number].attr if number in body.proto.arg_attr else {}
    stated = node.attr["output_shapes"].list.shape if "output_shapes" in node.attr else ()
    if part.kind == LOOP and len(stated) == len(body.args):
        argument.attr["_output_shapes"].list.shape.add().CopyFrom(stated[number])
    elif "_output_shapes" in noted and len(noted["_output_shapes"].list.shape) == 1:
        argument.attr["_output_shapes"].CopyFrom(noted["_output_shapes"])
