from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspector.errors import BadParameter, TransformFailed
from inspector.graph.graph import Graph, validate
from inspector.graph.protos import GraphDef
from inspector.passes import PASSES
from inspector.passes.base import PassContext
from tests.passes.running import context, cpp_tool, differences, run
from tests.passes.text import graph, show, value

COLUMN = "w = Const(value=[[0],[0.5],[0],[0],[-2],[0.00001]]) ; r = Identity(w)"
AXIS = "k = Const(value=0, dtype=int32)"
IDS = "ids = Placeholder(shape=[3], dtype=int64) ; few = Placeholder(shape=[2], dtype=int32)"
LONG = "Tindices=int64, Taxis=int32"


def ours(before, inputs=("ids", "few"), outputs=("y",), files=True, **params):
    found = PASSES["sparsify_gather"]
    args = found.read(tuple(params.items()))
    return found(before, PassContext(tuple(inputs), tuple(outputs), files=files), **args)


def assert_same(before, after, fetches, **feeds):
    feeds = {name: np.array(item) for name, item in feeds.items()}
    mine = run(after, fetches, feeds, first="group_deps")
    for expected, found in zip(run(before, fetches, feeds), mine, strict=True):
        assert expected.shape == found.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_column_becomes_a_table():
    after = ours(graph(f"{COLUMN} ; {AXIS} ; {IDS} ; y = GatherV2(r, ids, k, {LONG})")).graph
    assert "w" not in after
    assert "r" not in after
    assert "k" not in after
    assert value(after, "w/indices").tolist() == [1, 4]  # 1e-5 in float32 is less than in float64
    assert value(after, "w/values").tolist() == [0.5, -2.0]
    assert list(after.node("group_deps").input) == ["^w/InitializeTable"]
    assert after.node("y").op == "ExpandDims"


@pytest.mark.tensorflow
def test_two_lookups_share_a_table_and_int32_ids_are_cast():
    before = graph(
        f"{COLUMN} ; {AXIS} ; {IDS} ; a = GatherV2(r, ids, k, {LONG})"
        " ; b = Gather(r, few, Tindices=int32) ; y = ConcatV2(a, b, k, N=2)"
    )
    after = ours(before).graph
    assert after.op_counts()["HashTable"] == 1
    assert after.op_counts()["Cast"] == 1
    assert "w" not in after
    assert_same(before, after, ["y"], ids=[0, 4, 1], few=np.array([5, 4], np.int32))


@pytest.mark.tensorflow
@pytest.mark.parametrize("other", ["w", "r"])
def test_a_column_that_others_read_stays(other):
    before = graph(
        f"{COLUMN} ; {AXIS} ; {IDS} ; y = GatherV2(r, ids, k, {LONG}) ; z = Neg({other})"
    )
    after = ours(before, outputs=("y", "z")).graph
    validate(after)
    assert "w" in after
    assert_same(before, after, ["y", "z"], ids=[0, 4, 1], few=np.array([0, 0], np.int32))


@pytest.mark.tensorflow
def test_ids_of_a_second_output_and_waits_are_kept():
    before = graph(
        f"{COLUMN} ; {IDS} ; two = Const(value=[[1,4],[0,1]], dtype=int64)"
        " ; p = Unpack(two, num=2, T=int64) ; g = Gather(r, p:1, ^few, Tindices=int64)"
        " ; y = Neg(g)"
    )
    after = ours(before).graph
    assert list(after.node("g/LookupTableFind").input)[1:] == ["p:1", "g/Const", "^few"]
    assert_same(before, after, ["y"], few=np.array([0, 0], np.int32), ids=[0, 0, 0])


@pytest.mark.parametrize("fetched", ["w:0", "r", "y:0"])
def test_what_is_asked_for_stays(fetched):
    before = graph(f"{COLUMN} ; {AXIS} ; {IDS} ; y = GatherV2(r, ids, k, {LONG})")
    assert fetched.partition(":")[0] in ours(before, outputs=(fetched,)).graph


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("y = GatherV2(r, ids, k, Tindices=int64, Taxis=int32, batch_dims=1)", "batch_dims"),
        ("y = GatherV2(r, ids, k, Tindices=int16, Taxis=int32)", "neither int32 nor int64"),
    ],
)
def test_what_a_table_cannot_do_is_left_alone(text, why):
    result = ours(graph(f"{COLUMN} ; {AXIS} ; {IDS} ; {text}"))
    assert [why in skip.why for skip in result.skipped] == [True]
    assert "w" in result.graph


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"w = Const(value=zeros(3,2)) ; {AXIS}", "tensor of shape \\[N, 1\\].*\\[3, 2\\]"),
        (f"w = Const(value=zeros(3,1), dtype=double) ; {AXIS}", "DT_FLOAT.*'w'.*float64"),
        (
            "w = Const(value=zeros(3,1)) ; k = Const(value=1, dtype=int32)",
            r"over axis 0\. Found axis 1",
        ),
        (f"w = VariableV2(shape=[3,1], dtype=float) ; {AXIS}", "reader was not initialized"),
    ],
)
def test_the_tools_errors(text, message):
    before = graph(f"{text} ; r = Identity(w) ; {IDS} ; y = GatherV2(r, ids, k, {LONG})")
    with pytest.raises(TransformFailed, match=message):
        ours(before)


