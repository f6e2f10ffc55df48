"""The facts of a model: what the overview page shows and ``inspector describe`` prints.

Needs shapes and dtypes only, never the value of a tensor: a reader may have left the bytes of big
tensors out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from inspector import caveats, opdefs, outputs, signatures, tensors
from inspector.errors import InspectorError
from inspector.flagged import flagged
from inspector.freeze import serving_graph
from inspector.function_list import FunctionFacts, list_functions
from inspector.graph import Graph
from inspector.layers import Layers
from inspector.model import Asset, Model, Variable
from inspector.outputs import Suggestion
from inspector.problems import problems
from inspector.protos import NodeDef, SignatureDef, TensorInfo
from inspector.signatures import parts_of
from inspector.tensors import Shape

if TYPE_CHECKING:
    from inspector.tflite_graph import LiteGraph

PLACEHOLDERS = ("Placeholder", "PlaceholderV2", "PlaceholderWithDefault")


@dataclass(frozen=True)
class Tensor:
    """A feed: name, dtype and declared shape."""

    name: str
    dtype: str
    shape: Shape | None

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON of ``describe``."""
        return {"name": self.name, "dtype": self.dtype, "shape": self.shape}


@dataclass
class GraphFacts:
    """What one graph holds, its function library left out.

    Attributes:
        variables: Nodes whose op has "Variable" in it, as the original notebook counted.
    """

    nodes: int
    op_counts: dict[str, int]
    placeholders: list[Tensor]
    softmax: list[str]
    held: int | None = None

    @property
    def constants(self) -> int:
        """Const nodes; of a TFLite model, whose constants are no operators, constant tensors."""
        return self.op_counts.get("Const", 0) if self.held is None else self.held

    @property
    def identities(self) -> int:
        """Identity nodes."""
        return self.op_counts.get("Identity", 0)

    @property
    def variables(self) -> int:
        """Nodes whose op has "Variable" in it, as the original notebook counted."""
        return sum(count for op, count in self.op_counts.items() if "Variable" in op)

    def to_dict(self) -> dict[str, Any]:
        """The object under ``serving``."""
        return {
            "nodes": self.nodes,
            "op_counts": self.op_counts,
            "placeholders": [item.to_dict() for item in self.placeholders],
            "softmax": self.softmax,
            "constants": self.constants,
            "variables": self.variables,
            "identities": self.identities,
        }


