"""Figures laid over boxes; arithmetic against figures counted by hand."""

from __future__ import annotations

import pytest

from benchmarks.support.node_tables import layered
from inspector.view.state import overlay
from inspector.view.table import cost
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import build

ROWS = (
    # op, output shape, shapes of the inputs, FLOPs
    ("Conv2D", [None, 112, 112, 64], ([None, 224, 224, 3], [7, 7, 3, 64]),
     2 * 112 * 112 * 64 * 7 * 7 * 3),
    ("DepthwiseConv2dNative", [None, 56, 56, 32], ([None, 56, 56, 32], [3, 3, 32, 1]),
     2 * 56 * 56 * 32 * 9),
    ("Conv2DBackpropInput", [None, 8, 8, 4], ([4], [3, 3, 4, 16], [None, 4, 4, 16]),
     2 * 4 * 4 * 16 * 9 * 4),
    ("MatMul", [None, 10], ([None, 512], [512, 10]), 2 * 10 * 512),
    ("MatMul", [32, 10], ([512, 32], [512, 10]), 2 * 32 * 10 * 512),
    ("BatchMatMulV2", [None, 12, 64, 64], ([None, 12, 64, 8], [None, 12, 8, 64]),
     2 * 12 * 64 * 64 * 8),
    ("CONV_2D", [1, 112, 112, 64], ([1, 224, 224, 3], [64, 7, 7, 3]),
     2 * 112 * 112 * 64 * 7 * 7 * 3),
    ("DEPTHWISE_CONV_2D", [1, 56, 56, 32], ([1, 56, 56, 32], [1, 3, 3, 32]), 2 * 56 * 56 * 32 * 9),
    ("TRANSPOSE_CONV", [1, 8, 8, 4], ([4], [4, 3, 3, 16], [1, 4, 4, 16]), 2 * 4 * 4 * 16 * 9 * 4),
    ("FULLY_CONNECTED", [1, 10], ([1, 512], [10, 512]), 2 * 10 * 512),
    ("RESHAPE", [1, 10], ([1, 10], [2]), 0),
    ("Relu", [None, 10], ([None, 10],), 10),
    ("Reshape", [None, 10], ([None, 10], [2]), 0),
    ("MaxPool", [None, 2, 2, 3], ([None, 4, 4, 3],), 48),
    ("Softmax", None, ([None, 10],), 0),
)  # fmt: skip


@pytest.mark.parametrize(("op", "output", "inputs", "flops"), ROWS)
def test_arithmetic_of_one_op(op, output, inputs, flops):
    count = len(inputs)
    shapes = [*([list(shape)] for shape in inputs), [output]]
    table = NodeTable(
        names=[f"n{i}" for i in range(count + 1)],
        ops=["Placeholder", op],
        op=[0] * count + [1],
        inputs=[[]] * count + [[value for i in range(count) for value in (i, 0)]],
        shapes=shapes, shape=list(range(count + 1)),
        dtypes=[["float32"]], dtype=[0] * (count + 1), devices=[""], device=[0] * (count + 1),
    )  # fmt: skip
    assert cost.flops(table)[-1] == flops


@pytest.fixture(scope="module")
def tree():
    return build(layered(8))


def test_boxes_share_the_whole(tree):
    tops = [tree.name(item) for item in tree.children[0]]
    found = overlay.boxes(tree, tops, overlay.BYTES)
    assert sum(item.share for item in found.values()) == pytest.approx(1)
    assert sum(item.value for item in found.values()) == 8 * 4 * 4000
    elements = overlay.boxes(tree, tops, overlay.PARAMETERS)
    assert sum(item.value for item in elements.values()) == 8 * 4 * 1000
    assert max(part[0] for part in overlay.for_canvas(found).values()) == 1


def test_measured_time_is_that_of_the_nodes_inside_folded_ones_too(tree):
    block = "model/stage_0/block_1/"
    times = {block + "a/conv/Conv2D": 1500.0, block + "a/conv/kernel/read": 500.0, "gone": 9.0}
    found = overlay.boxes(tree, [block, block + "a/conv/Conv2D", "input"], overlay.TIME, times)
    assert found[block].text == "2.00 ms (100 %)"
    assert found[block + "a/conv/Conv2D"].value == 2000
    assert "input" not in found


def test_a_graph_without_any_has_no_heat(tree):
    assert overlay.boxes(tree, ["input"], overlay.TIME, {}) == {}
    assert overlay.for_canvas({}) == {}
