"""Which operators of a TFLite file a recipe quantises, and which stay float."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from inspector.errors import BadParameter, UnsupportedModel, did_you_mean
from inspector.formats.tflite.file import LiteFile, Operator, Subgraph, Tensor
from inspector.formats.tflite.lite_model import LiteModel
from inspector.optimisation.tflite.quantise_options import QuantiseOptions
from inspector.optimisation.tflite.recipes import RECIPES

_QUANTISED_OPS = {"QUANTIZE", "DEQUANTIZE"}
_WEIGHTED = frozenset[str]().union(*(recipe.weight_ops for recipe in RECIPES.values()))


@dataclass(frozen=True)
class Weighted:
    """An operator with a constant weight.

    Attributes:
        node: Its name in the picture.
        label: The names of its outputs, as the quantiser searches them.
        weight: The constant.
    """

    node: str
    op: str
    label: str
    weight: Tensor


def refuse_quantised(model: LiteModel) -> None:
    """Raises: UnsupportedModel for a model with weights that are no float32.

    The quantiser does not notice these, and with float16 it writes a file that cannot be run.
    """
    file = model.lite.file
    other = next((item for item in _weighted(model) if item.weight.type != "FLOAT32"), None)
    if other is not None:
        why = f"is quantised already: the weight of '{other.node}' is {other.weight.dtype}"
        raise UnsupportedModel(model.name, "quantise", f"{why}; start from the float model")
    ops = {code.op for code in file.codes} & _QUANTISED_OPS
    if any(operator.code.op in ops for graph in file.subgraphs for operator in graph.operators):
        why = f"is quantised already: it has operators {' and '.join(sorted(ops))}"
        raise UnsupportedModel(model.name, "quantise", f"{why}; start from the float model")


def candidates(model: LiteModel, options: QuantiseOptions) -> list[Weighted]:
    """The operators whose weight the recipe quantises, of at least the smallest size."""
    floats = set(labels_kept(model, options))
    ops = options.check().weight_ops
    return [
        item
        for item in _weighted(model)
        if item.op in ops
        and item.label not in floats
        and (item.weight.elements or 0) >= options.smallest
    ]


def labels_kept(model: LiteModel, options: QuantiseOptions) -> list[str]:
    """The labels of the operators that the options keep in float, each once.

    Raises: BadParameter for an expression, a type or a node that fits no operator.
    """
    every = list(_operators(model))
    types = sorted({op for _, op, _ in every})
    nodes = [node for node, _, _ in every]
    labels: list[str] = []
    for text in options.keep:
        search = re.compile(text).search
        chosen = [label for _, _, label in every if search(label)]
        labels += _some(chosen, text, "")
    for name in options.keep_ops:
        chosen = [label for _, op, label in every if op == name]
        labels += _some(chosen, name, did_you_mean(name, types) or f"; it has {', '.join(types)}")
    for name in options.keep_nodes:
        chosen = [label for node, _, label in every if node == name]
        labels += _some(chosen, name, did_you_mean(name, nodes))
    return list(dict.fromkeys(labels))


def _some(labels: list[str], name: str, hint: str) -> list[str]:
    """The labels. Raises: BadParameter where there is none."""
    if not labels:
        raise BadParameter("quantise", f"keep '{name}'", f"fits no operator of the model{hint}")
    return labels


def too_small(model: LiteModel, smallest: int) -> list[str]:
    """The labels of the operators whose weight has fewer elements."""
    weighted = _weighted(model)
    small = (item.label for item in weighted if (item.weight.elements or 0) < smallest)
    return list(dict.fromkeys(small))


def newly_quantised(before: LiteFile, after: LiteFile) -> dict[str, int]:
    """Type to the number of tensors that are of it by quantisation, beside those before."""
    counts = Counter(_quantised_types(after))
    counts.subtract(_quantised_types(before))
    return {name: counts[name] for name in sorted(counts) if counts[name] > 0}


def _quantised_types(file: LiteFile) -> Iterator[str]:
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            half = tensor.type == "FLOAT16" and file.is_constant(tensor)
            if half or (tensor.quantisation is not None and tensor.type != "FLOAT32"):
                yield tensor.dtype


def _weighted(model: LiteModel) -> Iterator[Weighted]:
    file = model.lite.file
    for node, (number, at) in model.lite.operators.items():
        graph = file.subgraphs[number]
        operator = graph.operators[at]
        if operator.code.op not in _WEIGHTED or operator.code.is_custom:
            continue
        inputs = [index for index in operator.inputs[1:2] if index >= 0]
        for tensor in (graph.tensors[index] for index in inputs):
            if file.is_constant(tensor):
                yield Weighted(node, operator.code.op, _label(graph, operator), tensor)


def _operators(model: LiteModel) -> Iterator[tuple[str, str, str]]:
    """Node, type and label of each operator."""
    for node, (number, at) in model.lite.operators.items():
        graph = model.lite.file.subgraphs[number]
        yield node, graph.operators[at].code.op, _label(graph, graph.operators[at])


def _label(graph: Subgraph, operator: Operator) -> str:
    """The names of the outputs, as the quantiser joins them; of the inputs where there is none."""
    for numbers in (operator.outputs, operator.inputs):
        names = [graph.tensors[index].name for index in numbers if index >= 0]
        if label := ";".join(filter(None, names)):
            return label
    return ""
