"""Object graphs that no TensorFlow wrote: names, traces and checkpoints without measure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from inspector.formats import open_model
from inspector.graph.protos import SavedObjectGraph
from inspector.model import callables as module
from inspector.model import object_graph
from inspector.model.callables import MAX_CALLABLES, MAX_KEY, callables
from inspector.model.checkpoint import OBJECT_GRAPH
from inspector.model.model import Model
from tests.conftest import ROOT

BARE = ROOT / "tests" / "models" / "tf221" / "no_signatures"


@pytest.fixture
def model() -> Model:
    return open_model(BARE)


def changed(model: Model, objects: SavedObjectGraph) -> Model:
    return replace(model, objects=objects.SerializeToString())


def objects_of(model: Model) -> SavedObjectGraph:
    objects = object_graph.read(model)
    assert objects is not None
    return objects


def test_a_function_with_endless_traces(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    objects = objects_of(model)
    node = next(node for node in objects.nodes if node.function.concrete_functions)
    node.function.concrete_functions.extend([node.function.concrete_functions[0]] * 5_000)
    assert len(callables(changed(model, objects))) == MAX_CALLABLES
    monkeypatch.setattr(module, "MAX_TENSORS", 10)
    few = callables(changed(model, objects))
    assert 10 < sum(len(item.inputs) + len(item.outputs) for item in few) < 20


def test_an_attribute_of_a_name_that_is_no_name(model: Model) -> None:
    objects = objects_of(model)
    names = [item.name for item in callables(model)]
    for child in objects.nodes[0].children:
        if child.local_name == names[0]:
            child.local_name = "a" * (MAX_KEY + 1)
    assert [item.name for item in callables(changed(model, objects))] == names[1:]


def test_keys_of_results_are_cut(model: Model) -> None:
    objects = objects_of(model)
    for function in objects.concrete_functions.values():
        fields = function.output_signature.dict_value.fields
        if fields:
            first = sorted(fields)[0]
            fields["a" * 5_000].CopyFrom(fields[first])
            del fields[first]
    keys = [tensor.name for item in callables(changed(model, objects)) for tensor in item.outputs]
    assert max(map(len, keys)) == MAX_KEY


class _Stored:
    """A checkpoint whose object graph is of another dtype."""

    def __contains__(self, key: str) -> bool:
        return key == OBJECT_GRAPH

    def read(self, _key: str) -> Any:
        return np.zeros(3, np.float32)


def test_a_checkpoint_whose_objects_are_numbers(model: Model) -> None:
    damaged = replace(model, checkpoint=_Stored())  # type: ignore[arg-type]
    assert object_graph.variable_keys(damaged, objects_of(model)) == {}
