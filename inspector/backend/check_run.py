"""Runs a graph before and after a transform, so that the fetched values can be compared.

Each run is a session of its own, on one thread: the same graph gives the same values every time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from inspector.backend.loading import LoadedModel, translated
from inspector.backend.predict import native_array, plain_array
from inspector.graph.graph import Graph
from inspector.graph.tensors import Array
from inspector.model.model import Model
from inspector.optimisation import feed_shapes

TIMEOUT_S = 30.0
"""A run that takes longer ends in an error: a graph may loop for ever."""


@dataclass(frozen=True)
class CheckRun:
    """How the graphs of one pipeline are run.

    Attributes:
        name: The model's, for messages.
        init_op: Node to run first, which fills tables.
        files: Node that is fed with the path of one of the model's own files, to that path.
    """

    name: str
    init_op: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, graph: Graph, feeds: Mapping[str, Array], fetches: list[str]
    ) -> dict[str, Array]:
        """The values of the fetches. Raises: BlockedOp, RunFailed, UnsupportedModel."""
        init_op = self.init_op
        if init_op is not None and init_op not in graph:
            init_op = None
        model = Model(format="GraphDef", name=self.name, graph=graph, init_op=init_op)
        files = {name: path for name, path in self.files.items() if name in graph}
        with LoadedModel(model, files=files, threads=1) as loaded, translated(model, "run"):
            loaded.refuse(fetches=fetches, feeds=list(feeds), own_files=list(files))
            find = loaded.graph.get_tensor_by_name
            fed = {find(name): array for name, array in feeds.items()}
            fed = {tensor: native_array(array, tensor.dtype) for tensor, array in fed.items()}
            if any(tensor.shape.rank is None for tensor in fed):
                shapes = {tensor.name: array.shape for tensor, array in fed.items()}
                feed_shapes.refuse(model, shapes, fetches)
            fed |= {find(f"{name}:0"): np.array(path, object) for name, path in files.items()}
            options = tf.compat.v1.RunOptions(timeout_in_ms=int(1000 * TIMEOUT_S))
            values = loaded.session.run([find(name) for name in fetches], fed, options)
        return {name: plain_array(value) for name, value in zip(fetches, values, strict=True)}
