"""Blame names the node of a planted fault, one for each way in which a transform can go wrong."""

from __future__ import annotations

import numpy as np
import pytest

import inspector
from inspector.analysis import tensor_errors
from inspector.analysis.node_errors import parts
from inspector.analysis.tensor_errors import TensorError, tensor_error
from inspector.errors import BadFeed
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.jobs.client import blaming
from inspector.jobs.client.blaming import blame
from tests.faulty_networks import (
    FAULTS,
    FEEDS,
    OUTPUT,
    RNG,
    as_model,
    edited,
    network,
    wrong_attribute,
    wrong_axes,
    wrong_constant,
    wrong_op,
)
from tests.graphs import const, node

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_the_planted_node_is_named(fault) -> None:
    answer = blame(as_model(network()), edited(fault), FEEDS, outputs=OUTPUT)
    name, causes = FAULTS[fault]
    assert answer.first is not None
    assert answer.first.before == name
    assert causes.items() <= answer.causes.items()
    assert answer.first.local is not None
    assert answer.first.local.max_rel > 1e-3
    assert answer.first_not_finite is None


def test_equal_models_differ_nowhere() -> None:
    answer = blame(as_model(network()), as_model(network()), FEEDS, outputs=OUTPUT, every=True)
    assert answer.first is answer.first_not_finite is answer.step is None
    assert answer.causes == {}
    assert answer.not_compared == []
    names = [one.name for one in network() if one.op != "Const" and one.name != "x"]
    assert [item.before for item in answer.nodes] == names
    for item in answer.nodes:
        assert item.local is not None
        assert item.accumulated.max_abs == item.local.max_abs == 0


def scaled(nodes: dict) -> None:
    """The first weights a quarter of themselves, and what they made, times four, in the next op.

    As a batch norm is folded: the convolution differs, and what reads it does not.
    """
    weights = tensors.to_numpy(nodes["conv1/w"].attr["value"].tensor)
    nodes["conv1/w"].CopyFrom(const("conv1/w", weights / 4))
    nodes["bias1"].CopyFrom(node("bias1", "AddV2", "conv1/whole", "bias1/b", T="float32"))


@pytest.mark.parametrize(("fault", "first"), [(None, None), (wrong_op, "tanh2")])
def test_a_difference_that_later_nodes_undo_is_not_blamed(fault, first) -> None:
    changed = network().to_proto()
    changed.node.extend(
        [
            const("four", np.float32(4)),
            node("conv1/whole", "Mul", "conv1", "four", T="float32"),
        ]
    )
    nodes = {one.name: one for one in changed.node}
    scaled(nodes)
    if fault is not None:
        fault(nodes)
    after = as_model(Graph.of(changed))
    answer = blame(as_model(network()), after, FEEDS, outputs=OUTPUT)
    assert (answer.first and answer.first.before) == first


def test_the_error_of_the_node_alone_stands_beside_what_has_grown() -> None:
    answer = blame(as_model(network()), edited(wrong_op), FEEDS, outputs=OUTPUT, every=True)
    errors = {item.before: item for item in answer.nodes}
    local = {name: item.local.max_abs for name, item in errors.items() if item.local}
    accumulated = {name: item.accumulated.max_abs for name, item in errors.items()}
    assert [name for name, error in local.items() if error > 1e-6] == ["tanh2"]
    differing = [name for name, error in accumulated.items() if error > 1e-6]
    assert differing == ["tanh2", "sum", "mean", "dense", "y"]
    # The values that the planted node should have, by numpy.
    z = inspector.predict(as_model(network()), FEEDS, ["conv2:0"])["conv2:0"]
    expected = np.abs(np.tanh(z) - 1 / (1 + np.exp(-z))).max()
    assert local["tanh2"] == pytest.approx(expected, rel=1e-4)


def test_only_what_lies_between_two_cuts_is_compared() -> None:
    answer = blame(as_model(network()), edited(wrong_axes), FEEDS, outputs=OUTPUT)
    assert {item.before for item in answer.nodes} <= {"sum", "mean"}


def test_the_first_value_that_is_no_number() -> None:
    def infinite(nodes: dict) -> None:
        nodes["tanh2"].op = "Log"

    answer = blame(as_model(network()), edited(infinite), FEEDS, outputs=OUTPUT)
    assert answer.first_not_finite is not None
    assert answer.first_not_finite.before == "tanh2"
    assert answer.first == answer.first_not_finite


