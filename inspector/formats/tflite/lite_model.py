"""The Model of a TFLite file: its nodes are operators of LiteRT, its functions other subgraphs.

Figures count operators alone: inputs and constants are nodes of the graph for display only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from inspector.errors import CorruptModel, UnknownNode, UnsupportedModel, did_you_mean
from inspector.formats.tflite import facts, metadata
from inspector.formats.tflite.graph import LiteGraph
from inspector.formats.tflite.options import called
from inspector.formats.tflite.quantisation_report import QuantisationReport
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef, TensorProto
from inspector.graph.tensors import Shape
from inspector.graph.unfold import Unfolded
from inspector.model.code_use import MAIN, CodeUse
from inspector.model.graph_facts import GraphFacts, Tensor
from inspector.model.model import Model, Runtime
from inspector.model.node_sizes import node_sizes
from inspector.model.operation import Operation, Output


@dataclass(eq=False, repr=False)
class LiteModel(Model):
    """A TFLite file; `lite` maps the nodes of `graph` to tensors and operators of the file.

    Attributes:
        associated_files: See `metadata.files`.
        quantisation: How this model was quantised, and how far its outputs lie from those before;
            None where that was not done here.
    """

    runs_with: ClassVar[Runtime] = Runtime.LITERT
    holds_ops: ClassVar[bool] = False

    lite: LiteGraph = field(kw_only=True, repr=False, compare=False)
    associated_files: list[dict[str, Any]] = field(default_factory=list, repr=False, compare=False)
    quantisation: QuantisationReport | None = field(default=None, repr=False, compare=False)

    def value(self, node: NodeDef) -> TensorProto:
        """The value of a constant. Raises: CorruptModel, UnsupportedModel, LimitExceeded."""
        if "value" not in node.attr:
            raise CorruptModel(self.name, node.name, "a constant without a value")
        return self.lite.value(node)

    def check_tensorflow(self) -> None:
        """Raises: UnsupportedModel, always."""
        why = "it is frozen already, and nothing makes a graph of TensorFlow's ops of it that "
        why += "could be transformed or written in another format"
        raise UnsupportedModel(self.name, self.format, why)

    def problems(self) -> list[str]:
        """Nothing: the reader has checked the file."""
        return []

    def graph_facts(self) -> GraphFacts:
        """Operators of the first subgraph; the feeds are those of the chosen signature."""
        file = self.lite.file
        main, fed = file.subgraphs[0], self.lite.subgraph(self.signature)
        inputs = [fed.tensors[number] for number in dict.fromkeys(fed.inputs)]
        return GraphFacts(
            nodes=len(main.operators),
            op_counts=_by_count(main.op_counts()),
            placeholders=[Tensor(item.label, item.dtype, item.dims) for item in inputs],
            softmax=[name for name, op in self.lite.ops(0) if op == "SOFTMAX"],
            constant_tensors=facts.constants(file, main),
        )

    def op_counts(self, graph: Graph) -> dict[str, int]:
        """Operators of the first subgraph."""
        return dict(self.lite.file.subgraphs[0].op_counts().most_common())

    def function_ops(self) -> tuple[int, Counter[str]]:
        """The subgraphs beside the first one, and their operators."""
        others = self.lite.file.subgraphs[1:]
        return len(others), sum((graph.op_counts() for graph in others), Counter())

    def parameters(self, serving: Graph) -> int:
        """Elements of the constants that are real numbers and no scalars."""
        return facts.parameters(self.lite.file)

    def flagged_ops(self, counts: Mapping[str, int]) -> list[dict[str, Any]]:
        """Operators that LiteRT cannot run here."""
        return facts.flagged(self.lite.file)

    def format_facts(self) -> dict[str, Any]:
        """Signatures with the names of the file, and what the JSON has for TFLite alone."""
        return {
            "signatures": facts.signatures(self.lite.file),
            **facts.facts(self.lite),
            **metadata.facts(self.lite.file, self.associated_files),
        }

    def ends(self) -> tuple[list[str], list[str]]:
        """Those of the chosen signature, else of the first subgraph."""
        return self.lite.ends() if self.signature is None else super().ends()

    def listed_outputs(self) -> list[str]:
        """The outputs of the first subgraph; others may have signatures of their own."""
        return self.lite.ends()[1]

    def entries(self) -> list[str]:
        """The signatures, else the first subgraph."""
        return [item.key for item in self.lite.file.signatures] or [MAIN]

    def code_uses(self) -> Iterator[CodeUse]:
        """Operators that LiteRT has no kernel for, and the signatures that reach them."""
        file = self.lite.file
        why = {row["op"]: row["why"] for row in facts.flagged(file)}
        reached = self._reached_by()
        for number in range(len(file.subgraphs)):
            entries = tuple(reached.get(number, ()))
            for node, op in self.lite.ops(number):
                if op in why:
                    label = self.lite.label(number)
                    yield CodeUse(op, node, why[op], "operator", label, entries)

    def _reached_by(self) -> dict[int, list[str]]:
        """Number of a subgraph to the entries that run it."""
        subgraphs = self.lite.file.subgraphs
        first = {item.key: item.subgraph for item in self.lite.file.signatures} or {MAIN: 0}
        reached: dict[int, list[str]] = {}
        for entry, start in first.items():
            todo, visited = [start], {start}
            while todo:
                number = todo.pop()
                reached.setdefault(number, []).append(entry)
                for operator in subgraphs[number].operators:
                    inner = {at for at in called(operator) if 0 <= at < len(subgraphs)} - visited
                    visited |= inner
                    todo += inner
        return reached

    def operations(self, function: str | None = None) -> Iterator[Operation]:
        """The operators, tensors by their own names; a subgraph is a function."""
        graphs = self.lite.file.subgraphs
        labels = [self.lite.label(number) for number in range(len(graphs))]
        if function is not None and function not in labels:
            reason = "no subgraph of this name" + did_you_mean(function, list(filter(None, labels)))
            raise UnknownNode("subgraphs", function, reason)
        for name, (number, at) in self.lite.operators.items():
            if function is None or function == labels[number]:
                operator, tensors = graphs[number].operators[at], graphs[number].tensors
                outputs = [
                    Output(tensor.label, tensor.dtype, tensor.dims)
                    for tensor in (tensors[index] for index in operator.outputs)
                ]
                inputs = [tensors[index].label if index >= 0 else "" for index in operator.inputs]
                yield Operation(name, operator.code.op, "", inputs, outputs, labels[number])

    def unfolded(self, graph: Graph) -> Unfolded:
        """The graph as it is: the nodes of all subgraphs are in it."""
        return Unfolded(graph, self.lite.returns(), self.lite.functions)

    def node_sizes(
        self, graph: Graph, shapes: Mapping[str, Sequence[Shape | None]]
    ) -> dict[str, tuple[int, int]]:
        """Elements and bytes in the file of each constant."""
        return node_sizes(graph, shapes, lambda _node, name: self.lite.size(name))

    def attributes(self, node: NodeDef) -> list[str]:
        """Options of the operator, without the attributes that were added for shapes and dtypes."""
        return [key for key in super().attributes(node) if not key.startswith("_")]

    def node_facts(self, name: str, limit: int) -> dict[str, Any]:
        """``tensors``: what the node outputs and, of an operator, reads, as in the file."""
        return {"tensors": facts.of_node(self.lite, name, limit)}


def lite_model(model: Model) -> LiteModel:
    """The same model, for what needs a TFLite file. Raises: UnsupportedModel for any other."""
    if not isinstance(model, LiteModel):
        raise UnsupportedModel(model.name, "model", "is no TFLite model")
    return model


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
