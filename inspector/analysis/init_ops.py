"""What must run once before the first run of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from inspector.analysis import outputs
from inspector.graph.op_sets import TABLES, VARIABLES
from inspector.model import initial_state
from inspector.model.model import Model


@dataclass(frozen=True)
class InitOps:
    """Nodes to run once before the first run; none for most models.

    Attributes:
        nodes: One node where the file declares it or a NoOp of the graph runs the rest.
        sets: The tables and variables that get their values so; not listed for a declared one.
        is_news: False for a SavedModel that declares it: all that load it run it.
    """

    nodes: tuple[str, ...] = ()
    sets: tuple[str, ...] = ()
    is_news: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The JSON under ``init_op``."""
        return {"nodes": list(self.nodes), "sets": list(self.sets)}


def init_ops(model: Model) -> InitOps:
    """The init op that the file declares, else what sets the state of the suggested outputs."""
    if model.init_op is not None:
        return InitOps((model.init_op,), is_news=model.format != "SavedModel")
    ops = model.outline.op_counts().keys() if model.holds_ops else set()
    if ops.isdisjoint(TABLES | VARIABLES):
        return InitOps()
    names = [item.name for item in outputs.suggest(model)]
    state = initial_state.find_in(model, names)
    # A training graph starts some of its variables at zero and others at random: that is no state.
    nodes = () if state.missing else state.init_ops
    return InitOps(nodes, state.names, is_news=True) if nodes else InitOps()
