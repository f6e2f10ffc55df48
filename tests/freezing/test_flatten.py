"""Outputs inside of bodies, against what TensorFlow gives for the same functions by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inspector.errors import FreezeError, GraphError, UnknownNode
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.graph.graph import Graph, validate
from inspector.graph.protos import FunctionDef, NodeDef
from inspector.graph.tensors import from_numpy
from inspector.model.model import Model
from inspector.view.table.builder import NodeTableBuilder
from tests.function_graphs import X, call, function, graph, node
from tests.tf_models import _random, run_frozen

tensorflow = pytest.mark.tensorflow
FEEDS = {"x": np.array([-0.5, 0.25, -1.0], np.float32)}


def build(folder: Path) -> dict[str, Any]:
    """A model of calls, branches and loops in one another; what TensorFlow gives for each part."""
    import tensorflow as tf

    class Parts(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(_random(3), name="w")
            self.table = tf.Variable(_random(4, 3), name="table")

        @tf.function
        def scaled(self, x: Any) -> Any:
            return tf.tanh(x * self.w, name="scaled")

        @tf.function
        def step(self, total: Any, i: Any) -> Any:
            return tf.add(self.scaled(total), tf.gather(self.table, i), name="step")

        @tf.function(input_signature=[tf.TensorSpec([3], tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            a = self.scaled(x)
            b = self.scaled(a)
            c = tf.cond(
                tf.reduce_sum(x) > 0,
                lambda: tf.multiply(a, 2.0, name="double"),
                lambda: tf.cond(
                    x[0] > 5.0,
                    lambda: tf.exp(b, name="exp"),
                    lambda: tf.negative(self.scaled(b), name="minus"),
                ),
            )
            total = c
            for i in tf.range(3):
                if tf.reduce_max(total) > 100.0:
                    total = tf.sqrt(total, name="root")
                else:
                    total = self.step(total, i)
                total = tf.identity(total, name="turn")
            cases = [lambda: tf.sin(x, name="sin"), lambda: tf.cos(self.w, name="cos")]
            mapped = tf.data.Dataset.from_tensors(x).map(lambda r: tf.atan(r, name="atan"))
            reduced = mapped.reduce(tf.zeros([3]), lambda p, q: p + q)
            return {"y": total + b, "case": tf.switch_case(tf.constant(0), cases), "d": reduced}

    module = Parts()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    x = tf.constant(FEEDS["x"])
    a = module.scaled(x)
    b = module.scaled(a)
    minus = -module.scaled(b)
    first = module.step(minus, 0)
    return {
        "double": a * 2.0,
        "exp": tf.exp(b),
        "minus": minus,
        "root": tf.sqrt(minus),
        "step": first,
        "turn": first,
        "sin": tf.sin(x),
        "cos": tf.cos(module.w),
        "scaled": [a, b, module.scaled(b), module.scaled(minus)],
    }


@tensorflow
def test_every_part_of_a_body_freezes_to_what_tensorflow_gives(tmp_path: Path) -> None:
    known = build(tmp_path / "model")
    model = open_model(tmp_path / "model")
    builder = NodeTableBuilder(model)

    def named(name: str) -> list[str]:
        return [node.name for node in builder.graph if node.name.rpartition("/")[2] == name]

    wanted = {name: named(name) for name in known}
    full = [item for names in wanted.values() for item in names]
    frozen = freeze(model, full)
    validate(frozen.graph)
    assert not frozen.graph.op_counts().keys() & {"While", "VarHandleOp"}
    values = run_frozen(frozen, FEEDS, {item: item + ":0" for item in full})
    for name, names in wanted.items():
        # A body that is called from several places: the name says which call is meant.
        expected = known[name] if isinstance(known[name], list) else [known[name]]
        found = sorted((values[item] for item in names), key=tuple)
        expected = sorted((np.array(array) for array in expected), key=tuple)
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=name)
        assert {item.name for item in freeze(model, names).graph} <= {n.name for n in frozen.graph}

    (step,) = named("step")
    notes = freeze(model, [step]).notes
    assert any("gives what the first turn of the loop computes" in note for note in notes)
    assert any("is computed whatever the condition says" in note for note in notes)
    # Beside an output outside of bodies, the loop is there and still runs.
    both = freeze(model, [step, "StatefulPartitionedCall"])
    assert "While" in both.graph.op_counts()
    assert len(run_frozen(both, FEEDS)) == 2
    with pytest.raises(UnknownNode, match=r"did you mean '.*/step'\?"):
        freeze(model, ["step"])
    with pytest.raises(UnknownNode, match=r"did you mean '.*/scaled' or .* \(and 1 more\)\?"):
        freeze(model, ["scaled"])
    (atan,) = named("atan")
    with pytest.raises(FreezeError, match=r"MapDataset .* runs as often as it likes"):
        freeze(model, [atan])


def names_that_freeze(shown: Graph, model: Model) -> None:
    for item in shown:
        frozen = freeze(model, [item.name])
        validate(frozen.graph)
        assert item.name in frozen.graph


def bare(nodes: list[NodeDef], *functions: FunctionDef) -> Model:
    return Model(format="GraphDef", name="m", graph=graph(nodes, *functions))


def test_a_graph_without_signatures_freezes_from_inside_of_its_calls() -> None:
    negate = function("negate", "a", [node("n", "Neg", "a", T=1)], {"b": "n:y:0"})
    twice = function(
        "twice",
        "a",
        [call("first", "negate", "a"), node("second", "negate", "first:output:0")],
        {"b": "second:b:0"},
    )
    model = bare([X, call("c", "twice", "x"), node("d", "twice", "c")], negate, twice)
    names_that_freeze(NodeTableBuilder(model).graph, model)
    frozen = freeze(model, ["d/second/n"])
    assert [item.op for item in frozen.graph] == ["Placeholder", "Neg", "Neg", "Neg", "Neg"]
    with pytest.raises(UnknownNode, match="did you mean 'c/first' or 'd/first'"):
        freeze(model, ["first"])
    with pytest.raises(UnknownNode, match="no node of this name"):
        freeze(model, ["c/first/m"])


def test_a_function_that_calls_itself_is_refused_by_one_sentence() -> None:
    again = function("again", "a", [call("c", "again", "a")], {"b": "c:output:0"})
    model = bare([X, call("c", "again", "x")], again)
    for name in ("c", "c/c", "c/c/c"):
        with pytest.raises(GraphError, match="function 'again': it calls itself"):
            freeze(model, [name])
    turn = function(
        "turn", "a", [node("w", "While", "a", cond="go", body="turn", T=[1])], {"b": "w:output:0"}
    )
    go = function("go", "a", [node("g", "Less", "a", "a", T=1)], {"b": "g:z:0"})
    loop = node("w", "While", "x", cond="go", body="turn", T=[1])
    model = bare([X, loop], turn, go)
    with pytest.raises(GraphError, match="'turn' calls itself"):
        freeze(model, ["w/body/w"])
    with pytest.raises(UnknownNode):
        freeze(model, ["w/" + "body/w/" * 300])


def test_a_node_inside_of_a_loop_of_frames_is_refused_and_what_leaves_it_named() -> None:
    nodes = [
        X,
        node("n", "Const", dtype=1),
        node("enter", "Enter", "x", T=1, frame_name=b"f"),
        node("merge", "Merge", "enter", "next", T=1),
        node("limit", "Enter", "n", T=1, frame_name=b"f"),
        node("less", "Less", "merge", "limit", T=1),
        node("go", "LoopCond", "less"),
        node("switch", "Switch", "merge", "go", T=1),
        node("inner", "Enter", "switch:1", T=1, frame_name=b"g"),
        node("inner_merge", "Merge", "inner", "inner_next", T=1),
        node("inner_go", "LoopCond", "inner_merge"),
        node("inner_switch", "Switch", "inner_merge", "inner_go", T=1),
        node("inner_next", "NextIteration", "inner_switch:1", T=1),
        node("inner_exit", "Exit", "inner_switch", T=1),
        node("next", "NextIteration", "inner_exit", T=1),
        node("exit", "Exit", "switch", T=1),
        node("y", "Neg", "exit", T=1),
    ]
    nodes[1].attr["value"].tensor.CopyFrom(from_numpy(np.float32(3)))
    model = bare(nodes)
    for name in ("less", "merge", "enter", "limit", "next", "inner_exit", "inner"):
        end = "inner_exit" if name == "inner" else "exit"
        with pytest.raises(FreezeError, match=f"for each iteration: .* e.g. '{end}'"):
            freeze(model, [name])
    for name in ("x", "n", "exit", "y"):
        assert freeze(model, [name]).graph.get(name) is not None
