"""What `describe` and `predict` give, held against what TensorFlow recorded of the same file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

# The kernels of another TensorFlow on another machine add up in another order.
RTOL, ATOL = 1e-5, 1e-6


def check_graph(facts: Mapping[str, Any], graph: Mapping[str, Any]) -> None:
    """The figures of one graph, as EXPECTED.json and the manifest have them."""
    wanted = _wanted(graph)
    assert {key: facts[key] for key in wanted} == wanted
    ops = graph["ops"]
    assert facts["constants"] == ops.get("Const", 0)
    assert facts["identities"] == ops.get("Identity", 0)
    assert facts["variables"] == sum(count for op, count in ops.items() if "Variable" in op)


def check_variables(facts: Mapping[str, Any], variables: list[dict[str, Any]]) -> None:
    """Name, dtype and shape of all that the checkpoint holds."""
    found = [
        {key: row[key] for key in ("name", "dtype", "shape")} for row in facts["variable_list"]
    ]
    assert found == variables


def check_answers(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """The outputs of a prediction: shapes, text and whole numbers exactly, floats nearly."""
    assert {*wanted} <= {*found}
    for key in wanted:
        value, given = np.asarray(wanted[key]), np.asarray(found[key])
        assert given.shape == value.shape, key
        if value.dtype.kind in "OSU":
            assert [_bytes(item) for item in given.flat] == [_bytes(item) for item in value.flat]
        elif value.dtype.kind in "biu":
            np.testing.assert_array_equal(given, value, key)
        else:
            np.testing.assert_allclose(given, value, RTOL, ATOL, err_msg=key)


def _bytes(item: Any) -> bytes:
    return item.encode() if isinstance(item, str) else bytes(item)


def _wanted(graph: Mapping[str, Any]) -> dict[str, Any]:
    """The recorded figures under the names and in the forms of ``describe``."""
    bodies: Counter[str] = Counter(graph.get("function_ops"))
    for body in graph.get("functions", {}).values():
        bodies.update(body["ops"])
    wanted: dict[str, Any] = {
        "nodes": graph["nodes"],
        "op_counts": graph["ops"],
        "functions": graph.get("function_count", 0),
        "function_op_counts": bodies,
        "placeholders": [
            {"name": row["name"], "dtype": row["dtype"], "shape": _shape(row["shape"])}
            for row in graph["placeholders"]
        ],
    }
    if "tf_version" in graph:
        wanted["producer"] = graph["tf_version"]
    if "assets" in graph:
        wanted["assets"] = [
            {"name": row["filename"], "tensor": row["tensor"]} for row in graph["assets"]
        ]
    if "signatures" in graph:
        wanted["signatures"] = {
            key: {
                "method_name": told["method"],
                "inputs": {name: _tensor(info) for name, info in told["inputs"].items()},
                "outputs": {name: _tensor(info) for name, info in told["outputs"].items()},
            }
            for key, told in graph["signatures"].items()
        }
    return wanted


def _tensor(info: Mapping[str, Any]) -> dict[str, Any]:
    told = {"name": info["name"], "dtype": info["dtype"], "shape": _shape(info["shape"])}
    return {**told, "parts": info["parts"]} if "parts" in info else told


def _shape(shape: list[int] | None) -> list[int | None] | None:
    return None if shape is None else [None if size == -1 else size for size in shape]
