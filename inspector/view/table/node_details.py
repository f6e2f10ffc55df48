"""Details of one operation out of the node table, without the file: its tensors and neighbours.

Example:
    >>> details = of(table, "dense/MatMul")
    >>> details["op"], details["inputs"][1]["shape"], details["consumers"]
"""

from __future__ import annotations

from typing import Any

from inspector.view.table.node_table import NodeTable

LISTED = 200
"""Tensors, and neighbours of one kind, that are listed."""


def of(table: NodeTable, name: str) -> dict[str, Any] | None:
    """`OperationDetails.details` of a node without its `content`; None where no node has the name.

    ``name``, ``op``, ``device``; ``outputs`` and ``inputs``: name, dtype and shape of each tensor;
    ``control_inputs`` and ``consumers``: names. For a node that runs a body, the control inputs
    include the ends of the body.
    """
    node = table.index.get(name)
    if node is None:
        return None
    flat = table.inputs[node]
    return {
        "name": name,
        "op": table.op_of(node),
        "device": table.devices[table.device[node]],
        "outputs": [_tensor(table, node, port) for port in range(min(_ports(table, node), LISTED))],
        "inputs": [
            _tensor(table, flat[place], flat[place + 1])
            for place in range(0, min(len(flat), 2 * LISTED), 2)
        ],
        "control_inputs": [table.names[other] for other in table.controls.get(node, ())][:LISTED],
        "consumers": [
            table.names[other]
            for other in sorted({*table.consumers[node], *table.waiting.get(node, ())})
        ][:LISTED],
    }


def _ports(table: NodeTable, node: int) -> int:
    return max(len(table.dtypes_of(node)), len(table.shapes_of(node)))


def _tensor(table: NodeTable, node: int, port: int) -> dict[str, Any]:
    """Name, dtype and shape of an output; a node below zero is not in the graph."""
    if node < 0:
        return {"name": f"{table.missing[-1 - node]}:{port}", "dtype": None, "shape": None}
    dtypes, shapes = table.dtypes_of(node), table.shapes_of(node)
    return {
        "name": f"{table.names[node]}:{port}",
        "dtype": (dtypes[port] or None) if port < len(dtypes) else None,
        "shape": shapes[port] if port < len(shapes) else None,
    }
