"""Nodes of a graph, each run alone on the values of another model's nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from inspector.analysis.paired_tensors import cut_graph
from inspector.graph import tensors
from inspector.graph.graph import tensor_name
from inspector.graph.tensors import Array
from inspector.jobs.tasks.blaming.node_search import Values, values_of_most
from inspector.model.model import Model

Load = Callable[[Model, Mapping[str, Array]], AbstractContextManager[Values]]


class GraphAlone:
    """The nodes of a frozen graph; `load` loads a part of it."""

    def __init__(self, model: Model, load: Load) -> None:
        self._model, self._load = model, load

    def cut(self, names: Sequence[str], tensor_of: Mapping[str, str]) -> GraphPart:
        """As `NodesAlone.cut`."""
        graph, fed = cut_graph(self._model.graph, names, tensor_of)
        part = replace(
            self._model, graph=graph, path=None, source=None, signatures={}, init_op=None
        )
        return GraphPart(part, names, fed, self._load)


class GraphPart:
    """A part of a graph.

    Attributes:
        fed: Placeholder to the tensor of the other model that it is fed.
    """

    def __init__(self, model: Model, names: Sequence[str], fed: dict[str, str], load: Load) -> None:
        self._model, self._names, self._load = model, names, load
        self.fed = fed

    def values(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """By node name. Raises: RunError."""
        fed = {tensor_name(name): self._as_read(name, value) for name, value in feeds.items()}
        with self._load(self._model, fed) as part:
            return values_of_most(part.values, self._names)

    def _as_read(self, name: str, value: Array) -> Array:
        """The value with the dtype of a placeholder: TFLite models may compute with another."""
        dtype = tensors.numpy_dtype(self._model.graph.node(name).attr["dtype"].type)
        return value if dtype is None or dtype == value.dtype else value.astype(dtype)
