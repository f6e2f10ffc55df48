"""Pairs of nodes where the truth is known: how many are right, and the seconds it takes.

    python -m benchmarks.pairing

A graph against what a transform makes of it, with all names replaced by others that say nothing,
so that structure alone is left; once as it is and once with other weights. The true pairs are the
nodes that had the same name and op before the names were replaced; a wrong pair holds one of them
and another node. Of equal constants that were merged into one, the transform keeps the name of any,
and of the functions that it merges behind a concatenation that of the first: both count as wrong
where the pairing takes another. The last rows are graphs of 100,000 nodes.

    python -m benchmarks.pairing InceptionV3      # one graph alone
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import inspector
from benchmarks.frozen_graphs import path_of
from inspector.analysis.pairing.pairs import pair
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef

IRIS = Path(__file__).resolve().parent.parent / "tests/data/models/seed/iris/frozen.pb"
MODELS = (
    "MobileNetV2",
    "ResNet50",
    "InceptionV3",
    "DenseNet121",
    "EfficientNetV2B0",
    "NASNetMobile",
    "transformer, 12 layers",
)
TRANSFORMS = {
    "none": "",
    "Grappler": "grappler",
    "Grappler, duplicates too": "grappler_common_subgraph_elimination grappler",
    "Grappler, bfloat16": "grappler_auto_mixed_precision_onednn_bfloat16",
    "fold": "remove_nodes(op=Identity) fold_constants fold_batch_norms strip_unused_nodes",
    "quantize_weights": "quantize_weights",
}
LARGE = 100_000


def renamed(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """A copy with names that say nothing, and old name to new."""
    numbers = np.random.default_rng(0).permutation(len(graph)).tolist()
    names = {node.name: f"n{number}" for node, number in zip(graph, numbers, strict=True)}
    proto = graph.to_proto()
    for node in proto.node:
        node.name = names[node.name]
        for place, text in enumerate(node.input):
            mark = "^" if text.startswith("^") else ""
            name, colon, port = text.removeprefix("^").partition(":")
            node.input[place] = f"{mark}{names[name]}{colon}{port}"
    return Graph.of(proto), names


def retrained(graph: Graph) -> Graph:
    """A copy with other weights."""
    rng, proto = np.random.default_rng(1), graph.to_proto()
    for node in proto.node:
        if node.op == "Const":
            array = tensors.to_numpy(node.attr["value"].tensor)
            if array.dtype.kind == "f" and array.size > 1:
                other = rng.standard_normal(array.shape, np.float32).astype(array.dtype)
                node.attr["value"].tensor.CopyFrom(tensors.from_numpy(other))
    return Graph.of(proto)


def row(name: str, before: Graph, after: Graph, truth: Mapping[str, str]) -> None:
    """Pair the two and print how many of the true pairs are there."""
    start = time.process_time()
    pairs = pair(before, after)
    seconds = time.process_time() - start
    right = sum(pairs.forward.get(one) == other for one, other in truth.items())
    images = set(truth.values())
    wrong = sum(
        (one in truth or other in images) and truth.get(one) != other
        for one, other in pairs.forward.items()
    )
    part = f"{right / len(truth):.1%}" if truth else "-"
    sizes = (f"{len(graph):,}" for graph in (before, after, truth))
    cells = [name, *sizes, part, f"{wrong:,}" if truth else "-", f"{seconds:.2f}"]
    print("| " + " | ".join(cells) + " |", flush=True)


def of_model(name: str, path: Path, output: str) -> None:
    model = inspector.open_model(path)
    for title, transforms in TRANSFORMS.items():
        after = model.graph
        if transforms:
            after = inspector.optimise(model, outputs=[output], transforms=transforms).model.graph
        ops = {node.name: node.op for node in after}
        same = [node.name for node in model.graph if ops.get(node.name) == node.op]
        for training, graph in (("", after), (", retrained", retrained(after))):
            other, names = renamed(graph)
            truth = {one: names[one] for one in same}
            row(f"{name}, {title}{training}", model.graph, other, truth)


def _node(name: str, op: str, *inputs: str) -> NodeDef:
    return NodeDef(name=name, op=op, input=inputs)


def chain(prefix: str) -> Graph:
    return Graph(
        _node(f"{prefix}{i}", "Relu", *([f"{prefix}{i - 1}"] if i else [])) for i in range(LARGE)
    )


def star(prefix: str) -> Graph:
    readers = [_node(f"{prefix}{i}", "Relu", f"{prefix}x") for i in range(LARGE)]
    end = _node(f"{prefix}end", "NoOp", *(f"^{node.name}" for node in readers))
    return Graph([_node(f"{prefix}x", "Placeholder"), *readers, end])


def ring(prefix: str) -> Graph:
    return Graph(_node(f"{prefix}{i}", "Relu", f"{prefix}{(i + 1) % LARGE}") for i in range(LARGE))


def scattered(seed: int) -> Callable[[str], Graph]:
    """Nodes of one op that read two of the thousand before them."""

    def graph(prefix: str) -> Graph:
        numbers = random.Random(seed)
        nodes = [_node(f"{prefix}0", "Placeholder")]
        for i in range(1, LARGE):
            inputs = (f"{prefix}{numbers.randrange(max(0, i - 1000), i)}" for _ in range(2))
            nodes.append(_node(f"{prefix}{i}", "AddN", *inputs))
        return Graph(nodes)

    return graph


def main() -> None:
    print(
        "| graph, what was done | nodes | nodes after | true pairs | right | wrong | CPU seconds |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name in sys.argv[1:]:
        of_model(name, path_of(name), "Identity")
    if sys.argv[1:]:
        return
    of_model("iris", IRIS, "dnn/head/predictions/probabilities")
    for name in MODELS:
        of_model(name, path_of(name), "Identity")
    experts = inspector.open_model(path_of("experts, 100,000 nodes")).graph
    for title, graph in (("renamed", experts), ("retrained", retrained(experts))):
        other, names = renamed(graph)
        row(f"experts, {title}", experts, other, names)
    for title, graph_of in (("chain", chain), ("star", star), ("ring", ring)):
        row(f"{title} of one op", graph_of("a"), graph_of("b"), {})
    row(
        "scattered edges",
        scattered(0)("a"),
        scattered(0)("b"),
        {f"a{i}": f"b{i}" for i in range(LARGE)},
    )
    row("scattered edges, unlike", scattered(0)("a"), scattered(1)("b"), {})


if __name__ == "__main__":
    main()
