"""Weight size, parameters, FLOPs and measured time of operations, to sort the list by."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from inspector.ui.session import state, view_state
from inspector.view.state import overlay

IN_ORDER = "order"
ORDERS: Mapping[str, str] = {
    IN_ORDER: "Order in the model",
    overlay.BYTES: overlay.LABELS[overlay.BYTES],
    overlay.PARAMETERS: overlay.LABELS[overlay.PARAMETERS],
    overlay.FLOPS: "FLOPs",
    overlay.TIME: overlay.LABELS[overlay.TIME],
}
"""What the list can be sorted by, the largest figure first, and its title."""
_FIGURES = tuple(ORDERS)[1:]


def of(model: state.OpenModel) -> dict[str, overlay.Floats]:
    """Each figure that any operation has: a number per row of `OpenModel.operations`.

    Bodies that are not drawn have zeros.
    """
    profile = view_state.measured(model)
    measured = {} if profile is None else {node.name: 1000 * node.ms for node in profile.nodes}
    beside = np.zeros(len(model.operations) - len(model.summary))
    values = {
        figure: np.append(overlay.of_nodes(model.hierarchy, figure, measured), beside)
        for figure in _FIGURES
    }
    return {figure: numbers for figure, numbers in values.items() if numbers.any()}


def as_text(values: Mapping[str, overlay.Floats], rows: npt.NDArray[np.int64]) -> pd.DataFrame:
    """The figures of some rows as the table shows them, under their titles; empty for zero."""
    return pd.DataFrame(
        {
            ORDERS[figure]: [
                overlay.as_text(value, figure) if value else "" for value in numbers[rows].tolist()
            ]
            for figure, numbers in values.items()
        }
    )
