"""Shapes follow from the graph, unknown ones stay unknown, and absurd graphs do no harm."""

from __future__ import annotations

import itertools
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.graph.shapes.infer import MAX_OUTPUTS, RULES, infer
from tests.graphs import const, graph, node, placeholder

F = {"T": "float32"}


def shape_of(made: Graph, name: str, port: int = 0) -> list[int | None] | None:
    return infer(made)[name][port]


def test_a_partly_known_shape_spells_a_reshape() -> None:
    made = graph(
        placeholder("x", [None, 3, 4]),
        node("shape", "Shape", "x", **F),
        const("zero", [0], np.int32),
        const("one", [1], np.int32),
        node("batch", "StridedSlice", "shape", "zero", "one", "one", T="int32", shrink_axis_mask=1),
        const("twelve", 12, np.int32),
        node("wanted", "Pack", "batch", "twelve", T="int32", N=2),
        node("y", "Reshape", "x", "wanted", **F),
    )
    assert shape_of(made, "y") == [None, 12]


def test_a_slice_of_unknown_stride_spells_nothing() -> None:
    made = graph(
        const("dims", [2, 3], np.int32),
        const("zero", [0], np.int32),
        const("two", [2], np.int32),
        placeholder("stride", [1], "int32"),
        node("some", "StridedSlice", "dims", "zero", "two", "stride", T="int32"),
        placeholder("x", [6]),
        node("y", "Reshape", "x", "some", **F),
    )
    assert (shape_of(made, "some"), shape_of(made, "y")) == ([None], None)


def test_a_product_of_dimensions_is_followed() -> None:
    made = graph(
        placeholder("x", [5, 3, 4]),
        node("shape", "Shape", "x", **F),
        const("axis", 0, np.int32),
        const("picks", [1, 2], np.int32),
        node("inner", "GatherV2", "shape", "picks", "axis", Tparams="int32"),
        const("axes", [0], np.int32),
        node("size", "Prod", "inner", "axes", T="int32"),
        const("rest", [-1], np.int32),
        const("axis0", 0, np.int32),
        node("size1", "ExpandDims", "size", "axis0", T="int32"),
        node("wanted", "ConcatV2", "rest", "size1", "axis0", T="int32", N=2),
        node("y", "Reshape", "x", "wanted", **F),
    )
    assert shape_of(made, "y") == [5, 12]


@pytest.mark.parametrize(
    ("old", "shape", "expected"),
    [(0, [], None), (23, [], None), (24, [], []), (0, [2], [2]), (24, None, None)],
)
def test_a_scalar_placeholder_of_an_old_graph_says_nothing(
    old: int, shape: Any, expected: Any
) -> None:
    assert shape_of(graph(placeholder("x", shape), producer=old), "x") == expected


def test_a_variable_is_read_through_its_handle() -> None:
    made = graph(
        node("w", "VarHandleOp", dtype="float32", shape=[7, 2]),
        node("alias", "Identity", "w", T="resource"),
        node("read", "ReadVariableOp", "alias", dtype="float32"),
        placeholder("ids", [None, 3], "int32"),
        node("rows", "ResourceGather", "w", "ids", dtype="float32", Tindices="int32"),
    )
    shapes = infer(made)
    assert (shapes["w"], shapes["read"], shapes["rows"]) == ([[]], [[7, 2]], [[None, 3, 2]])


@pytest.mark.parametrize("op", ["VarHandleOp", "VariableV2"])
def test_the_checkpoint_tells_where_the_node_does_not(op: str) -> None:
    made = graph(
        node("w", op, dtype="float32", shape=None),
        node("read", "ReadVariableOp" if op == "VarHandleOp" else "Identity", "w", **F),
        node("v", op, dtype="float32", shape=None, shared_name="saved"),
        node("read_v", "ReadVariableOp" if op == "VarHandleOp" else "Identity", "v", **F),
    )
    shapes = infer(made, {"w": [3], "saved": [4]})
    assert (shapes["read"], shapes["read_v"]) == ([[3]], [[4]])


