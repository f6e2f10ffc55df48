"""The outputs an expert would pick come first, and what nobody would pick does not come at all."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from inspector.analysis.outputs import LIMIT, of_graph, suggest
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.op_sets import EXITS, SWITCHES
from inspector.graph.protos import NodeDef, SignatureDef
from inspector.model.model import Model
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder, read_model
from tests.passes.text import graph as text_graph

# File below tests/data/models, which MetaGraphDef, the expert's first choice.
FIRST = [
    ("seed/iris/saved_model/saved_model.pb", 0, "dnn/head/predictions/probabilities"),
    ("seed/iris/frozen.pb", 0, "dnn/head/predictions/probabilities"),
    ("seed/iris/optimised.pb", 0, "dnn/head/predictions/probabilities"),
    ("seed/iris/optimised_saved_model/saved_model.pb", 0, "dnn/head/predictions/probabilities"),
    ("seed/ppscore/simple_save/saved_model.pb", 0, "ppscore"),
    ("seed/ppscore/two_metagraphs/saved_model.pb", 0, "ppscore"),
    ("seed/ppscore/two_metagraphs/saved_model.pb", 1, "ppscore"),
    ("seed/ppscore/checkpoints/frozen_model.pb", 0, "ppscore"),
    ("seed/ppscore/checkpoints/var.meta", 0, "ppscore"),
    ("seed/keras/prod_model.pb", 0, "output_node0"),
    ("seed/keras/prod_model_whole_batch.pb", 0, "output_node0"),
    ("public/mlnet_cifar_frozen/frozen.pb", 0, "Output"),
    ("public/mlnet_cifar_checkpoint/ck/model.ckpt.meta", 0, "add_1"),
    ("public/mlnet_cifar_saved_model/model/saved_model.pb", 0, "add_1"),
    ("public/mlnet_mnist_lr_model/model/saved_model.pb", 0, "Prediction"),
    ("public/rust_addition/model.pb", 0, "z"),
    ("public/rust_regression/model.pb", 0, "add"),
    ("public/rust_regression_checkpoint/model.pb", 0, "add"),
    ("public/tf2onnx_ae0/frozen.pb", 0, "output"),
    ("public/tf2onnx_regression_checkpoint/ck/model.meta", 0, "pred"),
    ("public/tf2onnx_regression_saved_model/model/saved_model.pb", 0, "pred"),
    ("public/tribuo_cnn_mnist/graph.pb", 0, "Add_1"),
    ("public/tfnet_example1/model/saved_model.pb", 0, "softmax_tensor"),
    ("public/tfnet_meta_att_rnn_untrained/graph.meta", 0, "output/dense/BiasAdd"),
    ("public/tfnet_meta_rcnn_untrained/graph.meta", 0, "output/dense/BiasAdd"),
    ("public/tfnet_meta_cond_test/graph.meta", 0, "cond/Merge"),
    ("public/tfx_taxi_trained/model/saved_model.pb", 0, "head/predictions/probabilities"),
    ("public/tfdf_adult_rf/model/saved_model.pb", 0, "StatefulPartitionedCall_9"),
    ("public/tfnet_python_func_model/model/saved_model.pb", 0, "StatefulPartitionedCall"),
]


@pytest.mark.parametrize(("path", "index", "name"), FIRST)
def test_the_first_suggestion_is_the_experts(path: str, index: int, name: str) -> None:
    model = read_model(data_path(f"models/{path}"), index)
    assert suggest(model)[0].name == name


@pytest.mark.parametrize(("path", "index", "name"), FIRST)
def test_no_suggestion_is_training_or_saving(path: str, index: int, name: str) -> None:
    model = read_model(data_path(f"models/{path}"), index)
    for item in of_graph(model.graph):
        assert not re.search(r"(^|/)(gradients|save|Adam)(_\d+)?/", item.name), item
        op = model.graph.node(item.name).op
        assert not re.search("Assign|Save|Restore|Summary|Apply|NoOp|^Const$|^Shape$", op), item


def test_reasons_name_signature_and_key() -> None:
    model = read_model(data_path("models/seed/iris/saved_model/saved_model.pb"))
    assert [item.why for item in suggest(model)] == [
        "signature predict: probabilities",
        "signature predict: logits",
        "signature predict: class_ids",
        "signature predict: classes",
    ]


def test_ports_other_than_0_are_written_out() -> None:
    model = read_model(
        data_path("models/public/tfjs_model_single_input_multi_output/model/saved_model.pb")
    )
    names = [item.name for item in suggest(model)]
    assert names == ["StatefulPartitionedCall", "StatefulPartitionedCall:1"]


def signature(**outputs: str) -> SignatureDef:
    made = SignatureDef()
    for key, dtype in outputs.items():
        made.outputs[key].name = f"{key}:0"
        made.outputs[key].dtype = tensors.dtype_enum(dtype)
    return made


def test_serving_default_comes_before_other_signatures_and_training_last() -> None:
    model = Model("SavedModel", "m", graph())
    model.signatures = {
        "train": signature(loss="float32"),
        "a": signature(other="float32"),
        "serving_default": signature(classes="string", scores="float32"),
        "__saved_model_init_op": signature(init="float32"),
    }
    assert [item.name for item in suggest(model)] == ["scores", "classes", "other", "loss"]


def trained(label: str) -> Graph:
    return graph(
        placeholder("x", [None, 4]),
        placeholder(label, [None, 2]),
        const("w", np.zeros((4, 2), np.float32)),
        node("fc", "MatMul", "x", "w", T="float32"),
        node("diff", "Sub", "fc", label, T="float32"),
        node("mean_error", "Square", "diff", T="float32"),
        node("gradients/MatMul_grad", "MatMul", "x", "mean_error", T="float32"),
        node("zeros", "Equal", "fc", "w", T="float32"),
        node("fraction", "Cast", "zeros", SrcT="bool", DstT="float32"),
        node("summary_of_zeros", "ScalarSummary", "fraction", "fraction", T="float32"),
        node("fc_shape", "Shape", "fc", T="float32"),
    )


@pytest.mark.parametrize("label", ["y", "labels", "Placeholder_1"])
def test_losses_and_summaries_are_no_outputs(label: str) -> None:
    assert [item.name for item in of_graph(trained(label))] == ["fc"]


def test_a_feed_called_y_is_no_label_where_nothing_trains() -> None:
    made = graph(placeholder("y", [2]), node("out", "Relu", "y", T="float32"))
    assert [item.name for item in of_graph(made)] == ["out"]


def test_what_a_recurrent_layer_starts_from_is_suggested_last() -> None:
    model = graph(
        placeholder("x", [None, 4]),
        node("decoder/ids", "ArgMax", "x", T="float32"),
        node("decoder/AttentionWrapperZeroState/checked_cell_state", "Identity", "x", T="float32"),
    )
    assert [item.name for item in of_graph(model)] == [
        "decoder/ids",
        "decoder/AttentionWrapperZeroState/checked_cell_state",
    ]


def test_softmax_inside_the_model_is_no_head() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        node("attention", "Softmax", "x", T="float32"),
        node("context", "MatMul", "attention", "x", T="float32"),
        node("head", "Softmax", "context", T="float32"),
        node("best", "ArgMax", "head", T="float32"),
    )
    names = [item.name for item in of_graph(made)]
    assert names == ["head", "best"]


def test_what_is_decoded_from_a_head_comes_before_the_head() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        node("objectness", "Sigmoid", "x", T="float32"),
        node("size", "Exp", "x", T="float32"),
        node("boxes", "Mul", "objectness", "size", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["boxes", "objectness"]


def test_a_head_in_the_scope_of_the_loss_and_the_log_that_only_the_loss_reads() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        placeholder("labels", [4, 4]),
        const("w", np.zeros((4, 4), np.float32)),
        node("loss/scores", "MatMul", "x", "w", T="float32"),
        node("loss/head", "Softmax", "loss/scores", T="float32"),
        node("log", "Log", "loss/head", T="float32"),
        node("entropy", "Mul", "log", "labels", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["loss/head"]


def test_a_loss_without_name_or_labels_is_known_by_where_its_gradient_starts() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        const("w", np.zeros((4, 4), np.float32)),
        node("a", "MatMul", "x", "w", T="float32"),
        node("b", "Tanh", "a", T="float32"),
        node("c", "Mean", "b", "w", T="float32"),
        node("d", "Neg", "c", T="float32"),
        const("gradients/grad_ys_0", np.ones((), np.float32)),
        node("gradients/d_grad/Neg", "Neg", "gradients/grad_ys_0", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["b"]


def dense(name: str, source: str, weights: str) -> list[NodeDef]:
    return [
        node(f"{weights}/read/{name}", "Identity", weights, T="float32"),
        node(name, "MatMul", source, f"{weights}/read/{name}", T="float32"),
    ]


def loss(start: str, number: int, *trained: str) -> list[NodeDef]:
    """The gradient of a loss, as TensorFlow 1 names it, applied to these variables."""
    scope = f"gradients_{number}" if number else "gradients"
    first = f"{scope}/{start}_grad/first"
    nodes = [const(f"{scope}/grad_ys_0", np.ones((), np.float32))]
    nodes += [node(first, "Neg", f"{scope}/grad_ys_0", T="float32")]
    return nodes + [
        node(f"update_{name}_{number}", "ApplyGradientDescent", name, "rate", first, T="float32")
        for name in trained
    ]


def variables(*names: str) -> list[NodeDef]:
    made = [node(name, "VariableV2", dtype="float32") for name in names]
    return [*made, const("rate", np.float32(0.1)), const("axis", np.int32(0))]


def test_what_is_judged_by_weights_that_its_loss_leaves_alone_comes_first() -> None:
    made = graph(
        placeholder("noise", [4, 4]),
        placeholder("photo", [4, 4]),
        *variables("g", "d"),
        *dense("made", "noise", "g"),
        node("picture", "Tanh", "made", T="float32"),
        const("scale", np.float32(2)),
        node("scaled", "Mul", "picture", "scale", T="float32"),
        node("pair", "ConcatV2", "scaled", "photo", "axis", T="float32"),
        *dense("fake", "pair", "d"),
        *dense("real", "photo", "d"),
        node("d_mean", "Mean", "real", "axis", T="float32"),
        node("g_mean", "Mean", "fake", "axis", T="float32"),
        node("both", "Sub", "d_mean", "g_mean", T="float32"),
        *loss("both", 0, "d"),
        *loss("g_mean", 1, "g"),
    )
    found = of_graph(made)
    assert found[0].name == "scaled"
    assert found[0].why.startswith("what other layers judge")
    assert {item.name for item in found[1:]} == {"fake", "real"}


def test_what_no_trained_weight_is_in_comes_last() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        *variables("small", "big"),
        *dense("pupil", "x", "small"),
        *dense("teacher", "x", "big"),
        node("soft", "Softmax", "teacher", T="float32"),
        node("gap", "Sub", "pupil", "soft", T="float32"),
        node("end", "Mean", "gap", "axis", T="float32"),
        *loss("end", 0, "small"),
    )
    assert [item.name for item in of_graph(made)] == ["pupil", "soft"]


def towers(*after: NodeDef) -> list[str]:
    made = graph(
        placeholder("x1", [4, 4]),
        placeholder("x2", [4, 4]),
        placeholder("label", [4]),
        *variables("w"),
        *dense("one", "x1", "w"),
        *dense("two", "x2", "w"),
        node("one/unit", "Tanh", "one", T="float32"),
        node("two/unit", "Tanh", "two", T="float32"),
        *after,
        *loss("end", 0, "w"),
    )
    return [item.name for item in of_graph(made)]


def test_what_the_same_weights_make_of_two_inputs_is_an_embedding() -> None:
    found = towers(
        node("gap", "Sub", "one/unit", "two/unit", T="float32"),
        node("far", "Square", "gap", T="float32"),
        node("weighed", "Mul", "far", "label", T="float32"),
        node("end", "Mean", "weighed", "axis", T="float32"),
    )
    assert found[:2] == ["two/unit", "one/unit"]


def test_a_comparison_that_the_labels_are_subtracted_from_is_the_output() -> None:
    found = towers(
        node("product", "Mul", "one/unit", "two/unit", T="float32"),
        node("score", "Sum", "product", "axis", T="float32"),
        node("off", "Sub", "label", "score", T="float32"),
        node("end", "Mean", "off", "axis", T="float32"),
    )
    assert found[:3] == ["score", "two/unit", "one/unit"]


def test_rows_that_are_all_compared_with_each_other_are_embeddings() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        *variables("w"),
        *dense("code", "x", "w"),
        node("turned", "Transpose", "code", "axis", T="float32"),
        node("pairs", "MatMul", "code", "turned", T="float32"),
        node("hinge", "Relu", "pairs", T="float32"),
        node("end", "Mean", "hinge", "axis", T="float32"),
        *loss("end", 0, "w"),
    )
    assert of_graph(made)[0].name == "code"


def test_examples_out_of_a_queue_need_no_placeholder() -> None:
    made = graph(
        placeholder("enqueue_input/Placeholder", [4, 4]),
        node("queue", "FIFOQueueV2"),
        node("fill", "QueueEnqueueManyV2", "queue", "enqueue_input/Placeholder"),
        node("examples", "QueueDequeueManyV2", "queue", "batch"),
        const("batch", np.int32(4)),
        *variables("w"),
        *dense("scores", "examples", "w"),
        node("chances", "Softmax", "scores", T="float32"),
        node("end", "Mean", "chances", "axis", T="float32"),
        *loss("end", 0, "w"),
    )
    found = suggest(Model("GraphDef", "m", made))
    assert [item.name for item in found] == ["chances", "scores"]
    assert found[0].why.endswith("fed by examples")
    assert found[0].inputs == ()


def test_an_entropy_and_the_true_classes_of_a_sampled_loss_are_no_outputs() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        placeholder("classes_of_next", [4, 1]),
        *variables("w"),
        *dense("scores", "x", "w"),
        node("chances", "Softmax", "scores", T="float32"),
        node("log", "Log", "chances", T="float32"),
        node("entropy", "Mul", "chances", "log", T="float32"),
        node("flat", "Reshape", "classes_of_next", "axis", T="int64"),
        node("drawn", "LogUniformCandidateSampler", "flat"),
        node("end", "Mean", "entropy", "axis", T="float32"),
        *loss("end", 0, "w"),
    )
    assert [item.name for item in of_graph(made)] == ["chances", "scores"]


def test_a_label_that_a_trained_layer_needs_is_a_feed() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        placeholder("y", [4, 4]),
        *variables("w", "v"),
        *dense("said", "y", "w"),
        *dense("seen", "x", "w"),
        node("both", "Add", "said", "seen", T="float32"),
        *dense("scores", "both", "v"),
        node("off", "SoftmaxCrossEntropyWithLogits", "scores", "y", T="float32"),
        node("end", "Mean", "off", "axis", T="float32"),
        *loss("end", 0, "w", "v"),
    )
    assert [item.name for item in of_graph(made)] == ["scores"]


@pytest.mark.parametrize(
    ("last", "names"),
    [
        ("z = Split(axis, y, num_split=2)", {"z", "z:1"}),
        ("z = TopKV2(y, two)", {"z", "z:1"}),
        ("z = Unpack(y, num=3, axis=1)", {"z", "z:1", "z:2"}),
        ("z = FusedBatchNormV3(y, w, w, w, w)", {"z"}),
    ],
)
def test_all_parts_of_an_answer_are_suggested(last: str, names: set[str]) -> None:
    text = "x = Placeholder() ; w = Const(value=ones(4, 4)) ; y = MatMul(x, w)"
    consts = "axis = Const(value=1, dtype=int32) ; two = Const(value=2, dtype=int32)"
    suggested = {item.name for item in of_graph(text_graph(f"{text} ; {consts} ; {last}"))}
    assert {name for name in suggested if name.startswith("z")} == names


LAST_DROPOUT = """
    x = Placeholder(shape=[-1, 4]) ; w = Const(value=ones(4, 4)) ; h = MatMul(x, w)
    s = Shape(h, out_type=int32) ; r = RandomUniform(s, T=int32, dtype=float)
    keep_prob = Placeholder() ; a = Add(r, keep_prob) ; f = Floor(a) ; d = RealDiv(h, keep_prob)
    phase = Placeholder(dtype=bool) ; t = Switch(d, phase, T=float) ; m = Mul(t:1, f)
    e = Merge(t, m, N=2, T=float) ; y = Softmax(e) ; w/Initializer/value = Const(value=ones(4, 4))
    save/Const = Const(value=['model'], dtype=string)
