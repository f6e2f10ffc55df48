"""Code outside TensorFlow's ops that a Keras file or a TFLite model would run."""

from __future__ import annotations

from dataclasses import dataclass

BUILDING = "building the model"
MAIN = "the main subgraph"


@dataclass(frozen=True)
class CodeUse:
    """A layer that runs Python code when the model is built, or an operator without a kernel.

    Attributes:
        kind: The class, function or operator, e.g. ``Lambda``.
        layer: The layer or node it belongs to; empty for what belongs to none.
        why: What it does, as in ``flagged_ops``.
        part: ``layer`` or ``operator``.
        function: Of TFLite, the subgraph around the node; empty for the main one.
        entries: The ways into the model that reach it; see `Model.entries`.
    """

    kind: str
    layer: str
    why: str
    part: str = "layer"
    function: str = ""
    entries: tuple[str, ...] = (BUILDING,)