def test_no_file_is_opened_for_a_stranger():
    before = graph(f"{COLUMN} ; {IDS} ; y = Gather(r, ids, Tindices=int64)")
    with pytest.raises(BadParameter, match="command line"):
        ours(before, files=False, input_checkpoint="/etc/passwd")


def test_a_group_that_is_no_group_is_an_error():
    before = graph(f"{COLUMN} ; {IDS} ; y = Gather(r, ids, Tindices=int64)")
    with pytest.raises(BadParameter, match="'y' is no NoOp"):
        ours(before, group_init_node="y")


@pytest.mark.tensorflow
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 1e-5, 2e-5, -1e-6, 1.5, -3.0]), min_size=1, max_size=9),
    st.booleans(),
)
def test_the_tools_graph(column, old):
    gather = "Gather(r, ids, Tindices=int64)" if old else f"GatherV2(r, ids, k, {LONG})"
    axis = "" if old else f" ; {AXIS}"
    before = graph(
        f"w = Const(value={[[item] for item in column]}) ; r = Identity(w){axis}"
        f" ; ids = Placeholder(shape=[3], dtype=int64) ; g = {gather} ; y = Neg(g)"
    )
    theirs = cpp_tool(before, ["ids"], ["y"], "sparsify_gather")
    after = ours(before, inputs=["ids"]).graph
    found = differences(theirs, after, ["ids"], ["y"])
    assert not found, f"{show(theirs)}\n--\n{show(after)}"


@pytest.mark.tensorflow
def test_variables_come_from_the_checkpoint(tmp_path):
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default() as made:
        ids = v1.placeholder(tf.int32, [4], name="ids")
        parts = v1.get_variable(
            "emb", [7, 1], partitioner=v1.fixed_size_partitioner(2), use_resource=False
        )
        read = tf.raw_ops.GatherV2(params=list(parts)[1], indices=ids, axis=0)
        tf.negative(read, name="y")
        saver = v1.train.Saver()
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            prefix = saver.save(session, str(tmp_path / "model"))
            expected = session.run("y:0", {"ids:0": [0, 1, 2, 0]})
        proto = GraphDef.FromString(made.as_graph_def().SerializeToString())
    # The saver's read would keep the variable: a graph for prediction has none.
    keep = [node for node in proto.node if node.op not in ("SaveV2", "MergeV2Checkpoints")]
    names = {node.name for node in keep}
    del proto.node[:]
    for node in keep:
        if all(text.lstrip("^").partition(":")[0] in names for text in node.input):
            proto.node.append(node)
            continue
        names.discard(node.name)
    before = PASSES["strip_unused_nodes"](
        Graph.of(proto), context(["ids"], ["y", "save/restore_all"])
    ).graph
    result = ours(before, ["ids"], ["y"], input_checkpoint=prefix)
    validate(result.graph)
    assert "emb/part_1" not in result.graph
    assert "emb/part_0" in result.graph  # the restore op writes it, and nobody looked it up
    feeds = {"ids": np.array([0, 1, 2, 0], np.int32)}
    np.testing.assert_array_equal(run(result.graph, ["y"], feeds, first="group_deps")[0], expected)


def test_a_missing_checkpoint_is_one_error(tmp_path):
    before = graph(
        f"w = VariableV2(shape=[3,1], dtype=float) ; r = Identity(w) ; {IDS}"
        " ; y = Gather(r, ids, Tindices=int64)"
    )
    for text in (before, graph("x = Placeholder(shape=[2])")):
        with pytest.raises(BadParameter, match=r"input_checkpoint: there is no file none\.index"):
            ours(text, input_checkpoint=str(tmp_path / "none"))


def test_of_several_group_nodes_the_first_counts():
    found = PASSES["sparsify_gather"]
    args = found.read((("group_init_node", "first"), ("group_init_node", "second")))
    assert args["group_init_node"] == "first"
