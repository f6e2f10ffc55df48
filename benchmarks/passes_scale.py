"""Seconds of every pass at 1,000, 10,000 and 100,000 nodes: a chain, a wide and a scoped graph.

    python benchmarks/passes_scale.py

A pass in n log n grows by a little more than 10 from one column to the next. No TensorFlow.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from inspector.passes.rewrite.constants import constant

SIZES = (1_000, 10_000, 100_000)
NEEDED = {"set_shape": [("batch", "1")]}
"""What a transform asks for beside the parameters that are always required."""


def main() -> None:
    for name, shape in SHAPES.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        graphs = [shape(size) for size in SIZES]
        print(f"{name:26}" + "".join(f"{size:>10,}" for size in SIZES) + "   last / before")
        for transform in PASSES.values():
            if any(param.arg.file and param.required for param in transform.params):
                continue  # the file would have to tell of these graphs
            if "grappler" in transform.name:
                continue  # TensorFlow's own
            params = transform.read(
                [(p.name, p.arg.example) for p in transform.params if p.required]
                + NEEDED.get(transform.name, [])
            )
            row = []
            for graph in graphs:
                fresh = Graph(graph.nodes, graph.library, graph.versions)
                started = time.process_time()
                transform(fresh, PassContext(("x",), ("y",)), **params)
                row.append(time.process_time() - started)
            cells = "".join(f"{seconds:10.4f}" for seconds in row)
            print(f"{transform.name:26}{cells}{row[2] / row[1]:13.1f}")
        print()


def chain(size: int) -> Graph:
    """One op after the other, every fifth a product with a constant of its own."""
    ops = itertools.cycle(("Mul", "Identity", "Relu", "Neg", "Identity"))

    def nodes() -> Iterator[NodeDef]:
        before = "x"
        for index, op in enumerate(ops):
            name = f"scope{index // 50}/{op}{index}"
            inputs = [before]
            if op == "Mul":
                yield constant(f"{name}/y", np.array([1, 2], np.float32))
                inputs.append(f"{name}/y")
            yield node(name, op, *inputs)
            before = name

    return cut(nodes(), size)


def wide(size: int) -> Graph:
    """Branches of one input, and a last node that waits for all of them."""

    def nodes() -> Iterator[NodeDef]:
        for index in itertools.count():
            yield node(f"i{index}", "Identity", "x")
            yield node(f"r{index}", "Relu", f"i{index}")
            yield constant(f"c{index}", np.array([1, 2], np.float32))

    return cut(nodes(), size)


def scoped(size: int) -> Graph:
    """Blocks of a convolution, a bias and a batch norm written out, in scopes inside scopes."""

    def nodes() -> Iterator[NodeDef]:
        before = "x"
        for index in itertools.count():
            scope = f"part{index // 100}/block{index // 10 % 10}/layer{index % 10}"
            conv = node(f"{scope}/conv", "Conv2D", before, f"{scope}/w")
            conv.attr["strides"].list.i.extend([1, 1, 1, 1])
            conv.attr["padding"].s = b"SAME"
            yield constant(f"{scope}/w", np.ones((1, 1, 2, 2), np.float32))
            yield conv
            before = conv.name
            for name, op in (("bias", "BiasAdd"), ("scale", "Mul"), ("offset", "AddV2")):
                yield constant(f"{scope}/{name}/c", np.array([1, 2], np.float32))
                yield node(f"{scope}/{name}", op, before, f"{scope}/{name}/c")
                before = f"{scope}/{name}"
            yield node(f"{scope}/relu", "Relu", before)
            before = f"{scope}/relu"

    return cut(nodes(), size)


def cut(nodes: Iterator[NodeDef], size: int) -> Graph:
    """The first nodes, between a placeholder and an output that waits for all of them."""
    placeholder = NodeDef(name="x", op="Placeholder")
    placeholder.attr["dtype"].type = tensors.FLOAT
    first_nodes = [placeholder, *itertools.islice(nodes, size - 2)]
    end = NodeDef(name="y", op="NoOp", input=[f"^{node.name}" for node in first_nodes])
    return Graph([*first_nodes, end])


def node(name: str, op: str, *inputs: str) -> NodeDef:
    item = NodeDef(name=name, op=op, input=inputs)
    item.attr["T"].type = tensors.FLOAT
    return item


SHAPES: dict[str, Callable[[int], Graph]] = {"chain": chain, "wide": wide, "scoped": scoped}

if __name__ == "__main__":
    main()
