"""Functions of the library as graphs: the same nodes with the input strings a graph has.

Inside a FunctionDef an input reads ``arg``, ``node:output_arg:index`` or ``^node``; in a graph it
reads ``node:port``. Ports are counted over all output arguments of the op, so that converting
them needs its OpDef. A `Body` is a function in the graph's form; `to_function` turns it back.

Source: tensorflow/core/framework/function.proto, function.cc (InstantiateFunction).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from inspector.errors import CorruptModel, InvalidGraph
from inspector.graph import opdefs
from inspector.graph.graph import split_input
from inspector.graph.op_sets import CALLS
from inspector.graph.protos import AttrValue, FunctionDef, FunctionDefLibrary, NodeDef, OpDef

# Declared stateful, although nothing changes when they do not run.
_READS = re.compile(
    r"_?VarHandles?Op|VariableV2|Variable|AutoReloadVariable|_?ReadVariables?Op|ResourceGather(Nd)?"
    r"|VariableShape|VarIsInitializedOp|IsVariableInitialized|.*HashTable\w*|_?Arg|_Retval"
    r"|LookupTable(Find|Size|Export)(V2)?|Random(?!Dataset)\w*|Multinomial|TruncatedNormal"
    r"|ParameterizedTruncatedNormal|TensorArray\w*|GuaranteeConst|Restore\w*|\w*Dataset(V\d)?"
    r"|Empty|DeviceIndex|StatelessRandomGetAlg|CudnnRNN\w*|StatefulPartitionedCall|While|If|Case"
)


@dataclass(frozen=True)
class Body:
    """One function in the form of a graph.

    Attributes:
        name: The function's name.
        args: Tensors that stand for the arguments, in order; no node makes them.
        nodes: NodeDefs with graph input strings.
        results: Tensor of each output.
        controls: Nodes that must have run when a call is done.
    """

    name: str
    args: tuple[str, ...]
    nodes: tuple[NodeDef, ...]
    results: tuple[str, ...]
    controls: tuple[str, ...]
    proto: FunctionDef


class Library:
    """The functions of a graph by name, and their bodies, each converted once.

    Args:
        ops: OpDefs of ops that the op list does not know, e.g. from the file itself.
    """

    def __init__(self, proto: FunctionDefLibrary, ops: Iterable[OpDef] = ()) -> None:
        self.functions: dict[str, FunctionDef] = {}
        for function in proto.function:
            self.functions.setdefault(function.signature.name, function)
        self.signatures: dict[str, OpDef] = {op.name: op for op in ops}
        for name, function in self.functions.items():
            self.signatures[name] = function.signature
        self._bodies: dict[str, Body] = {}
        self._changing: set[str] | None = None

    def add(self, function: FunctionDef) -> None:
        """Take in a new function."""
        self.functions[function.signature.name] = function
        self.signatures[function.signature.name] = function.signature
        self._changing = None

    def called(self, node: NodeDef) -> str | None:
        """The name of the function that a node calls and does nothing else; None for others."""
        if node.op in CALLS:
            # A look at an attribute that is not there would make it: nodes are never written to.
            name = node.attr["f"].func.name if "f" in node.attr else ""
            return name if name in self.functions else None
        return node.op if node.op in self.functions else None

    def body(self, name: str, call: NodeDef | None = None) -> Body:
        """The body of a function; a call gives the attributes of a function that has some."""
        if call is None:
            return self.body_with(name, None)
        return self.body_with(name, call.attr if call.op == name else call.attr["f"].func.attr)

    def body_with(self, name: str, values: Mapping[str, AttrValue] | None) -> Body:
        """The body of a function, its own attributes (where it has some) with these values."""
        function = self.functions[name]
        if values is not None and function.signature.attr:
            return _convert(_bind(function, values), self.signatures)
        if name not in self._bodies:
            self._bodies[name] = _convert(function, self.signatures)
        return self._bodies[name]

    def expanded_size(self, nodes: Iterable[NodeDef]) -> int:
        """How many nodes these are with all calls inlined. Raises: InvalidGraph (recursion)."""
        sizes: dict[str, int] = {}
        active: set[str] = set()
        total = 0
        for node in nodes:
            name = self.called(node)
            stack = [] if name is None else [name]
            while stack:
                current = stack[-1]
                if current in sizes:
                    stack.pop()
                    continue
                inner = self.functions[current].node_def
                called = [other for item in inner if (other := self.called(item)) is not None]
                missing = [other for other in dict.fromkeys(called) if other not in sizes]
                active.add(current)
                for other in missing:
                    if other in active:
                        raise InvalidGraph("graph", f"function '{other}'", "it calls itself")
                stack += missing
                if not missing:
                    sizes[current] = len(inner) + sum(sizes[other] for other in called)
                    active.discard(current)
            total += 1 if name is None else sizes[name]
        return total

    def changes_state(self, node: NodeDef) -> bool:
        """True where running this node, or a body it runs, may change something or fail on purpose.

        Reading a variable or a table is no change, nor is drawing a random number.
        """
        if node.op not in self.functions and not _is_reading(node.op):
            return opdefs.is_stateful(node.op)
        if self._changing is None:
            self._changing = self._find_changing()
        return any(name in self._changing for name in (*function_names(node), node.op))

    def _find_changing(self) -> set[str]:
        """The functions whose bodies, or what they call, may change something."""
        callers: dict[str, list[str]] = {}
        changing: set[str] = set()
        for name, function in self.functions.items():
            for node in function.node_def:
                if node.op in self.functions or _is_reading(node.op):
                    for inner in (*function_names(node), node.op):
                        callers.setdefault(inner, []).append(name)
                elif opdefs.is_stateful(node.op):
                    changing.add(name)
        todo = list(changing)
        while todo:
            for caller in callers.get(todo.pop(), ()):
                if caller not in changing:
                    changing.add(caller)
                    todo.append(caller)
        return changing


def function_names(node: NodeDef) -> Iterator[str]:
    """The functions that a node's attributes name, each time they do; those handed to one, too."""
    todo: list[AttrValue] = list(node.attr.values())
    while todo:
        value = todo.pop()
        kind = value.WhichOneof("value")
        if kind == "func":
            named = [value.func]
        elif kind == "list":
            named = list(value.list.func)
        else:
            continue
        for func in named:
            yield func.name
            todo += func.attr.values()


