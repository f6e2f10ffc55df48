"""The functions of a model's library: arguments, results, op counts and callers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from inspector.graph import opdefs, tensors
from inspector.graph.functions import function_names
from inspector.graph.graph import Graph
from inspector.graph.protos import FunctionDef, FunctionDefLibrary, NodeDef, OpDef, TensorShapeProto
from inspector.graph.tensors import Shape

LIMIT = 1_000
"""Functions that are listed; all are counted."""
_CALLERS = 20
_TENSORS = 200


@dataclass(frozen=True)
class Argument:
    """An argument or a result; the shape is what the writer noted, None where it noted none."""

    name: str
    dtype: str
    shape: Shape | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape}


@dataclass
class FunctionFacts:
    """One function.

    Attributes:
        nodes: Nodes of its body; what they call is not counted.
        callers: Nodes of the main graph, and functions, that run it; at most 20 of them.
        calls: How many nodes run it, of the main graph and of bodies.
        gradient_of: The function whose gradient it is; empty for most.
    """

    name: str
    args: list[Argument]
    results: list[Argument]
    nodes: int
    op_counts: dict[str, int]
    callers: list[str] = field(default_factory=list)
    calls: int = 0
    gradient_of: str = ""

    def to_dict(self) -> dict[str, Any]:
        """An entry of ``function_list`` in the JSON of ``describe``."""
        return {
            "name": self.name,
            "args": [item.to_dict() for item in self.args],
            "results": [item.to_dict() for item in self.results],
            "nodes": self.nodes,
            "op_counts": self.op_counts,
            "callers": self.callers,
            "calls": self.calls,
            "gradient_of": self.gradient_of,
        }


def list_functions(graph: Graph, limit: int = LIMIT) -> list[FunctionFacts]:
    """The functions of a graph's library in its order, the first `limit` of them."""
    functions: dict[str, FunctionFacts] = {}
    for function in graph.library.function:
        if len(functions) == limit:
            break
        functions.setdefault(function.signature.name, _facts(function))
    if not functions:
        return []
    _find_callers(functions, graph.nodes, "")
    for function in graph.library.function:
        _find_callers(functions, function.node_def, function.signature.name)
    for name, other in _gradients(graph.library):
        if name in functions:
            functions[name].gradient_of = other
    return list(functions.values())


def _facts(function: FunctionDef) -> FunctionFacts:
    counts = Counter(node.op for node in function.node_def)
    # A stand-in for the call, whose attributes say how long the lists of arguments are.
    call = NodeDef()
    for key, value in function.attr.items():
        call.attr[key].CopyFrom(value)
    return FunctionFacts(
        name=function.signature.name,
        args=_arguments(function.signature.input_arg, call, function),
        results=_arguments(function.signature.output_arg, call, None),
        nodes=len(function.node_def),
        op_counts=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
    )


def _arguments(
    items: Iterable[OpDef.ArgDef], call: NodeDef, noted: FunctionDef | None
) -> list[Argument]:
    arguments: list[Argument] = []
    for number, item in enumerate(items):
        dtypes = opdefs.expand([item], call) or [tensors.INVALID]
        shape = _noted_shape(noted, number) if noted is not None and len(dtypes) == 1 else None
        for port, dtype in enumerate(dtypes[: _TENSORS - len(arguments)]):
            name = item.name if len(dtypes) == 1 else f"{item.name}:{port}"
            arguments.append(Argument(name, tensors.dtype_name(tensors.base_dtype(dtype)), shape))
    return arguments


def _noted_shape(function: FunctionDef, number: int) -> Shape | None:
    attrs = function.arg_attr[number].attr if number in function.arg_attr else {}
    shapes: Sequence[TensorShapeProto] = ()
    if "_output_shapes" in attrs:
        shapes = attrs["_output_shapes"].list.shape
    return tensors.shape_of(shapes[0]) if len(shapes) == 1 else None


def _find_callers(
    functions: Mapping[str, FunctionFacts], nodes: Iterable[NodeDef], of: str
) -> None:
    for node in nodes:
        names = set(function_names(node)) if node.attr else set()
        for name in sorted(names | {node.op}):
            facts = functions.get(name)
            if facts is not None:
                facts.calls += 1
                caller = of or node.name
                if len(facts.callers) < _CALLERS and caller not in facts.callers:
                    facts.callers.append(caller)


def _gradients(library: FunctionDefLibrary) -> Iterable[tuple[str, str]]:
    """(gradient, the function it is of), as the library says and as TensorFlow 2 notes it."""
    for item in library.gradient:
        yield item.gradient_func, item.function_name
    for function in library.function:
        if "forward_function_name" in function.attr:
            forward = function.attr["forward_function_name"].s.decode("utf-8", "replace")
            yield function.signature.name, forward