@dataclass
class Facts:
    """The facts of a model; `to_dict` is the JSON of ``describe``.

    Attributes:
        graph: The main graph, counted.
        serving: The serving function's graph, its calls inlined, where the main graph is only
            plumbing around it (TensorFlow 2); else None.
        functions: How many functions the library holds; `function_op_counts` counts the nodes of
            their bodies, each body once. `gradients`: how many it names as the gradient of one.
        layers: Of a Keras file: what it tells beside its layers. `graph` counts the layers then,
            those inside nested models too; a nested model is a scope and not counted itself.
        parameters: Elements of all variables in the checkpoint that are numbers, optimiser slots
            and step counters included. Without a checkpoint: elements of the variables the graph
            declares; without these too (a frozen graph): elements of its Consts of float or
            quantised dtype that are not scalars.
        extra: What the JSON has for this format alone, and what reads otherwise for it.
    """

    format: str
    tag_sets: list[list[str]]
    tag_set: list[str]
    producer: str
    graph: GraphFacts
    serving: GraphFacts | None
    functions: int
    function_op_counts: dict[str, int]
    gradients: int
    function_list: list[FunctionFacts]
    signatures: dict[str, SignatureDef]
    variable_list: list[Variable]
    assets: list[Asset]
    parameters: int
    bytes: dict[str, int]
    suggested_outputs: list[Suggestion]
    flagged_ops: list[dict[str, Any]]
    warnings: list[str] = field(default_factory=list)
    layers: Layers | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``describe``; ``serving`` is there for TensorFlow 2, ``keras`` for Keras."""
        shown = self.serving if self.serving is not None else self.graph
        facts = {
            "format": self.format,
            "tag_sets": self.tag_sets,
            "tag_set": self.tag_set,
            "producer": self.producer,
            "nodes": self.graph.nodes,
            "op_counts": self.graph.op_counts,
            "functions": self.functions,
            "function_op_counts": self.function_op_counts,
            "gradients": self.gradients,
            "function_list": [item.to_dict() for item in self.function_list],
            "placeholders": [item.to_dict() for item in self.graph.placeholders],
            "softmax": shown.softmax,
            "constants": self.graph.constants,
            "variables": self.graph.variables,
            "identities": self.graph.identities,
            "signatures": {
                key: signature_dict(self.signatures[key]) for key in sorted(self.signatures)
            },
            "variable_list": [
                {"name": item.name, "dtype": item.dtype, "shape": item.shape, "bytes": item.bytes}
                for item in self.variable_list
            ],
            "assets": [{"name": item.name, "tensor": item.tensor} for item in self.assets],
            "parameters": self.parameters,
            "bytes": self.bytes,
            "suggested_outputs": [item.to_dict() for item in self.suggested_outputs],
            "flagged_ops": self.flagged_ops,
            "warnings": self.warnings,
        }
        if self.serving is not None:
            facts["serving"] = self.serving.to_dict()
        if self.layers is not None:
            facts["keras"] = self.layers.to_dict()
        return {**facts, **self.extra}


def describe(model: Model) -> Facts:
    """The facts of a model. Reads no tensor's value and runs nothing."""
    if model.lite is not None:
        return _of_lite(model, model.lite)
    graph, warnings = model.outline, list(model.warnings)
    if model.layers is None:  # layers may share an op's name, and a shared model is called twice
        warnings += problems(graph)
    warnings += signatures.problems(model.signatures, graph)
    try:
        serving = serving_graph(model)
    except InspectorError as err:
        serving = graph
        warnings.append(f"The serving function cannot be shown by itself: {err}")
    library = graph.library.function
    bodies = Counter(node.op for function in library for node in function.node_def)
    counts = graph_facts(graph) if model.layers is None else _of_layers(model, model.layers)
    if model.layers is None:
        warnings += caveats.of(model, Counter(counts.op_counts) + bodies)
    return Facts(
        format=model.format,
        tag_sets=model.tag_sets,
        tag_set=model.tag_set,
        producer=model.producer,
        graph=counts,
        serving=None if serving is graph else graph_facts(serving),
        functions=len(library),
        function_op_counts=_by_count(bodies),
        gradients=len(graph.library.gradient),
        function_list=list_functions(graph),
        signatures=model.signatures,
        variable_list=model.variables,
        assets=model.assets,
        parameters=parameters(model.variables, serving),
        bytes=sizes(model),
        suggested_outputs=outputs.suggest(model),
        flagged_ops=(
            flagged(Counter(counts.op_counts) + bodies, {item.signature.name for item in library})
            if model.layers is None
            else model.layers.flagged()
        ),
        warnings=warnings,
        layers=model.layers,
    )


def _of_lite(model: Model, lite: LiteGraph) -> Facts:
    """The facts of a TFLite model: the first subgraph's, and of the others as of functions.

    Where somebody chose a signature, the placeholders are what it is fed.
    """
    # Here, so that models of other formats do not wait for LiteRT's classes.
    from inspector import tflite_facts

    main, *others = lite.file.subgraphs
    bodies: Counter[str] = sum((graph.op_counts() for graph in others), Counter())
    fed = lite.subgraph(model.signature)
    inputs = [fed.tensors[number] for number in dict.fromkeys(fed.inputs)]
    counts = GraphFacts(
        nodes=len(main.operators),
        op_counts=_by_count(main.op_counts()),
        placeholders=[Tensor(item.label, item.dtype, item.dims) for item in inputs],
        softmax=[name for name, op in lite.ops(0) if op == "SOFTMAX"],
        held=tflite_facts.constants(lite.file, main),
    )
    return Facts(
        format=model.format,
        tag_sets=[],
        tag_set=[],
        producer="",
        graph=counts,
        serving=None,
        functions=len(others),
        gradients=0,
        function_list=[],  # subgraphs have a table of their own
        function_op_counts=_by_count(bodies),
        signatures=model.signatures,
        variable_list=[],
        assets=[],
        parameters=tflite_facts.parameters(lite.file),
        bytes=dict(model.bytes),
        suggested_outputs=outputs.suggest(model),
        flagged_ops=tflite_facts.flagged(lite.file),
        warnings=list(model.warnings),
        extra={"signatures": tflite_facts.signatures(lite.file), **tflite_facts.facts(lite)},
    )