def reachable(library: FunctionDefLibrary, nodes: Iterable[NodeDef]) -> FunctionDefLibrary:
    """The library's functions that these nodes can come to call; the library itself if all."""
    functions = {function.signature.name: function for function in library.function}
    called: set[str] = set()
    todo: list[NodeDef] = list(nodes) if functions else []
    while todo:
        node = todo.pop()
        for name in (*function_names(node), node.op):
            if name in functions and name not in called:
                called.add(name)
                todo += functions[name].node_def
    if len(called) == len(library.function):
        return library
    smaller = FunctionDefLibrary()
    smaller.function.extend(item for item in library.function if item.signature.name in called)
    smaller.gradient.extend(
        item
        for item in library.gradient
        if item.function_name in called and item.gradient_func in called
    )
    return smaller


def to_function(body: Body, signatures: Mapping[str, OpDef]) -> FunctionDef:
    """The body as a FunctionDef with its proto's signature and attributes."""
    proto = FunctionDef()
    proto.signature.CopyFrom(body.proto.signature)
    proto.signature.name = body.name
    for key, value in body.proto.attr.items():
        proto.attr[key].CopyFrom(value)
    for number, attrs in body.proto.arg_attr.items():
        proto.arg_attr[number].CopyFrom(attrs)
    for number, resource in body.proto.resource_arg_unique_id.items():
        proto.resource_arg_unique_id[number] = resource
    args = dict(zip(body.args, _arg_texts(body.proto.signature, body.args), strict=True))
    nodes = {node.name: node for node in body.nodes}

    def convert(text: str) -> str:
        return _to_function_input(text, args, nodes, signatures)

    for node in body.nodes:
        copy = proto.node_def.add()
        copy.CopyFrom(node)
        copy.input[:] = [convert(text) for text in node.input]
    for item, text in zip(proto.signature.output_arg, body.results, strict=True):
        proto.ret[item.name] = convert(text)
    for name, node_name in body.proto.control_ret.items():
        if node_name in nodes:
            proto.control_ret[name] = node_name
    controls = [name for name in proto.signature.control_output if name in proto.control_ret]
    proto.signature.control_output[:] = controls
    return proto


@functools.lru_cache(maxsize=4096)
def _is_reading(op: str) -> bool:
    return _READS.fullmatch(op) is not None


