"""The Model of a Keras file, whose graph is one of layers and not of ops.

A layer is a node of `Model.graph` whose op is the layer's class; `Layers` holds what a NodeDef has
no field for. The graph is for display: what runs is built by `backend.keras_models`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from inspector.errors import UnsupportedModel
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.graph.tensors import Shape
from inspector.model import signatures
from inspector.model.code_use import BUILDING, CodeUse
from inspector.model.graph_facts import GraphFacts, Tensor
from inspector.model.model import Model, Runtime
from inspector.model.operation import Operation, Output, of_functions


@dataclass
class Layers:
    """Facts of a Keras file.

    Attributes:
        kind: ``Sequential``, ``Functional``, the name of a class of the author's own, or ``""``
            where the file holds weights only.
        keras_version: As the file says, e.g. ``2.2.4-tf``; `backend` likewise.
        inputs, outputs: Nodes of the model's inputs and outputs, with ``:k`` for port k > 0.
        output_keys: Per output of the model, in its order, its key in the signature.
        shapes: Shapes of each layer's outputs, by node; `dtypes` likewise.
        weights: Elements and bytes of each layer's own weights, by node.
        trainable, non_trainable: Parameters of the model without those of the optimiser.
        optimizer: Number of tensors that the optimiser keeps.
        compiled: A training configuration is in the file.
        softmax: Layers that end in a softmax.
        code: What runs Python code out of the file, or out of modules that the file names.
        misfits: A sentence for each layer whose weights are not those that its config asks for.
    """

    kind: str
    keras_version: str
    backend: str
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    output_keys: list[str] = field(default_factory=list)
    shapes: dict[str, list[Shape | None]] = field(default_factory=dict)
    dtypes: dict[str, list[str]] = field(default_factory=dict)
    weights: dict[str, tuple[int, int]] = field(default_factory=dict)
    trainable: int = 0
    non_trainable: int = 0
    optimizer: int = 0
    compiled: bool = False
    softmax: list[str] = field(default_factory=list)
    code: list[CodeUse] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The object under ``keras`` in the JSON of ``describe``."""
        return {
            "model": self.kind,
            "keras_version": self.keras_version,
            "backend": self.backend,
            "trainable_parameters": self.trainable if self.kind else None,
            "non_trainable_parameters": self.non_trainable if self.kind else None,
            "optimizer_tensors": self.optimizer,
            "training_config": self.compiled,
        }


@dataclass(eq=False, repr=False)
class KerasModel(Model):
    """A Keras file: a graph of layers, and what else the file says of them.

    Layers inside nested models are nodes like all others; a nested model is a scope and no node.
    """

    runs_with: ClassVar[Runtime] = Runtime.KERAS
    holds_ops: ClassVar[bool] = False

    layers: Layers = field(default_factory=lambda: Layers("", "", ""))

    def problems(self) -> list[str]:
        """As `Model.problems`; layers may share the name of an op, so the graph is not checked."""
        return signatures.problems(self.signatures, self.outline)

    def graph_facts(self) -> GraphFacts:
        """Layers by class; the feeds are the model's inputs."""
        inputs = []
        for name in self.layers.inputs:
            shapes = self.layers.shapes.get(name) or [None]
            dtypes = self.layers.dtypes.get(name) or [""]
            inputs.append(Tensor(name, dtypes[0], shapes[0]))
        counts = self.graph.op_counts()
        return GraphFacts(len(self.graph), counts, inputs, self.layers.softmax)

    def flagged_ops(self, counts: Mapping[str, int]) -> list[dict[str, Any]]:
        """Classes and functions that run code, as in the JSON of ``describe``."""
        uses = Counter((use.kind, use.why) for use in self.layers.code)
        return [
            {"op": kind, "count": count, "why": why, "severity": "block"}
            for (kind, why), count in sorted(uses.items())
        ]

    def format_facts(self) -> dict[str, Any]:
        """The object under ``keras``."""
        return {"keras": self.layers.to_dict()}

    def entries(self) -> list[str]:
        """Code runs when the model is built."""
        return [BUILDING]

    def code_uses(self) -> Iterator[CodeUse]:
        """Layers that run Python code."""
        yield from self.layers.code

    def operations(self, function: str | None = None) -> Iterator[Operation]:
        """One row for each layer; there are no functions. Raises: UnknownNode."""
        for node in self.graph if not function else ():
            shapes = self.layers.shapes.get(node.name, [])
            dtypes = self.layers.dtypes.get(node.name, [])
            outputs = [
                Output(f"{node.name}:{port}", (dtypes[port : port + 1] or [""])[0] or None, shape)
                for port, shape in enumerate(shapes)
            ]
            yield Operation(node.name, node.op, node.device, list(node.input), outputs)
        if function:
            yield from of_functions(self.graph, function)

    def shapes(self, graph: Graph) -> Mapping[str, Sequence[Shape | None]]:
        """Layer to the shape of each output, as the configs of the layers determine them."""
        return self.layers.shapes

    def declared_dtypes(self) -> Mapping[str, list[str]]:
        """Layer to the dtype of each output."""
        return self.layers.dtypes

    def output_dtypes(self, node: NodeDef, name: str, graph: Graph) -> Sequence[str]:
        """The dtypes of a layer's outputs."""
        return self.layers.dtypes.get(name, [])

    def node_sizes(
        self, graph: Graph, shapes: Mapping[str, Sequence[Shape | None]]
    ) -> dict[str, tuple[int, int]]:
        """Elements and bytes of each layer's own weights."""
        return self.layers.weights

    def is_constant(self, node: NodeDef) -> bool:
        """Never: a layer may be of a class that is called ``Const``."""
        return False


def keras_model(model: Model) -> KerasModel:
    """The same model, for what needs a Keras file. Raises: UnsupportedModel for any other."""
    if not isinstance(model, KerasModel):
        raise UnsupportedModel(model.name, "model", "is no Keras file")
    return model
