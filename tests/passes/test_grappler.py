"""Grappler as a transform: its traps, and that it is TensorFlow's own work."""

from __future__ import annotations

import pytest

import inspector
from inspector import locations
from inspector.errors import BadParameter, InspectorError, TransformFailed, UnknownNode
from inspector.jobs.client import kernels
from inspector.passes import PASSES, pipeline
from inspector.passes.pipeline import plan
from inspector.passes.transforms.grappler import OPTIMIZERS
from tests.passes.running import assert_same_values, optimise_graph
from tests.passes.text import graph, show

NET = (
    "x = Placeholder(shape=[2,3]) ; w = Const(value=random(3,4)) ; m = MatMul(x, w)"
    " ; b = Const(value=random(4)) ; a = BiasAdd(m, b) ; i = Identity(a) ; y = Neg(i)"
)


def run(text, transforms, outputs=("y",), **options):
    options = {"grappler": optimise_graph, **options}
    return pipeline.run(
        graph(text), ["x"], outputs, transforms, pipeline.PipelineOptions(**options)
    )


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("grappler(optimizers=constfolding)", "did you mean 'constfold'"),
        ('grappler(optimizers="constfold,nope")', "'nope' is none of pruning"),
        ("grappler(optimizers=memory)", "'memory' is none of"),
        ('grappler(optimizers=",")', "names nothing"),
    ],
)
def test_names_that_grappler_would_ignore_are_refused(written, told):
    with pytest.raises(BadParameter, match=told):
        plan(written)


def test_each_optimiser_has_a_transform_and_goes_by_its_own_name():
    for name in OPTIMIZERS:
        assert f"grappler_{name}" in PASSES
        (long,) = plan(f"grappler_{name}")
        (short,) = plan(name)
        assert short.transform is long.transform
        assert name not in PASSES
    (both,) = plan('grappler(optimizers="constfold, arithmetic", optimizers=remap)')
    assert both.params == {"optimizers": ("constfold", "arithmetic", "remap")}


@pytest.mark.tensorflow
def test_nodes_only_this_tensorflow_loads_are_named():
    result = run(NET, "remap")
    (step,) = result.steps
    assert step.warnings == ["_FusedMatMul: only the TensorFlow installed here loads this"]
    assert result.graph.node("a").op == "_FusedMatMul"
    assert_same_values(graph(NET), result.graph, ["y"], atol=1e-6)
    assert run(NET, "constfold").steps[0].warnings == []


@pytest.mark.tensorflow
def test_what_grappler_notes_is_taken_away_again():
    result = run(NET, 'grappler(optimizers="pruning,constfold,arithmetic,dependency")')
    for node in result.graph:
        assert node.device == ""
        assert not [key for key in node.attr if key.startswith("_")]
        assert not node.HasField("experimental_type")
    assert "grad_a" not in result.graph.node("m").attr
    before = graph(NET)
    assert result.graph.versions == before.versions
    assert result.graph.node("w") == before.node("w")
    (change,) = [item for item in result.steps[0].changed if item.name == "i"]
    assert change.kind == "removed"
    assert change.rule.startswith("Grappler: ")


@pytest.mark.tensorflow
@pytest.mark.parametrize("value", ["zeros(4,8)", "ones(4,8)", "[0]", "[[-0.0]]"])
def test_a_constant_that_it_only_writes_shorter_stays_as_it_is(value):
    text = f"x = Placeholder(shape=[4,8]) ; k = Const(value={value}) ; y = Add(x, k)"
    (step,) = run(text, "debug_stripper").steps
    assert not step.modified
    assert not step.changed


@pytest.mark.tensorflow
def test_devices_that_are_there_stay():
    text = NET.replace("m = MatMul(x, w)", "m = MatMul(x, w) @/device:CPU:0")
    assert run(text, "pruning").graph.node("m").device == "/device:CPU:0"


