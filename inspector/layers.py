"""What a model of layers tells of itself: Keras files, whose graph is one of layers and not of ops.

The layers stand in `Model.graph` as nodes whose op is the layer's class; this is what a NodeDef has
no place for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from inspector.tensors import Shape


@dataclass(frozen=True)
class CodeUse:
    """A place in a config that runs Python code when the model is built.

    Attributes:
        kind: The class or function, e.g. ``Lambda``.
        layer: The layer it belongs to; empty for what belongs to none.
        why: What it does, as in ``flagged_ops``.
    """

    kind: str
    layer: str
    why: str


@dataclass
class Layers:
    """Facts of a Keras file.

    Attributes:
        kind: ``Sequential``, ``Functional``, the name of a class of the author's own, or ``""``
            where the file holds weights only.
        keras_version: As the file says, e.g. ``2.2.4-tf``; `backend` likewise.
        inputs, outputs: Nodes of the model's inputs and outputs, with ``:k`` for port k > 0.
        output_keys: Per output of the model, in its order, what the signature calls it.
        shapes: Shapes of each layer's outputs, by node; `dtypes` likewise.
        weights: Elements and bytes of each layer's own weights, by node.
        trainable, non_trainable: Parameters of the model, the optimiser's not among them.
        optimizer: Number of tensors that the optimiser keeps.
        compiled: A training configuration is in the file.
        softmax: Layers that end in a softmax.
        code: What runs Python code out of the file, or out of modules that the file names.
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

    def flagged(self) -> list[dict[str, Any]]:
        """What runs code, as in ``flagged_ops`` of the JSON of ``describe``."""
        counts = Counter((use.kind, use.why) for use in self.code)
        return [
            {"op": kind, "count": count, "why": why, "severity": "block"}
            for (kind, why), count in sorted(counts.items())
        ]

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