def graph_facts(graph: Graph) -> GraphFacts:
    """Count one graph: nodes, ops, placeholders, softmax nodes."""
    columns = graph.columns()
    fed = np.flatnonzero(columns.of_ops(PLACEHOLDERS)).tolist()
    return GraphFacts(
        nodes=len(graph),
        op_counts=graph.op_counts(),
        placeholders=[
            _placeholder(columns.kinds[columns.kind[at]], columns.names[at]) for at in fed
        ],
        softmax=list(compress(columns.names, columns.of_ops(("Softmax",)))),
    )


def _of_layers(model: Model, layers: Layers) -> GraphFacts:
    """The same of a graph of layers: what is fed are the model's inputs."""
    inputs = []
    for name in layers.inputs:
        shapes, dtypes = layers.shapes.get(name) or [None], layers.dtypes.get(name) or [""]
        inputs.append(Tensor(name, dtypes[0], shapes[0]))
    return GraphFacts(len(model.graph), model.graph.op_counts(), inputs, layers.softmax)


def parameters(variables: Iterable[Variable], graph: Graph) -> int:
    """The number of parameters, counted as `Facts.parameters` says."""
    listed = [
        item.shape for item in variables if item.dtype not in ("string", "resource", "variant")
    ]
    if listed:
        return sum(_elements(shape) for shape in listed)
    columns = graph.columns()
    counts = np.bincount(columns.kind, minlength=len(columns.kinds)).tolist()
    kinds = list(zip(columns.kinds, counts, strict=True))
    declared = [
        (_shape_attr(node), count)
        for node, count in kinds
        if node.op in ("VariableV2", "Variable", "VarHandleOp")
    ]
    if declared:
        return sum(_elements(shape) * count for shape, count in declared)
    total = 0
    for node, count in kinds:
        # A look at an attribute that is not there would make it, and nodes are not written to.
        if node.op == "Const" and "value" in node.attr:
            tensor = node.attr["value"].tensor
            if _is_weight(tensor.dtype) and tensor.tensor_shape.dim:
                total += max(tensors.elements(tensor), 0) * count
    return total


def sizes(model: Model) -> dict[str, int]:
    """Bytes of graph, variables and assets and their total; measured where the reader has none."""
    known = dict(model.bytes)
    if not known:
        known["graph"] = model.graph.byte_size()
    parts = {key: known.get(key, 0) for key in ("graph", "variables", "assets")}
    return {**parts, "total": known.get("total", sum(parts.values()))}


def signature_dict(signature: SignatureDef) -> dict[str, Any]:
    """One SignatureDef as in the JSON of ``describe``, its tensors by key."""
    return {
        "method_name": signature.method_name,
        "inputs": {
            key: tensor_info_dict(signature.inputs[key]) for key in sorted(signature.inputs)
        },
        "outputs": {
            key: tensor_info_dict(signature.outputs[key]) for key in sorted(signature.outputs)
        },
    }


def tensor_info_dict(info: TensorInfo) -> dict[str, Any]:
    """Name, dtype and shape of a TensorInfo.

    A sparse or composite one has the name of its first part, the values, and ``parts``: part's
    name to tensor name. The dtype is None for what is no tensor: the init op of TensorFlow 2
    stands in a signature.
    """
    parts = parts_of(info)
    told = {
        "name": next(iter(parts.values()), ""),
        "dtype": tensors.dtype_name(info.dtype) if info.dtype else None,
        "shape": tensors.shape_of(info.tensor_shape),
    }
    return told if "" in parts or not parts else {**told, "parts": parts}


def _placeholder(node: NodeDef, name: str) -> Tensor:
    dtype = opdefs.attr(node, "dtype")
    told = tensors.dtype_name(0 if dtype is None else dtype.type)
    return Tensor(name, told, _shape_attr(node))


def _shape_attr(node: NodeDef) -> Shape | None:
    found = opdefs.attr(node, "shape")
    return None if found is None else tensors.shape_of(found.shape)


def _is_weight(dtype: int) -> bool:
    name = tensors.dtype_name(dtype)
    return name.startswith(("float", "bfloat", "complex", "qint", "quint"))


def _elements(shape: Shape | None) -> int:
    return 0 if shape is None or None in shape else math.prod(size or 0 for size in shape)


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