@pytest.mark.tensorflow
def test_a_placeholder_without_a_shape_is_no_obstacle():
    result = run("x = Placeholder() ; i = Identity(x) ; y = Neg(i)", "pruning")
    assert show(result.graph) == "x = Placeholder()\ny = Neg(x)"
    assert "shape" not in result.graph.node("x").attr


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = Placeholder(shape=[2]) ; y = Neg(z) ; z = Neg(y)", "cycle"),
        ("x = Placeholder(shape=[2]) ; y = Neg(x:3)", "invalid output 3"),
        ("x = Placeholder(shape=[2]) ; y = Neg(x, T=int32)", "expected int32"),
        ("x = Placeholder(shape=[2]) ; y = Neg(x, T=string)", "string"),
        ("x = Placeholder(shape=[2]) ; y = MatMul(x, x)", "must be rank 2"),
        (
            "x = Placeholder(shape=[2]) ; f = Const(value=[1], dtype=int32)"
            " ; i = ImmutableConst(memory_region_name=f, dtype=float, shape=[2]) ; y = Add(x, i)",
            "not computed for a model you may not know",
        ),
    ],
)
def test_a_graph_that_would_end_the_process_is_an_error(text, told):
    with pytest.raises(TransformFailed) as caught:
        run(text, "constfold")
    assert told in str(caught.value)
    left = run(text, "constfold(ignore_errors=true)")
    assert isinstance(left.steps[0].error, InspectorError)


@pytest.mark.tensorflow
def test_what_has_to_be_there():
    with pytest.raises(TransformFailed, match="name at least one: Grappler"):
        run(NET, "constfold", outputs=())
    with pytest.raises(UnknownNode):
        run(NET, "constfold", outputs=("nope",))
    with pytest.raises(TransformFailed, match="is not available"):
        run(NET, "constfold", grappler=None)
    with pytest.raises(TransformFailed, match="strip_unused_nodes turns it into one"):
        pipeline.run(
            graph(NET), ["a"], ["y"], "constfold", pipeline.PipelineOptions(grappler=optimise_graph)
        )


@pytest.mark.tensorflow
def test_a_worker_does_it_for_the_library():
    model = inspector.open_model(locations.sample_models() / "iris" / "saved_model")
    done = inspector.optimise(
        model,
        outputs=["dnn/head/predictions/probabilities"],
        transforms='grappler(optimizers="pruning,constfold,arithmetic")',
    )
    (step,) = done.steps
    assert step.modified
    assert step.nodes_after < step.nodes_before
    before = graph(NET)
    after = kernels.grappler(before, ["x"], ["y"], ["pruning"])
    assert after.node("w") is before.node("w")


@pytest.mark.tensorflow
@pytest.mark.slow
def test_a_network_with_loops_attention_and_batch_norms(tmp_path):
    keras = pytest.importorskip("keras")
    layers = keras.layers
    steps = keras.Input((6, 4))
    x = layers.Bidirectional(layers.LSTM(5, return_sequences=True))(steps)
    x = layers.LayerNormalization()(layers.MultiHeadAttention(2, 3)(x, x))
    x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(7, 3)(x)))
    x = layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(x))
    keras.Model(steps, x).export(str(tmp_path / "m"), verbose=False)
    before = inspector.freeze(inspector.open_model(tmp_path / "m")).graph
    (fed,) = [item.name for item in before.nodes if item.op == "Placeholder"]
    (y,) = [item.name for item in before.nodes if not before.consumers(item.name)]
    assert "While" in before.op_counts() or "StatelessWhile" in before.op_counts()
    every = ",".join(name for name in OPTIMIZERS if "bfloat16" not in name)
    for transforms in ("grappler", f'grappler(optimizers="{every}")'):
        done = pipeline.run(
            before, [fed], [y], transforms, pipeline.PipelineOptions(grappler=optimise_graph)
        )
        assert done.steps[0].modified
        assert_same_values(before, done.graph, [y], atol=1e-5)
