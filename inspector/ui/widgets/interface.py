"""What a model takes and gives, as one sentence, and its signatures in the order of interest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inspector.graph.graph import node_name
from inspector.ui.session import state
from inspector.ui.widgets import text

DEFAULT = "serving_default"
"""The key that TensorFlow's exporters and servers use where none is named."""
_PLUMBING = "__"
"""How keys begin that exporters add for their own use, e.g. ``__saved_model_init_op``."""
_MOST_SIDES = 4
_MOST_NAMES = 6

Tensors = Iterable[tuple[str, Mapping[str, Any]]]
"""Names with dtype and shape."""


def ordered_signatures(facts: Mapping[str, Any]) -> list[str]:
    """The keys of the signatures: the default one first, those of the exporter last."""
    return sorted(facts["signatures"], key=lambda key: (key.startswith(_PLUMBING), key != DEFAULT))


def output_labels(facts: Mapping[str, Any]) -> dict[str, str]:
    """Tensor or node name of each signature output to ``signature / output``, default first."""
    labels: dict[str, str] = {}
    for key in ordered_signatures(facts):
        for name, info in facts["signatures"][key]["outputs"].items():
            tensor = str(info.get("name") or "")
            labels.setdefault(tensor, f"{key} / {name}")
            if tensor.endswith(":0"):
                labels.setdefault(node_name(tensor), f"{key} / {name}")
    return labels


def sentence(model: state.OpenModel) -> str:
    """What the model takes and gives, as Markdown; signature names first.

    Without a signature these are the first suggested output and the inputs that it depends on.
    """
    facts = model.facts
    key = model.signature
    if key is None or key not in facts["signatures"]:
        key = next((name for name in ordered_signatures(facts) if _is_called(facts, name)), None)
    if key is not None:
        signature = facts["signatures"][key]
        first = [suggestion["name"] for suggestion in facts["suggested_outputs"]]
        named = sorted(
            signature["outputs"].items(), key=lambda item: _rank(first, str(item[1].get("name")))
        )
        inputs, outputs = list(signature["inputs"].items()), named
        source = f"signature {text.escape(key)}"
    elif facts["suggested_outputs"]:
        suggestion = facts["suggested_outputs"][0]
        by_name = {row["name"]: row for row in model.drawn["placeholders"]}
        inputs = [(name, by_name.get(name, {})) for name in suggestion["inputs"]]
        outputs = [(suggestion["name"], _output(model, suggestion["name"]))]
        source = "no signature; " + text.escape(suggestion["why"])
    elif not model.drawn["nodes"]:
        return "Holds variable values and no graph, so it has no inputs or outputs."
    else:
        return "Declares no signature, and no node looks like an output. Select one in the graph."
    stated = _inputs(inputs)
    takes = f"Takes {stated}" if stated else "Takes no input"
    return f"{takes}; gives {_outputs(outputs)} ({source})."


def _is_called(facts: Mapping[str, Any], key: str) -> bool:
    return not key.startswith(_PLUMBING) and bool(facts["signatures"][key]["outputs"])


def _rank(first: list[str], tensor: str) -> int:
    names = (tensor, tensor.removesuffix(":0"))
    return next((at for at, name in enumerate(first) if name in names), len(first))


def _output(model: state.OpenModel, name: str) -> dict[str, Any]:
    """Dtype and shape of a node's or tensor's output; empty where the graph does not say."""
    node, _colon, port = name.rpartition(":")
    at, number = (model.summary.get(node), int(port)) if port.isdecimal() and node else (None, 0)
    if at is None:
        at, number = model.summary.get(name), 0
    if at is None:
        return {}
    dtypes, shapes = model.summary.dtypes_of(at), model.summary.shapes_of(at)
    return {
        "dtype": dtypes[number] if number < len(dtypes) else None,
        "shape": shapes[number] if number < len(shapes) else None,
    }


def _inputs(tensors: Tensors) -> str:
    """Inputs of one dtype and shape are counted together: ``4 × float32 [None] (a, b, c, d)``."""
    groups: dict[str, list[str]] = {}
    for name, info in tensors:
        groups.setdefault(_type(info), []).append(name)
    parts = []
    for kind, names in groups.items():
        listed = text.escape(text.some([text.shorten(name, 40) for name in names], _MOST_NAMES))
        if len(names) == 1:
            parts.append(f"**{listed}** {kind}".strip())
        else:
            parts.append(f"**{len(names)} × {kind or 'input'}** ({listed})")
    return _joined(parts)


def _outputs(tensors: Tensors) -> str:
    return _joined([f"**{text.escape(name, 60)}** {_type(info)}".strip() for name, info in tensors])


def _type(info: Mapping[str, Any]) -> str:
    dtype = info.get("dtype")
    if not dtype:
        return ""
    shape = info.get("shape")
    return text.escape(f"{dtype} {'of unknown shape' if shape is None else text.shape(shape)}")


def _joined(parts: list[str]) -> str:
    if len(parts) > _MOST_SIDES:
        more = f"{text.number(len(parts) - _MOST_SIDES + 1)} more"
        parts = [*parts[: _MOST_SIDES - 1], more]
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
