"""Nodes of a TFLite model, each run alone on the values of another model's nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from inspector.backend.litert import lite_cut
from inspector.backend.litert.lite import LiteRun
from inspector.errors import RunFailed
from inspector.formats.tflite.lite_model import LiteModel
from inspector.formats.tflite.operator_cutter import CutFile, OperatorCutter
from inspector.formats.tflite.real_numbers import real, stored
from inspector.graph.graph import split_input
from inspector.graph.tensors import Array


class LiteAlone:
    """The nodes of the subgraph that a run runs.

    Args:
        run: It has run once, so that the shapes of its tensors are those of its feeds.
    Raises: CorruptModel.
    """

    def __init__(self, model: LiteModel, data: bytes, run: LiteRun) -> None:
        self._model, self._run = model, run
        self._shapes = run.shapes()
        self._cutter = OperatorCutter(data, model.lite.file, run.subgraph)
        self._tensors = model.lite.file.subgraphs[run.subgraph].tensors
        self._node_of: dict[int, str] = {
            index: text
            for (subgraph, index), text in model.lite.source.items()
            if subgraph == run.subgraph
        }

    def cut(self, names: Sequence[str], tensor_of: Mapping[str, str]) -> LitePart:
        """Operators that read the values of another model, and what lies between them.

        Args:
            names: Of nodes of this model.
            tensor_of: Node of this model to the node of the other one whose values it has.
        """
        tensors = {name: output_of(self._model, self._run.subgraph, name) for name in names}
        numbers = {name: index for name, index in tensors.items() if index is not None}
        sources: dict[int, str] = {}
        for index, text in self._node_of.items():
            node, port, _ = split_input(text)
            if node in tensor_of and index not in self._cutter.fixed:
                sources[index] = f"{tensor_of[node]}:{port}"
        # An input that the other model has no node for is fed as in a run of the whole.
        fed = {*sources, *self._run.fed}
        outputs = {
            name: index
            for name, index in numbers.items()
            if not any(map(self._cutter.needs_others, self._cutter.upstream([index], fed)))
        }
        upstream = self._cutter.upstream(outputs.values(), fed)
        cut = self._cutter.cut(upstream, fed, list(dict.fromkeys(outputs.values())))
        needed = {index: sources[index] for index in cut.inputs if index in sources}
        return LitePart(self, cut, outputs, needed)

    def values(
        self, cut: CutFile, outputs: Mapping[str, int], references: Mapping[int, Array]
    ) -> dict[str, Array]:
        """Real numbers of the outputs of a part. Raises: RunFailed."""

        def value_of(index: int, dtype: Any) -> Array:
            if index not in references:
                return self._run.fed[index]
            self._check(index, references[index])
            return stored(references[index], self._tensors[index], np.dtype(dtype))

        try:
            interpreter = lite_cut.fed_by(cut, value_of)
            interpreter.invoke()
            answers = {
                index: np.asarray(interpreter.get_tensor(details["index"]))
                for index, details in zip(
                    cut.outputs, interpreter.get_output_details(), strict=True
                )
            }
        except (RuntimeError, ValueError, TypeError) as err:
            raise RunFailed(self._model.name, "LiteRT", str(err).strip()) from err
        schemes = {index: self._tensors[index].quantisation for index in answers}
        return {name: real(answers[index], schemes[index]) for name, index in outputs.items()}

    def _check(self, index: int, value: Array) -> None:
        """Raises: RunFailed where a tensor of the other model has another shape than this one."""
        expected = self._shapes[index]
        # The first dimension is not compared: it counts rows, and a file often fixes it to one.
        if value.ndim != len(expected) or value.shape[1:] != expected[1:]:
            label = self._tensors[index].label
            raise RunFailed(
                self._model.name, label, f"a value has the shape {value.shape}, not {expected}"
            )


class LitePart:
    """Some operators.

    Attributes:
        fed: Key of a value to feed, to the tensor of the other model that has it.
    """

    def __init__(
        self,
        whole: LiteAlone,
        cut: CutFile,
        outputs: Mapping[str, int],
        sources: Mapping[int, str],
    ) -> None:
        self._whole, self._cut, self._outputs = whole, cut, outputs
        self.fed: dict[str, str] = {str(index): tensor for index, tensor in sources.items()}

    def values(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """By node name, real numbers. Raises: RunFailed."""
        references = {int(key): value for key, value in feeds.items()}
        return self._whole.values(self._cut, self._outputs, references)


def output_of(model: LiteModel, subgraph: int, name: str) -> int | None:
    """The number of the tensor that a node outputs; ``node:1`` is its second one.

    Names of tensors do not serve: a constant may be called like an operator that reads it.
    """
    node, port, _ = split_input(name)
    outputs = model.lite.outputs.get(node, [])
    if port < len(outputs) and outputs[port][0] == subgraph:
        return outputs[port][1]
    return None