"""


@pytest.mark.parametrize(
    "training",
    [
        "",
        "label = Placeholder(shape=[-1, 4]) ; loss = SoftmaxCrossEntropyWithLogits(e, label)",
    ],
)
def test_flags_and_dropout_after_the_last_weights_are_no_labels(training: str) -> None:
    names = [item.name for item in of_graph(text_graph(f"{LAST_DROPOUT} ; {training}"))]
    assert names[0] == "y"
    assert "r" not in names
    assert "loss" not in names


def test_a_graph_that_is_only_saved_has_no_labels() -> None:
    names = [item.name for item in of_graph(text_graph(LAST_DROPOUT.replace("keep_prob", "k")))]
    assert names[0] == "y"
    assert "r" not in names


def test_where_nothing_is_made_of_feeds_the_trained_weights_are_the_answer() -> None:
    made = graph(
        placeholder("count", [4]),
        *variables("focal", "context"),
        node("both", "Add", "focal", "context", T="float32"),
        node("loss/row", "GatherV2", "focal", "count", T="float32"),
        node("loss/off", "Sub", "loss/row", "count", T="float32"),
        node("end", "Mean", "loss/off", "axis", T="float32"),
        *loss("end", 0, "focal", "context"),
        node("weight/Read/ReadVariableOp", "ReadVariableOp", "focal", dtype="float32"),
    )
    found = of_graph(made)
    assert [item.name for item in found] == ["both"]
    assert found[0].why == "last node"


@pytest.mark.parametrize("op", sorted(SWITCHES))
def test_a_branch_that_may_not_be_taken_gives_no_output(op: str) -> None:
    made = graph(
        placeholder("x", [4, 4]),
        placeholder("which", [], "bool"),
        node("switch", op, "x", "which", T="float32"),
        node("stray", "Sigmoid", "switch", T="float32"),
        node("yes", "Tanh", "switch:1", T="float32"),
        node("no", "Relu", "switch", T="float32"),
        node("merge", "Merge", "no", "yes", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["merge"]


def test_training_with_cycles_and_loose_ends_is_survived() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        *variables("w", "v"),
        node("a", "MatMul", "x", "w", T="float32"),
        node("b", "Add", "a", "c", T="float32"),
        node("c", "Identity", "b", T="float32"),
        node("d", "MatMul", "c", "v", "gone", T="float32"),
        *loss("d", 0, "w"),
        *loss("nowhere", 1, "v"),
        node("lone", "ApplyAdam"),
    )
    assert of_graph(made)


def test_what_is_written_into_a_variable_is_no_output() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        node("centroids", "VariableV2", dtype="float32"),
        node("assignments", "ArgMin", "x", "x", T="float32"),
        node("new", "Add", "x", "x", T="float32"),
        node("update", "Assign", "centroids", "new", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["assignments"]


def test_nodes_inside_of_a_loop_are_not_suggested() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        node("enter", "Enter", "x", T="float32", frame_name="f"),
        node("turn", "Softmax", "enter", T="float32"),
        node("exit", "Exit", "enter", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["exit"]


@pytest.mark.parametrize("op", sorted(EXITS))
def test_an_exit_that_nothing_reads_is_a_last_node(op: str) -> None:
    made = graph(placeholder("x", [4, 4]), node("state", op, "x", T="float32"))
    assert [item.why for item in of_graph(made)] == ["last node"]


def test_what_a_loop_leaves_and_nothing_reads_comes_last() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        node("state", "Exit", "x", T="float32"),
        node("answer", "MatMul", "state", "x", T="float32"),
        node("turns", "TensorArrayGatherV3", "x", "x", "x", dtype="float32"),
        node("outputs_of_turns", "Transpose", "turns", "x", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["answer", "outputs_of_turns"]


def test_a_node_that_is_called_output_is_among_them() -> None:
    made = graph(
        placeholder("x", [4, 4]),
        node("Output", "MatMul", "x", "x", T="float32"),
        node("sum", "Add", "Output", "x", T="float32"),
    )
    assert [item.name for item in of_graph(made)] == ["sum", "Output"]


def test_cycles_dangling_inputs_and_repeated_names_are_survived() -> None:
    made = graph(
        placeholder("x", None),
        node("a", "Add", "b", "x"),
        node("b", "Identity", "a"),
        node("b", "Softmax", "gone"),
        node("c", "Identity", "c"),
        node("", "Relu", "x"),
        node("odd", "NoSuchOp", "x:7", "^x"),
    )
    assert {item.name for item in of_graph(made)} >= {"odd"}


def test_at_most_limit_and_100_000_nodes_quickly() -> None:
    nodes = [placeholder("x", [None])]
    nodes += [node(f"n{i}", "Relu", f"n{i - 1}" if i % 1000 else "x") for i in range(100_000)]
    made = graph(*nodes)
    start = time.process_time()
    assert len(suggest(Model("GraphDef", "m", made))) == LIMIT
    assert time.process_time() - start < 4


def test_nothing_inside_of_a_loop_is_suggested() -> None:
    looped = graph(
        placeholder("x", []),
        node("loop/enter", "Enter", "x", T="float32"),
        node("loop/merge", "Merge", "loop/enter", "loop/next", T="float32"),
        const("one", np.float32(1)),
        node("loop/limit", "Enter", "one", T="float32"),
        node("loop/less", "Less", "loop/merge", "loop/limit", T="float32"),
        node("loop/cond", "LoopCond", "loop/less"),
        node("loop/switch", "Switch", "loop/merge", "loop/cond", T="float32"),
        node("loop/more", "Add", "loop/switch:1", "loop/limit", T="float32"),
        node("loop/next", "NextIteration", "loop/more", T="float32"),
        node("loop/stray", "Square", "loop/more", T="float32"),
        node("loop/stray_1", "Sigmoid", "loop/more", T="float32"),
        node("loop/exit", "Exit", "loop/switch", T="float32"),
        node("y", "Sqrt", "loop/exit", T="float32"),
    )
    assert [item.name for item in of_graph(looped)] == ["y"]
