"""TransformGraph: as a notebook of TensorFlow 1 calls it; and the notebook's own numbers."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from inspector.api.transform_graph import TransformGraph
from inspector.errors import UnknownTransform
from inspector.graph import tensors
from inspector.graph.protos import GraphDef
from inspector.passes.parser import format_call, parse
from inspector.passes.presets import PRESETS
from tests.conftest import ROOT, data_path
from tests.passes.text import graph_def

TEXT = "x = Placeholder(shape=[2]) ; i = Identity(x) ; y = Relu(i)"
OUTPUT = "dnn/head/predictions/probabilities"
NOTEBOOK = [format_call(call) for call in parse(PRESETS["seed"].transforms)]


def test_a_graph_of_ours_gives_a_graph_of_ours():
    before = graph_def(TEXT)
    frozen = before.SerializeToString(deterministic=True)
    after = TransformGraph(before, ["x"], ["y"], ["remove_nodes(op=Identity)"])
    assert type(after) is GraphDef
    assert [node.name for node in after.node] == ["x", "y"]
    assert before.SerializeToString(deterministic=True) == frozen
    after.node[0].name = "changed"
    assert before.node[0].name == "x"


@pytest.mark.tensorflow
def test_a_graph_of_tensorflow_gives_one_of_tensorflow():
    import tensorflow as tf

    before = tf.compat.v1.GraphDef.FromString(graph_def(TEXT).SerializeToString())
    before.library.function.add().signature.name = "f"
    after = TransformGraph(before, ["x"], ["y"], ["remove_nodes(op=Identity)"])
    assert type(after) is tf.compat.v1.GraphDef
    assert [node.name for node in after.node] == ["x", "y"]
    assert after.versions == before.versions
    assert after.library == before.library
    assert len(before.node) == 3


IN_A_WORKER = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "tf_keras", "streamlit"):
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)

sys.meta_path.insert(0, Blocker())
from inspector import TransformGraph
from inspector.graph.protos import GraphDef
before = GraphDef.FromString(sys.stdin.buffer.read())
after = TransformGraph(before, ["x"], ["y"], sys.argv[1:])
print(*(f"{node.name}:{node.op}" for node in after.node))
"""


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "transforms",
    [["fold_constants"], ["grappler(optimizers=constfold)"]],
    ids=lambda texts: texts[0],
)
def test_kernels_and_grappler_run_in_a_worker(transforms):
    text = (
        "x = Placeholder(shape=[2], dtype=float) ; a = Const(value=[1, 2], dtype=float)"
        " ; b = Add(a, a, T=float) ; y = Mul(x, b, T=float)"
    )
    command = [sys.executable, "-c", IN_A_WORKER, *transforms]
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=graph_def(text).SerializeToString(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    ops = dict(item.split(":") for item in done.stdout.decode().split())
    assert "Add" not in ops.values()
    assert ops["y"] == "Mul"


@pytest.mark.tensorflow
def test_grappler_is_at_hand():
    after = TransformGraph(graph_def(TEXT), ["x"], ["y"], ["grappler(optimizers=pruning)"])
    assert [node.name for node in after.node] == ["x", "y"]


@pytest.mark.parametrize("inputs", ["x,q", ["x", "q"], ["x,q"], " x , q ", ["x", "", "q"]])
def test_names_as_a_list_or_with_commas(inputs):
    before = graph_def("x = Identity(z) ; z = Placeholder() ; q = Identity(x) ; y = Relu(q)")
    after = TransformGraph(before, inputs, "y", "remove_nodes(op=Identity)")
    assert len(after.node) == 4


@pytest.mark.parametrize("kind", [str.encode, lambda text: [text.encode()]])
def test_bytes_do_as_text(kind):
    after = TransformGraph(
        graph_def(TEXT), kind("x"), kind("y"), kind("remove_nodes(op=Identity) strip_unused_nodes")
    )
    assert [node.name for node in after.node] == ["x", "y"]


def test_no_transform_is_no_change():
    assert TransformGraph(graph_def(TEXT), [], [], []) == graph_def(TEXT)


def test_errors_are_ours():
    with pytest.raises(UnknownTransform):
        TransformGraph(graph_def(TEXT), ["x"], ["y"], ["hoist_fake_quants"])


@pytest.mark.parametrize("named", [False, True])
def test_the_notebook(named):
    """86 nodes, 41 Const, no Identity, and every weight the real tool wrote, code by code."""
    frozen = GraphDef.FromString(data_path("models/seed/iris/frozen.pb").read_bytes())
    theirs = GraphDef.FromString(data_path("models/seed/iris/optimised.pb").read_bytes())
    inputs = [node.name for node in frozen.node if node.op == "Placeholder"] if named else []
    after = TransformGraph(frozen, inputs, [OUTPUT], NOTEBOOK)
    counts = Counter(node.op for node in after.node)
    assert len(after.node) == 86
    assert (counts["Const"], counts["Identity"], counts["Dequantize"]) == (41, 0, 5)
    reference = {node.name: node for node in theirs.node}
    assert {node.name: node.op for node in after.node} == {n: v.op for n, v in reference.items()}
    for node in after.node:
        assert [text.removesuffix(":0") for text in node.input] == [
            text.removesuffix(":0") for text in reference[node.name].input
        ]
        if node.op == "Const":
            ours, real = (item.attr["value"].tensor for item in (node, reference[node.name]))
            assert ours.dtype == real.dtype
            np.testing.assert_array_equal(tensors.to_numpy(ours), tensors.to_numpy(real))
    assert after.versions.producer == frozen.versions.producer


@pytest.mark.tensorflow
def test_the_notebooks_predictions():
    from inspector.graph.graph import Graph
    from tests.passes.running import run

    frozen = GraphDef.FromString(data_path("models/seed/iris/frozen.pb").read_bytes())
    theirs = GraphDef.FromString(data_path("models/seed/iris/optimised.pb").read_bytes())
    after = TransformGraph(frozen, [], [OUTPUT], NOTEBOOK)
    rng = np.random.RandomState(0)
    feeds = {
        node.name: rng.uniform(0, 8, 50).astype(np.float32)
        for node in frozen.node
        if node.op == "Placeholder"
    }
    (expected,) = run(Graph.of(theirs), [OUTPUT], feeds)
    (found,) = run(Graph.of(after), [OUTPUT], feeds)
    np.testing.assert_array_equal(found, expected)


def test_nothing_imports_the_hidden_tool():
    for file in (ROOT / "inspector").rglob("*.py"):
        assert "_pywrap_transform_graph" not in file.read_text(encoding="utf-8"), file