def _convert(function: FunctionDef, signatures: Mapping[str, OpDef]) -> Body:
    args: list[str] = []
    for item in function.signature.input_arg:
        width = _arg_width(item, function)
        args += [item.name if port == 0 else f"{item.name}:{port}" for port in range(width)]
    arg_texts = set(args)
    by_name = {node.name: node for node in function.node_def}
    name = function.signature.name

    def convert(text: str) -> str:
        return _to_graph_input(text, arg_texts, by_name, signatures, name)

    nodes = []
    for node in function.node_def:
        copy = NodeDef()
        copy.CopyFrom(node)
        copy.input[:] = [convert(text) for text in node.input]
        nodes.append(copy)
    results = []
    for item in function.signature.output_arg:
        if item.name not in function.ret:
            reason = f"it declares the output '{item.name}' and does not return it"
            raise CorruptModel("graph", f"function '{name}'", reason)
        results.append(convert(function.ret[item.name]))
    # A map has no order of its own: the signature's, then by key.
    listed = [key for key in function.signature.control_output if key in function.control_ret]
    keys = dict.fromkeys([*listed, *sorted(function.control_ret)])
    controls = dict.fromkeys(function.control_ret[key] for key in keys)
    must_run = tuple(node for node in controls if node in by_name)
    return Body(name, tuple(args), tuple(nodes), tuple(results), must_run, function)


def _to_graph_input(
    text: str,
    args: set[str],
    nodes: Mapping[str, NodeDef],
    signatures: Mapping[str, OpDef],
    function: str,
) -> str:
    if text.startswith("^") or text in args:
        return text
    name, _, rest = text.partition(":")
    if name in nodes:
        arg, colon, index = rest.rpartition(":")
        if not colon:
            arg, index = (rest, "0") if not rest.isdigit() else ("", rest)
        port: int | None = None
        if index.isascii() and index.isdigit() and len(index) < 8:
            port = _port(nodes[name], arg, int(index), signatures) if arg else int(index or 0)
        elif not rest:
            port = 0
        if port is not None:
            return f"{name}:{port}" if port else name
    elif f"{name}:0" == text and name in args:
        return name
    reason = f"'{text}' is no argument and no output of a node"
    raise CorruptModel("graph", f"function '{function}'", reason)


def _port(node: NodeDef, arg: str, index: int, signatures: Mapping[str, OpDef]) -> int | None:
    if opdefs.get(node.op) is None and node.op not in signatures:
        # An unknown op: right where it has one output argument, which most have.
        return index
    return opdefs.output_index(node, arg, index, signatures)


def _output_text(node: NodeDef, port: int, signatures: Mapping[str, OpDef]) -> str:
    """``node:output_arg:index`` of a port; the inverse of `opdefs.output_index`."""
    definition = opdefs.get(node.op, signatures)
    index = port
    for item in definition.output_arg if definition is not None else ():
        key = item.type_list_attr or item.number_attr
        value = opdefs.attr(node, key) if key else None
        width = 1
        if value is not None:
            width = len(value.list.type) if item.type_list_attr else value.i
        if index < width:
            return f"{node.name}:{item.name}:{index}"
        index -= max(width, 0)
    return f"{node.name}:output:{port}"


def _to_function_input(
    text: str,
    args: Mapping[str, str],
    nodes: Mapping[str, NodeDef],
    signatures: Mapping[str, OpDef],
) -> str:
    if text.startswith("^"):
        return text
    if text in args:
        return args[text]
    name, port, _ = split_input(text)
    return _output_text(nodes[name], port, signatures) if name in nodes else text


def _arg_width(item: OpDef.ArgDef, function: FunctionDef) -> int:
    key = item.type_list_attr or item.number_attr
    if not key:
        return 1
    value = function.attr.get(key)
    if value is None:
        return 1
    width = len(value.list.type) if item.type_list_attr else value.i
    return int(width) if 0 <= width <= 1_000_000 else 0


def _arg_texts(signature: OpDef, args: Iterable[str]) -> list[str]:
    lists = {item.name for item in signature.input_arg if item.type_list_attr or item.number_attr}
    texts = []
    for text in args:
        name, port, _ = split_input(text)
        texts.append(f"{name}:{port}" if name in lists else text)
    return texts


def _bind(function: FunctionDef, values: Mapping[str, AttrValue]) -> FunctionDef:
    """A copy of a function with attributes of its own, their values filled in."""
    bound = FunctionDef()
    bound.CopyFrom(function)
    for item in bound.signature.attr:
        if item.name in values:
            bound.attr[item.name].CopyFrom(values[item.name])
        elif item.HasField("default_value"):
            bound.attr[item.name].CopyFrom(item.default_value)
    for arg in (*bound.signature.input_arg, *bound.signature.output_arg):
        if arg.type_attr and arg.type_attr in bound.attr:
            arg.type = bound.attr[arg.type_attr].type
            arg.type_attr = ""
    for node in bound.node_def:
        for value in node.attr.values():
            todo = [value]
            while todo:
                current = todo.pop()
                if current.placeholder:
                    name = current.placeholder
                    if name in bound.attr:
                        current.CopyFrom(bound.attr[name])
                elif current.WhichOneof("value") == "func":
                    todo += current.func.attr.values()
    del bound.signature.attr[:]
    return bound
