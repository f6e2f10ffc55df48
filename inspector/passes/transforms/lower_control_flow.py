"""Turns While and If of TensorFlow 2 into loops and branches of TensorFlow 1 around calls.

    If(p, x)     Switch(x, p) -> then(x:1), else(x:0) -> Merge
    While(x)     Enter -> Merge -> cond -> LoopCond; Switch -> body -> NextIteration; Exit

The bodies become calls named ``n/then``, ``n/else``, ``n/cond``, ``n/body``, which are inlined
like any other call.

Source: tensorflow/core/common_runtime/lower_if_op.cc, lower_while_op.cc.
"""

from __future__ import annotations

from collections.abc import Iterator

from inspector.graph import opdefs, tensors
from inspector.graph.editing.references import with_controls
from inspector.graph.functions import Library, function_names
from inspector.graph.graph import (
    Graph,
    Names,
    control_inputs,
    data_inputs,
    split_input,
    with_inputs,
)
from inspector.graph.op_sets import IFS
from inspector.graph.protos import DTypeEnum, NodeDef

_PARALLEL = 10
"""Default of ``parallel_iterations``."""


def endless(library: Library) -> set[str]:
    """Names of recursive functions, and of functions that call one."""
    calls = {
        name: {
            inner
            for node in function.node_def
            for inner in (*function_names(node), node.op)
            if inner in library.functions
        }
        for name, function in library.functions.items()
    }
    callers: dict[str, list[str]] = {}
    for name, inner in calls.items():
        for item in inner:
            callers.setdefault(item, []).append(name)
    open_calls = {name: len(inner) for name, inner in calls.items()}
    todo = [name for name, count in open_calls.items() if not count]
    while todo:
        for caller in callers.get(todo.pop(), ()):
            open_calls[caller] -= 1
            if not open_calls[caller]:
                todo.append(caller)
    return {name for name, count in open_calls.items() if count}


def why_not(node: NodeDef, library: Library, recursive: set[str]) -> str:
    """Why this While or If cannot be lowered; empty if it can."""
    keys = ("then_branch", "else_branch") if node.op in IFS else ("cond", "body")
    names = [node.attr[key].func.name if key in node.attr else "" for key in keys]
    for name in names:
        if name not in library.functions:
            return f"calls '{name}', which is not in the library"
        if name in recursive:
            return f"calls '{name}', which comes to call itself"
    count = len(data_inputs(node))
    expected = count - 1 if node.op in IFS else count
    for name in names:
        if len(library.functions[name].signature.input_arg) != expected:
            return f"'{name}' does not take its {expected} inputs"
    if node.op in IFS:
        dtype = opdefs.attr(node, "Tcond")
        return (
            "" if dtype is not None and dtype.type == tensors.BOOL else "its condition is no bool"
        )
    if not count:
        return "is a loop without variables"
    returned = library.functions[names[0]].signature.output_arg
    if len(returned) != 1 or returned[0].type != tensors.BOOL:
        return f"its condition '{names[0]}' does not give one bool"
    if len(library.functions[names[1]].signature.output_arg) != count:
        return f"its body '{names[1]}' does not give its {count} variables"
    return ""


def lower(graph: Graph, names: set[str], keep: set[str]) -> Graph:
    """The graph with these nodes lowered.

    Args:
        names: Nodes for which `why_not` is empty.
        keep: Those whose name an Identity or IdentityN of their results keeps.
    """
    taken = Names(node.name for node in graph.nodes)
    nodes: list[NodeDef] = []
    results: dict[str, list[str]] = {}
    done: dict[str, str] = {}
    for node in graph.nodes:
        if node.name not in names:
            nodes.append(node)
            continue
        lowered = _Lowered(node, taken)
        lowered.branch() if node.op in IFS else lowered.loop()
        nodes += lowered.nodes
        results[node.name], done[node.name] = lowered.results, lowered.done
        if node.name in keep:
            nodes.append(_result_node(node, lowered))
    gone = names - keep
    return graph.with_nodes(_rewired(node, results, done, gone) for node in nodes)


