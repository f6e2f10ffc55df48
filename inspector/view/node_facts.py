"""One operation as the node table tells it, without the file: its tensors, its neighbours.

Example:
    >>> found = of(table, "dense/MatMul")
    >>> found["op"], found["inputs"][1]["shape"], found["consumers"]
"""

from __future__ import annotations

from typing import Any

from inspector.view.summary import Summary

LISTED = 200
"""Tensors, and neighbours of one kind, that are told."""


def of(table: Summary, name: str) -> dict[str, Any] | None:
    """What `looking.Look.details` tells of a node, but for what only the file has; None: no such.

    ``name``, ``op``, ``device``; ``outputs`` and ``inputs``: name, dtype and shape of each tensor;
    ``control_inputs`` and ``consumers``: names; a node that runs a body waits for its ends too.
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


def _ports(table: Summary, node: int) -> int:
    return max(len(table.dtypes_of(node)), len(table.shapes_of(node)))


def _tensor(table: Summary, node: int, port: int) -> dict[str, Any]:
    """Name, dtype and shape of an output; a node below zero is not in the graph."""
    if node < 0:
        return {"name": f"{table.missing[-1 - node]}:{port}", "dtype": None, "shape": None}
    dtypes, shapes = table.dtypes_of(node), table.shapes_of(node)
    return {
        "name": f"{table.names[node]}:{port}",
        "dtype": (dtypes[port] or None) if port < len(dtypes) else None,
        "shape": shapes[port] if port < len(shapes) else None,
    }
