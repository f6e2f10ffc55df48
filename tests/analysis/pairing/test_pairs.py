"""Pairs where the truth is known: a graph, and what renaming and real transforms make of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

import inspector
from inspector.analysis.diff import diff
from inspector.analysis.pairing.pairs import NAME, STRUCTURE, Pairs, pair
from inspector.formats import open_model
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import GraphDef
from inspector.model.serving import serving_graph
from tests.conftest import ROOT, data_path
from tests.graphs import const, graph, node, placeholder

IRIS = "models/seed/iris/frozen.pb"
OUTPUT = "dnn/head/predictions/probabilities"


def renamed(of: Graph, seed: int = 0) -> tuple[Graph, dict[str, str]]:
    """A copy with names that say nothing, and old name to new."""
    numbers = np.random.default_rng(seed).permutation(len(of))
    names = {one.name: f"n{number}" for one, number in zip(of, numbers.tolist(), strict=True)}
    proto = of.to_proto()
    for one in proto.node:
        one.name = names[one.name]
        for place, text in enumerate(one.input):
            mark = "^" if text.startswith("^") else ""
            name, colon, port = text.removeprefix("^").partition(":")
            one.input[place] = f"{mark}{names[name]}{colon}{port}"
    return Graph.of(proto), names


def retrained(of: Graph) -> Graph:
    """A copy with other weights."""
    rng, proto = np.random.default_rng(1), of.to_proto()
    for one in proto.node:
        if one.op == "Const":
            array = tensors.to_numpy(one.attr["value"].tensor)
            if array.dtype.kind == "f" and array.size > 1:
                other = rng.standard_normal(array.shape).astype(array.dtype)
                one.attr["value"].tensor.CopyFrom(tensors.from_numpy(other))
    return Graph.of(proto)


def right(pairs: Pairs, truth: Mapping[str, str]) -> float:
    """The part of the true pairs that was found."""
    assert len(set(pairs.before)) == len(set(pairs.after)) == len(pairs)
    return sum(pairs.forward.get(name) == other for name, other in truth.items()) / len(truth)


def of_same_name_and_op(before: Graph, after: Graph) -> set[str]:
    ops = {one.name: one.op for one in after}
    return {one.name for one in before if ops.get(one.name) == one.op}


def test_iris_against_itself_with_obfuscated_names() -> None:
    model = open_model(data_path(IRIS))
    other = inspector.optimise(model, outputs=[OUTPUT], transforms="obfuscate_names").model
    delta = diff(model, other)
    assert (delta.unchanged, delta.added, delta.removed, delta.changed) == (91, [], [], [])
    pairs = delta.to_dict()["pairs"]
    assert pairs == {"name": 91 - len(delta.renamed), "structure": len(delta.renamed)}
    assert len(delta.renamed) > 80


@pytest.mark.parametrize(
    "path",
    [
        IRIS,
        "models/seed/iris/saved_model",
        "models/public/tfx_taxi_trained/model",
        "models/seed/iris/optimised.pb",
    ],
)
def test_renamed_graphs_of_the_corpus(path: str) -> None:
    model = open_model(data_path(path))
    before = model.graph if path.endswith(".pb") else Graph.of(serving_graph(model).to_proto())
    other, truth = renamed(before)
    assert right(pair(before, other), truth) > 0.95
    assert right(pair(before, retrained(other)), truth) > 0.95


@pytest.mark.parametrize(
    "transforms",
    [
        "remove_nodes(op=Identity) fold_constants",
        "quantize_weights",
        "round_weights(num_steps=16) sort_by_execution_order",
        "flatten_atrous_conv fold_batch_norms strip_unused_nodes",
    ],
)
@pytest.mark.parametrize("training", [lambda graph: graph, retrained], ids=["same", "retrained"])
def test_transformed_and_renamed(transforms, training) -> None:
    model = open_model(data_path(IRIS))
    after = inspector.optimise(model, outputs=[OUTPUT], transforms=transforms).model.graph
    other, names = renamed(training(after))
    truth = {name: names[name] for name in of_same_name_and_op(model.graph, after)}
    assert len(truth) > 50
    assert right(pair(model.graph, other), truth) > 0.95


def block(prefix: str, source: str, rng: np.random.Generator, extra: bool = False) -> list:
    """Dense, bias and Relu with a way around, as a residual network repeats them."""
    nodes = [
        const(f"{prefix}/w", rng.standard_normal((8, 8)).astype(np.float32)),
        const(f"{prefix}/b", rng.standard_normal(8).astype(np.float32)),
        node(f"{prefix}/mul", "MatMul", source, f"{prefix}/w", T="float32"),
        node(f"{prefix}/bias", "BiasAdd", f"{prefix}/mul", f"{prefix}/b", T="float32"),
        node(f"{prefix}/relu", "Relu", f"{prefix}/bias", T="float32"),
        node(f"{prefix}/out", "AddV2", f"{prefix}/relu", source, T="float32"),
    ]
    if extra:
        nodes.insert(4, node(f"{prefix}/tanh", "Tanh", f"{prefix}/bias", T="float32"))
        nodes[5].input[0] = f"{prefix}/tanh"
    return nodes


def residual(blocks: int, seed: int, extra: int = -1, prefix: str = "") -> Graph:
    rng = np.random.default_rng(seed)
    nodes, source = [placeholder(f"{prefix}x", [None, 8])], f"{prefix}x"
    for number in range(blocks):
        nodes += block(f"{prefix}block_{number}", source, rng, number == extra)
        source = f"{prefix}block_{number}/out"
    return graph(*nodes, node(f"{prefix}y", "Softmax", source, T="float32"))


def test_a_model_exported_again_below_another_scope_and_retrained() -> None:
    before, after = residual(20, 0), residual(20, 1, prefix="served/model/")
    pairs = pair(before, after)
    assert right(pairs, {one.name: f"served/model/{one.name}" for one in before}) == 1
    assert {pairs.by(one.name) for one in before} == {STRUCTURE}


def test_one_op_more_in_one_of_many_equal_blocks() -> None:
    before, (after, names) = residual(20, 0), renamed(residual(20, 1, extra=10))
    truth = {one.name: names[one.name] for one in before}
    pairs = pair(before, after)
    assert right(pairs, truth) == 1
    assert names["block_10/tanh"] not in pairs.after


def branches(blocks: int, optimised: bool) -> Graph:
    """Blocks of equal parallel branches, as in Inception; optimised, as Grappler leaves them.

    Grappler multiplies the batch norm into the weights, drops an addition of zero, and applies Relu
    once behind what takes the largest value or concatenates.
    """
    rng = np.random.default_rng(int(optimised))
    nodes, source = [placeholder("x", [None, 8, 8, 4])], "x"

    def convolution(name: str, source: str, channels: int) -> str:
        weights = rng.standard_normal((1, 1, channels, 4)).astype(np.float32)
        nodes.extend(
            [
                const(f"{name}/weights", weights),
                node(f"{name}/conv", "Conv2D", source, f"{name}/weights", T="float32"),
            ]
        )
        if optimised:
            return f"{name}/conv"
        nodes.extend(
            [
                const(f"{name}/scale", rng.standard_normal(4).astype(np.float32)),
                const(f"{name}/shift", np.zeros(4, np.float32)),
                node(f"{name}/mul", "Mul", f"{name}/conv", f"{name}/scale", T="float32"),
                node(f"{name}/add", "AddV2", f"{name}/mul", f"{name}/shift", T="float32"),
            ]
        )
        return f"{name}/add"

    def relu(name: str, source: str) -> str:
        nodes.append(node(f"{name}/relu", "Relu", source, T="float32"))
        return f"{name}/relu"

    for number in range(blocks):
        at = f"block_{number}"
        source = convolution(f"{at}/stem", source, 8 if number else 4)
        for op in ("MaxPool", "Relu") if optimised else ("Relu", "MaxPool"):
            nodes.append(node(f"{at}/{op}", op, source, T="float32"))
            source = f"{at}/{op}"
        ends = [convolution(f"{at}/{name}", source, 4) for name in "ab"]
        if not optimised:
            ends = [relu(f"{at}/{name}", end) for name, end in zip("ab", ends, strict=True)]
        nodes.append(const(f"{at}/axis", np.int32(3)))
        nodes.append(node(f"{at}/concat", "ConcatV2", *ends, f"{at}/axis", T="float32", N=2))
        source = relu(f"{at}/a", f"{at}/concat") if optimised else f"{at}/concat"
    return graph(*nodes, node("y", "Mean", source, T="float32"))


def test_equal_branches_after_batch_norms_were_folded_and_relus_moved() -> None:
    before, after = branches(8, optimised=False), branches(8, optimised=True)
    other, names = renamed(after)
    truth = {name: names[name] for name in of_same_name_and_op(before, after)}
    assert right(pair(before, other), truth) == 1


def test_another_precision_with_casts_between() -> None:
    before = branches(8, optimised=False)
    nodes = []
    for one in retrained(before).to_proto().node:
        if one.op in ("Conv2D", "ConcatV2"):
            one.attr["T"].type = tensors.dtype_enum("bfloat16")
            for place, source in enumerate(one.input[:2]):
                cast = f"{one.name}/cast_{place}"
                nodes.append(node(cast, "Cast", source, SrcT="float32", DstT="bfloat16"))
                one.input[place] = cast
        nodes.append(one)
    other, names = renamed(graph(*nodes))
    pairs = pair(before, other)
    assert right(pairs, {one.name: names[one.name] for one in before}) == 1


def test_an_operation_more_in_every_one_of_many_equal_blocks() -> None:
    before, after = residual(20, 0), residual(20, 1)
    proto = after.to_proto()
    added = []
    for one in proto.node:
        if one.op == "AddV2":
            name = f"{one.name}/added"
            added.append(node(name, "Tanh", one.input[0], T="float32"))
            one.input[0] = name
    other, names = renamed(graph(*proto.node, *added))
    assert right(pair(before, other), {one.name: names[one.name] for one in before}) == 1


def test_names_that_agree_are_pairs_by_name() -> None:
    pairs = pair(residual(5, 0), residual(5, 1))
    assert right(pairs, {name: name for name in pairs.before}) == 1
    assert {pairs.by(name) for name in pairs.before} == {NAME}


def test_numbered_names_that_shifted_are_not_believed() -> None:
    """A node is added in front, so that every number after it is that of another node."""

    def numbered(of: Graph, first: int) -> tuple[Graph, dict[str, str]]:
        other, names = renamed(of)
        numbers = {name: f"op_{place}" for place, name in enumerate(names.values(), first)}
        proto = other.to_proto()
        for one in proto.node:
            one.name = numbers[one.name]
            one.input[:] = [numbers[text] for text in one.input]
        return Graph.of(proto), {name: numbers[other] for name, other in names.items()}

    before, old = numbered(residual(20, 0), 0)
    after, new = numbered(residual(20, 0), 1)
    truth = {old[name]: new[name] for name in old}
    assert right(pair(before, after), truth) == 1


def test_a_call_and_the_graph_that_it_is_inlined_to() -> None:
    model = open_model(ROOT / "tests/models/tf221/keras")
    inlined = Graph.of(serving_graph(model).to_proto())
    frozen = inspector.freeze(model).graph
    truth = {name: name for name in of_same_name_and_op(inlined, frozen)}
    assert truth
    other, names = renamed(frozen)
    assert right(pair(inlined, other), {name: names[name] for name in truth}) > 0.95


def chains(length: int, of: int, prefix: str) -> Graph:
    nodes = [placeholder(f"{prefix}x", [None])]
    for number in range(of):
        source = f"{prefix}x"
        for place in range(length):
            name = f"{prefix}{number}_{place}"
            nodes.append(node(name, "Relu", source, T="float32"))
            source = name
    return graph(*nodes)


def ring(op: str, prefix: str, size: int = 2_000) -> Graph:
    return graph(
        *(node(f"{prefix}{i}", op, f"{prefix}{(i + 1) % size}", T="float32") for i in range(size))
    )


@pytest.mark.parametrize(
    ("before", "after", "paired"),
    [
        (graph(), graph(), 0),
        (graph(), graph(node("a", "NoOp")), 0),
        (graph(node("a", "Relu", "gone")), graph(node("b", "Relu", "lost", "^no")), 1),
        (ring("Relu", "a"), ring("Relu", "b"), 2_000),
        (ring("Identity", "a"), ring("Identity", "b"), 2_000),
        (ring("Identity", "a"), ring("Relu", "b"), 0),
        (chains(1, 2_000, "a"), chains(1, 2_000, "b"), 2_001),
        (chains(2_000, 1, "a"), chains(2_000, 1, "b"), 2_001),
        (graph(*[node("same", "Relu", "same")] * 500), graph(*[node("same", "Relu")] * 500), 1),
        (graph(node("a", "AddV2", "a", "a")), graph(node("b", "AddV2", "b", "b")), 1),
    ],
)
def test_graphs_that_no_one_would_write(before: Graph, after: Graph, paired: int) -> None:
    assert len(pair(before, after)) == paired


def test_a_constant_that_cannot_be_read_is_paired_by_its_place() -> None:
    def broken(prefix: str) -> Graph:
        bad = const(f"{prefix}c", np.ones(4, np.float32))
        bad.attr["value"].tensor.tensor_content = b"\x00"
        return graph(
            placeholder(f"{prefix}x", [4]),
            bad,
            node(f"{prefix}y", "AddV2", f"{prefix}x", f"{prefix}c", T="float32"),
        )

    assert pair(broken("a"), broken("b")).forward == {"ax": "bx", "ac": "bc", "ay": "by"}


def test_equal_pairs_in_another_process(tmp_path: Path) -> None:
    """Numbers of labels do not depend on the seed of Python's own hashes."""
    import subprocess
    import sys

    program = (
        "from tests.analysis.pairing.test_pairs import *;"
        "print(sorted(pair(residual(9, 0), renamed(residual(9, 1, extra=4))[0]).forward.items()))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_the_graphs_are_not_changed() -> None:
    before, (after, _) = residual(3, 0), renamed(residual(3, 1))
    bytes_before = (before.to_bytes(), after.to_bytes())
    pair(before, after)
    assert (before.to_bytes(), after.to_bytes()) == bytes_before
    assert isinstance(after.to_proto(), GraphDef)