class _Lowered:
    """The nodes that replace one While or If.

    Attributes:
        results: The tensor that replaces each output.
        done: The node that replaces a control input on the While or If.
    """

    def __init__(self, node: NodeDef, taken: Names) -> None:
        self.node, self.taken = node, taken
        self.nodes: list[NodeDef] = []
        self.results: list[str] = []
        self.done = ""
        self.controls = control_inputs(node)

    def branch(self) -> None:
        """Lower an If."""
        condition, *inputs = data_inputs(self.node)
        dtypes = list(self.node.attr["Tin"].list.type) if "Tin" in self.node.attr else []
        outputs = list(self.node.attr["Tout"].list.type) if "Tout" in self.node.attr else []
        split = self._add("pred", "Switch", [condition, condition, *self.controls], tensors.BOOL)
        switched = [
            self._add(f"switch_{index}", "Switch", [text, condition, *self.controls], dtype)
            for index, (text, dtype) in enumerate(zip(inputs, dtypes, strict=True))
        ]
        outcomes: list[list[str]] = []
        ends: list[str] = []
        for port, key in ((0, "else"), (1, "then")):
            pivot = self._add(f"{key}_pivot", "Identity", [_at(split, port)], tensors.BOOL)
            args = [
                self._add(f"{key}_in_{index}", "Identity", [_at(name, port)], dtype)
                for index, (name, dtype) in enumerate(zip(switched, dtypes, strict=True))
            ]
            call = self._call(key, f"{key}_branch", args or [f"^{pivot}"], dtypes, outputs)
            outcomes.append([_at(call, index) for index in range(len(outputs))])
            ends.append(self._add(f"{key}_done", "Identity", [pivot, f"^{call}"], tensors.BOOL))
        for index, dtype in enumerate(outputs):
            pair = [outcomes[0][index], outcomes[1][index]]
            self.results.append(self._add(f"merge_{index}", "Merge", pair, dtype, N=2))
        self.done = self._add("done", "Merge", ends, tensors.BOOL, N=2)

    def loop(self) -> None:
        """Lower a While."""
        node, inputs = self.node, data_inputs(self.node)
        dtypes = list(node.attr["T"].list.type) if "T" in node.attr else []
        parallel = opdefs.attr(node, "parallel_iterations")
        count = parallel.i if parallel is not None and parallel.i > 0 else _PARALLEL
        merges: list[NodeDef] = []
        for index, (text, dtype) in enumerate(zip(inputs, dtypes, strict=True)):
            enter = self._add(f"enter_{index}", "Enter", [text, *self.controls], dtype)
            self.nodes[-1].attr["frame_name"].s = node.name.encode()
            self.nodes[-1].attr["is_constant"].b = False
            self.nodes[-1].attr["parallel_iterations"].i = count
            # The back edge is filled in below.
            self._add(f"merge_{index}", "Merge", [enter, enter], dtype, N=2)
            merges.append(self.nodes[-1])
        values = [str(merge.name) for merge in merges]
        cond = self._call("cond", "cond", values, dtypes, [tensors.BOOL])
        more = self._add("loop_cond", "LoopCond", [cond, f"^{cond}"], None)
        switches = [
            self._add(f"switch_{index}", "Switch", [value, more], dtype)
            for index, (value, dtype) in enumerate(zip(values, dtypes, strict=True))
        ]
        args = [
            self._add(f"in_{index}", "Identity", [_at(name, 1)], dtype)
            for index, (name, dtype) in enumerate(zip(switches, dtypes, strict=True))
        ]
        body = self._call("body", "body", args, dtypes, dtypes)
        for index, (merge, dtype) in enumerate(zip(merges, dtypes, strict=True)):
            read = [_at(body, index), f"^{body}"]
            merge.input[1] = self._add(f"next_{index}", "NextIteration", read, dtype)
        for index, (name, dtype) in enumerate(zip(switches, dtypes, strict=True)):
            self.results.append(self._add(f"exit_{index}", "Exit", [name], dtype))
        self.done = self.results[0]

    def _add(
        self, part: str, op: str, inputs: list[str], dtype: DTypeEnum | None, **counts: int
    ) -> str:
        node = NodeDef(name=self.taken.free(f"{self.node.name}/{part}"), op=op, input=inputs)
        node.device = self.node.device
        if dtype is not None:
            node.attr["T"].type = dtype
        for key, value in counts.items():
            node.attr[key].i = value
        self.nodes.append(node)
        return str(node.name)

    def _call(
        self,
        part: str,
        key: str,
        inputs: list[str],
        input_types: list[DTypeEnum],
        output_types: list[DTypeEnum],
    ) -> str:
        name = self._add(part, "StatefulPartitionedCall", inputs, None)
        call = self.nodes[-1]
        call.attr["f"].CopyFrom(self.node.attr[key])
        call.attr["Tin"].list.type.extend(input_types)
        call.attr["Tout"].list.type.extend(output_types)
        return name


def _result_node(node: NodeDef, lowered: _Lowered) -> NodeDef:
    identity = NodeDef(name=node.name, device=node.device)
    controls = [f"^{lowered.done}"]
    if not lowered.results:
        identity.op = "NoOp"
        identity.input.extend(controls)
        return identity
    identity.input[:] = with_controls(lowered.results, controls, node.name)
    key = "Tout" if node.op in IFS else "T"
    dtypes = list(node.attr[key].list.type)
    identity.op = "Identity" if len(dtypes) == 1 else "IdentityN"
    if len(dtypes) == 1:
        identity.attr["T"].type = dtypes[0]
    else:
        identity.attr["T"].list.type.extend(dtypes)
    return identity


def _rewired(
    node: NodeDef, results: dict[str, list[str]], done: dict[str, str], gone: set[str]
) -> NodeDef:
    return with_inputs(node, _inputs(node, results, done, gone))


def _inputs(
    node: NodeDef, results: dict[str, list[str]], done: dict[str, str], gone: set[str]
) -> Iterator[str]:
    for text in node.input:
        source = split_input(text)
        if source.name not in gone:
            yield text
        elif source.control:
            yield f"^{done[source.name]}"
        else:
            outputs = results[source.name]
            yield outputs[source.port] if source.port < len(outputs) else text


def _at(name: str, port: int) -> str:
    return f"{name}:{port}" if port else name