@pytest.mark.parametrize(
    ("fault", "name", "causes"),
    [
        (wrong_attribute, "conv2", {"conv2": ["attr:dilations"]}),
        (wrong_constant, "conv2", {"conv2/w": ["attr:value"]}),
        # A node of another op and name is no partner: it is named beside the node that reads it.
        (wrong_op, "sum", {"sum": ["inputs"], "tanh2": ["removed"], "n8": ["added"]}),
    ],
)
def test_nodes_that_were_renamed(fault, name, causes) -> None:
    proto = edited(fault).graph.to_proto()
    names = {one.name: f"n{place}" for place, one in enumerate(proto.node)}
    for one in proto.node:
        one.name = names[one.name]
        one.input[:] = [names[text] for text in one.input]
    other = as_model(Graph.of(proto))
    answer = blame(as_model(network()), other, FEEDS, outputs=OUTPUT)
    assert answer.first is not None
    assert (answer.first.before, answer.first.by) == (name, "structure")
    assert answer.causes == causes


def test_the_step_of_a_pipeline_that_did_it() -> None:
    transforms = "sort_by_execution_order round_weights(num_steps=4) merge_duplicate_nodes"
    model = as_model(network())
    result = inspector.optimise(model, outputs=OUTPUT, transforms=transforms)
    answer = blame(model, result, FEEDS, outputs=OUTPUT)
    assert answer.step == "round_weights(num_steps=4)"
    assert answer.first is not None
    assert answer.first.before == "conv1"
    assert answer.causes == {"conv1/w": ["attr:value"]}


def test_of_several_steps_the_lossy_one_is_named() -> None:
    transforms = "remove_nodes(op=Identity) fold_constants round_weights(num_steps=4)"
    proto = network().to_proto()
    nodes = {one.name: one for one in proto.node}
    proto.node.append(node("conv1/read", "Identity", "conv1/w", T="float32"))
    nodes["conv1"].input[1] = "conv1/read"
    model = as_model(Graph.of(proto))
    result = inspector.optimise(model, outputs=OUTPUT, transforms=transforms)
    touched = [step.name for step in result.steps if step.changes]
    assert touched[0] == "remove_nodes"
    answer = blame(model, result, FEEDS, outputs=OUTPUT)
    assert answer.first is not None
    assert answer.first.before == "conv1"
    assert answer.step == "round_weights(num_steps=4)"


def test_a_bound_of_bytes_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node alone is more than the bound, so that all parts are halved to one node."""
    whole = blame(as_model(network()), edited(wrong_op), FEEDS, outputs=OUTPUT, every=True)
    monkeypatch.setattr(blaming, "PART_BYTES", 1)
    answer = blame(as_model(network()), edited(wrong_op), FEEDS, outputs=OUTPUT, every=True)
    assert answer.to_dict() == whole.to_dict()
    assert len(answer.nodes) == 9


def test_parts_hold_at_most_so_many_bytes() -> None:
    assert parts([], 10) == []
    assert parts([4, 4, 4, 99, 1, 1], 10) == [(0, 2), (2, 3), (3, 4), (4, 6)]
    sizes = RNG.integers(0, 40, 300).tolist()
    ranges = parts(sizes, 64)
    assert [at for start, stop in ranges for at in range(start, stop)] == list(range(300))
    assert all(sum(sizes[start:stop]) <= 64 for start, stop in ranges)
    # One more of the next part would not fit.
    assert all(sum(sizes[start : stop + 1]) > 64 for start, stop in ranges[:-1])


def test_a_feed_that_the_model_does_not_have() -> None:
    with pytest.raises(BadFeed, match="has no such input; known: x"):
        blame(as_model(network()), as_model(network()), {"z": 1.0}, outputs=OUTPUT)


def test_errors_of_tensors() -> None:
    error = tensor_error(np.float32([1, -4]), np.float32([1, -3]))
    assert (error.max_abs, error.max_rel, error.not_finite) == (1, 0.25, False)
    assert tensor_error(np.float32([1, 2]), np.float32([1, np.nan])).not_finite
    assert not tensor_error(np.float32([1, np.inf]), np.float32([1, np.inf])).not_finite
    assert tensor_error(np.zeros(2), np.zeros(3)).exceeds(1e9)
    assert tensor_error(np.zeros(2), np.zeros(3)).to_dict()["max_abs"] is None
    assert tensor_error(np.array([b"a"], object), np.array([b"b"], object)).max_abs == 1
    assert tensor_error(np.zeros(2), np.float64([0, 1e-9])).max_rel == np.inf


def test_large_tensors_are_compared_in_blocks() -> None:
    """The last value of the last block counts like the first one."""
    size = 2 * tensor_errors._BLOCK + 3
    a = np.zeros(size, np.float32)
    a[-1] = 8
    b = a.copy()
    b[-1] = 4
    b[0] = 1
    error = tensor_error(a, b)
    assert (error.max_abs, error.max_rel, error.not_finite) == (4, 0.5, False)
    b[-2] = np.nan
    assert tensor_error(a, b).not_finite
    assert tensor_error(a, b).max_abs == 4
    assert TensorError.from_dict(tensor_error(a, b[1:]).to_dict()).max_abs == np.inf