def test_an_unknown_op_has_as_many_unknown_outputs_as_are_read() -> None:
    made = graph(node("a", "Mystery"), node("b", "Relu", "a:3", **F), node("c", "Mystery", "a"))
    shapes = infer(made)
    assert (shapes["a"], shapes["b"], shapes["c"]) == ([None] * 4, [None], [None])


@pytest.mark.parametrize(
    "nodes",
    [
        [placeholder("a", [2, 3]), placeholder("b", [4, 5]), node("y", "MatMul", "a", "b", **F)],
        [placeholder("a", [2]), placeholder("b", [3]), node("y", "AddV2", "a", "b", **F)],
        [placeholder("a", [6]), const("s", [4, 2], np.int32), node("y", "Reshape", "a", "s", **F)],
        [placeholder("a", [6]), const("s", [-2, -1], np.int32), node("y", "Reshape", "a", "s")],
        [placeholder("a", [2, 2]), node("y", "Squeeze", "a", squeeze_dims=[0])],
        [placeholder("a", [5]), const("n", 7, np.int32), node("y", "Split", "n", "a", num_split=2)],
    ],
)
def test_a_contradiction_is_unknown(nodes: list[NodeDef]) -> None:
    shapes = infer(graph(*nodes))
    assert set(map(str, shapes["y"])) == {"None"}


def test_a_stale_output_shapes_attribute_loses_and_a_fitting_one_helps() -> None:
    def made(stated: list[int | None]) -> Graph:
        y = node("y", "Relu", "x", **F)
        shape = y.attr["_output_shapes"].list.shape.add()
        for size in stated:
            shape.dim.add(size=-1 if size is None else size)
        return graph(placeholder("x", [None, 4]), y)

    assert shape_of(made([8, None]), "y") == [8, 4]
    assert shape_of(made([8, 5]), "y") == [None, 4]
    assert shape_of(made([8]), "y") == [None, 4]


def loop(step: NodeDef) -> Graph:
    return graph(
        placeholder("x", [2, 3]),
        node("enter", "Enter", "x", frame_name="f", **F),
        node("merge", "Merge", "enter", "next", N=2, **F),
        node("cond", "LoopCond", "enter"),
        node("switch", "Switch", "merge", "cond", **F),
        step,
        node("next", "NextIteration", "step", **F),
        node("exit", "Exit", "switch", **F),
    )


def test_a_loop_variable_that_keeps_its_shape_is_known() -> None:
    shapes = infer(loop(node("step", "Relu", "switch:1", **F)))
    assert (shapes["merge"], shapes["exit"]) == ([[2, 3], []], [[2, 3]])


def test_a_loop_variable_that_changes_its_shape_is_not() -> None:
    growing = loop(node("step", "Pack", "switch:1", N=1, **F))
    assert infer(growing)["exit"] == [None]
    joined = loop(node("step", "ConcatV2", "switch:1", "switch:1", "zero", N=2, **F))
    with_axis = graph(*joined.nodes, const("zero", 0, np.int32))
    assert infer(with_axis)["exit"] == [[None, 3]]


def test_a_cycle_that_is_no_loop_is_unknown() -> None:
    made = graph(
        placeholder("x", [2]),
        node("a", "Add", "b", "x", **F),
        node("b", "Relu", "a", **F),
        node("c", "Relu", "x", **F),
    )
    assert infer(made) == {"x": [[2]], "a": [None], "b": [None], "c": [[2]]}


def test_dangling_inputs_and_repeated_names_are_survived() -> None:
    made = graph(
        node("a", "Relu", "gone", **F),
        node("b", "Relu", **F),
        placeholder("x", [1]),
        placeholder("x", [2]),
        node("c", "Relu", "x:9", **F),
    )
    assert infer(made) == {"a": [None], "b": [None], "x": [[1]], "c": [None]}


def test_nodes_are_not_written_to() -> None:
    made = graph(*(node(f"n{index}", op) for index, op in enumerate(sorted(RULES))))
    before = made.to_proto().SerializeToString(deterministic=True)
    infer(made)
    assert made.to_proto().SerializeToString(deterministic=True) == before


