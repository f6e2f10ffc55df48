"""The two models beside each other, as the rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inspector import text

Facts = Mapping[str, Any]


def card_rows(facts: tuple[Facts, Facts]) -> list[tuple[str, str, str]]:
    """Title, first model, second model."""
    before, after = (_card(side) for side in facts)
    return [(title, before[title], after[title]) for title in before]


def _card(facts: Facts) -> dict[str, str]:
    signatures = facts["signatures"]
    key = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
    signature = signatures[key] if key is not None else None
    inputs = (
        signature["inputs"].items()
        if signature
        else ((one["name"], one) for one in facts["placeholders"])
    )
    outputs = signature["outputs"].items() if signature else ()
    size = facts["bytes"]
    return {
        "Format": str(facts["format"]),
        "Written by TensorFlow": str(facts["producer"] or "unknown"),
        "Signature": text.printable(key) if key is not None else "none",
        "Inputs": _tensors(inputs) or "none",
        "Outputs": _tensors(outputs) or "not declared",
        "Size": text.size(size["total"]),
        "Parameters": text.number(facts["parameters"]),
        "Nodes": text.number(facts["nodes"]),
        "Op types": text.number(len(facts["op_counts"])),
    }


def _tensors(tensors: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    return "; ".join(
        f"{text.shorten(name)}: {tensor['dtype']} {text.shape(tensor['shape'])}"
        for name, tensor in tensors
    )