def test_absurd_counts_and_sizes_cost_nothing() -> None:
    huge = np.full(1, 1 << 40, np.int64)
    nodes = [
        placeholder("x", [1 << 62]),
        const("big", np.repeat(huge, 8)),
        node("fill", "Fill", "big", "x", **F),
        node("tile", "Tile", "x", "many", **F),
        const("many", huge),
        const("start", 0, np.int64),
        const("end", 1 << 60, np.int64),
        const("step", 1, np.int64),
        node("range", "Range", "start", "end", "step", Tidx="int64"),
        node("split", "Split", "start", "x", num_split=1 << 60),
        node("unpack", "Unpack", "x", num=1 << 30),
        node("negative", "Unpack", "x", num=-5),
    ]
    nodes += [node(f"s{i}", "Split", "start", "x", num_split=1 << 60) for i in range(200)]
    start = time.process_time()
    shapes = infer(graph(*nodes))
    assert time.process_time() - start < 5
    assert shapes["range"] == [[1 << 60]]
    assert shapes["tile"] == [None]
    assert len(shapes["split"]) == MAX_OUTPUTS
    assert sum(map(len, shapes.values())) < 5_000_000


KEYS = """
N axis num num_split shape value strides ksize padding dilations squeeze_dims data_format begin_mask
end_mask shrink_axis_mask ellipsis_mask new_axis_mask block_size equation output_shapes dense_shapes
sparse_types explicit_paddings batch_dims _output_shapes
"""
ATTRS = st.dictionaries(
    st.sampled_from(KEYS.split()),
    st.one_of(
        st.integers(-(2**62), 2**62),
        st.lists(st.integers(-3, 70), max_size=5),
        st.sampled_from(["SAME", "VALID", "EXPLICIT", "NHWC", "NCHW", "ab,bc->ac", "...a->a..."]),
        st.booleans(),
        st.none(),
    ),
)
SOURCES = ["p0", "p1", "p2", "c0", "c1", "c2", "c3", "gone", "p1:7", "^p0", "u"]


@given(
    op=st.sampled_from(sorted(RULES)),
    inputs=st.lists(st.sampled_from(SOURCES), max_size=6),
    attrs=ATTRS,
)
def test_no_attribute_or_input_makes_a_rule_raise(
    op: str, inputs: list[str], attrs: dict[str, Any]
) -> None:
    made = graph(
        placeholder("p0", None),
        placeholder("p1", [None, 4, 4, 3]),
        placeholder("p2", []),
        const("c0", -7, np.int32),
        const("c1", [3, -1, 0, 2], np.int32),
        const("c2", [[1, 2], [3, -4]], np.int64),
        const("c3", np.zeros((0,), np.int32)),
        node("u", "Mystery"),
        node("y", op, *inputs, **attrs),
        node("z", "Relu", "y", "y:1", **F),
    )
    for shapes in infer(made).values():
        for shape in shapes:
            assert shape is None or all(size is None or size >= 0 for size in shape)


def deep(blocks: int) -> Graph:
    nodes = [
        placeholder("x", [None, 32, 32, 8]),
        const("w", np.zeros((3, 3, 8, 8), np.float32)),
        const("b", np.zeros(8, np.float32)),
        const("wanted", [-1, 32, 32, 8], np.int32),
    ]
    last = "x"
    for i in range(blocks):
        nodes += [
            node(f"c{i}", "Conv2D", last, "w", strides=[1, 1, 1, 1], padding="SAME", **F),
            node(f"b{i}", "BiasAdd", f"c{i}", "b", **F),
            node(f"r{i}", "Relu", f"b{i}", **F),
            node(f"s{i}", "Reshape", f"r{i}", "wanted", **F),
        ]
        last = f"s{i}"
    return graph(*nodes)


def test_the_work_grows_as_the_graph_does() -> None:
    calls = []
    for blocks in (500, 2_000):
        made, count = deep(blocks), itertools.count()
        sys.setprofile(lambda *_, count=count: next(count))
        try:
            shapes = infer(made)
        finally:
            sys.setprofile(None)
        calls.append(next(count))
        assert shapes[f"s{blocks - 1}"] == [[None, 32, 32, 8]]
    assert calls[1] < 4.4 * calls[0]
