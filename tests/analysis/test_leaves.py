"""What graphs of known kinds give: detections, pictures, several outputs; and what is no output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inspector.analysis.outputs import Suggestion, suggest
from inspector.api import open_model
from inspector.graph.graph import Graph
from inspector.graph.protos import NodeDef
from inspector.model.model import Model
from tests import function_graphs as functions
from tests.conftest import data_path
from tests.graphs import const, graph, node, placeholder


def suggestions(made: Graph | Path) -> list[Suggestion]:
    return suggest(open_model(made) if isinstance(made, Path) else Model("GraphDef", "m", made))


def names(made: Graph | Path) -> list[str]:
    return [item.name for item in suggestions(made)]


def test_all_outputs_of_an_identity_n_are_suggested_the_softmax_with_its_reason() -> None:
    path = data_path("field/f12_multi_output_identityn/identity_n.pb")
    items = suggestions(path)
    assert [item.name for item in items[:3]] == [
        "StatefulPartitionedCall",
        "StatefulPartitionedCall:1",
        "StatefulPartitionedCall:2",
    ]
    assert [item.why for item in items[:3]] == [
        "last node",
        "last node, a softmax right before it",
        "last node, int64",
    ]
    assert all(item.inputs == ("x",) for item in items)


@pytest.mark.parametrize("op", ["PartitionedCall", "StatefulPartitionedCall", "f"])
def test_all_outputs_of_a_call_are_suggested(op: str) -> None:
    body = functions.function(
        "f", "a b", [functions.node("n", "Neg", "a", T=1)], {"r": "n:y:0", "s": "b"}
    )
    call = functions.call("call", "f", "x", "y", outputs=2, op=op)
    made = functions.graph([placeholder("x", [2]), placeholder("y", [2]), call], body)
    assert [(item.name, item.inputs) for item in suggestions(made)] == [
        ("call", ("x",)),
        ("call:1", ("y",)),
    ]


def test_an_op_of_tflite_says_how_many_outputs_it_has() -> None:
    last = node("TFLite_Detection_PostProcess", "TFLite_Detection_PostProcess", "x")
    last.attr["_output_types"].list.type.extend([1, 1, 1, 1])
    assert names(graph(placeholder("x", [2]), last)) == [
        "TFLite_Detection_PostProcess",
        *(f"TFLite_Detection_PostProcess:{port}" for port in (1, 2, 3)),
    ]


def test_of_other_nodes_the_first_output_is_suggested() -> None:
    made = graph(
        placeholder("x", [2]),
        const("axis", np.int32(0)),
        node("s", "Split", "axis", "x", num_split=2),
    )
    assert names(made) == ["s"]


def detector(*more: NodeDef, scope: str = "") -> list[str]:
    return names(
        graph(
            placeholder("image_tensor", [1, 8, 8, 3]),
            node("features", "Relu", "image_tensor", T="float32"),
            node("objectness", "Sigmoid", "features", T="float32"),
            node(f"{scope}num_detections", "Identity", "features", T="float32"),
            node(f"{scope}detection_classes", "Identity", "features", T="float32"),
            node(f"{scope}detection_boxes", "Identity", "features", T="float32"),
            node(f"{scope}detection_scores", "Identity", "features", T="float32"),
            *more,
        )
    )


@pytest.mark.parametrize("scope", ["", "import/"])
def test_a_detector_gives_boxes_scores_classes_and_their_number_first(scope: str) -> None:
    four = ["detection_boxes", "detection_scores", "detection_classes", "num_detections"]
    assert detector(scope=scope) == [*(scope + name for name in four), "objectness"]
    # Masks are cut out of the boxes: what other outputs read is an output all the same.
    masks = node("detection_masks", "Sqrt", f"{scope}detection_boxes", T="float32")
    assert detector(masks, scope=scope)[:5] == [*(scope + name for name in four), "detection_masks"]


def generator(end: str, *after: NodeDef) -> list[str]:
    return names(
        graph(
            placeholder("noise", [4, 8]),
            const("w", np.zeros((3, 3, 3, 8), np.float32)),
            const("b", np.zeros(3, np.float32)),
            const("two", np.float32(2)),
            const("v", np.zeros((8, 1), np.float32)),
            const("size", np.int32([4, 8, 8, 3])),
            node("g/up", "Conv2DBackpropInput", "size", "w", "noise", T="float32"),
            node("g/bias", "BiasAdd", "g/up", "b", T="float32"),
            node("g/out", end, "g/bias", T="float32"),
            *after,
            node("d/scores", "MatMul", "noise", "v", T="float32"),
            node("d/real", "Sigmoid", "d/scores", T="float32"),
        )
    )


@pytest.mark.parametrize("end", ["Tanh", "Sigmoid"])
def test_a_picture_comes_before_what_a_discriminator_says(end: str) -> None:
    assert generator(end)[:2] == ["g/out", "d/real"]
    scaled = [
        node("g/half", "Mul", "two", "g/out", T="float32"),
        node("g/pixels", "AddV2", "g/half", "two", T="float32"),
    ]
    assert generator(end, *scaled)[:2] == ["g/pixels", "d/real"]


def test_a_tanh_that_is_no_picture_does_not_come_first() -> None:
    made = graph(
        placeholder("x", [4, 8]),
        const("v", np.zeros((8, 1), np.float32)),
        node("a", "MatMul", "x", "v", T="float32"),
        node("action", "Tanh", "a", T="float32"),
        node("b", "MatMul", "x", "v", T="float32"),
        node("chance", "Sigmoid", "b", T="float32"),
    )
    assert names(made) == ["chance", "action"]


@pytest.mark.parametrize(
    ("length", "last"), [(4, ["picture", "chance"]), (2, ["chance", "picture"])]
)
def test_what_is_reshaped_to_rows_columns_and_channels_is_a_picture(
    length: int, last: list[str]
) -> None:
    made = graph(
        placeholder("x", [4, 8]),
        const("shape", np.ones(length, np.int32)),
        node("b", "Reshape", "x", "shape", T="float32"),
        node("picture", "Tanh", "b", T="float32"),
        node("chance", "Sigmoid", "x", T="float32"),
    )
    assert names(made) == last


def test_iterators_and_data_sets_are_no_outputs() -> None:
    items = suggestions(data_path("field/f21_iterator_input/iterator.pb"))
    assert [item.name for item in items] == ["softmax_tensor"]
    assert items[0].why == "last node, softmax, fed by IteratorGetNext"
    made = graph(
        placeholder("rows", [4]),
        node("scaled", "Sqrt", "rows", T="float32"),
        node("slices", "TensorSliceDataset", "scaled"),
        node("once", "DatasetToSingleElement", "slices"),
        node("iterator", "IteratorV2"),
        node("next", "IteratorGetNext", "iterator"),
        node("y", "Neg", "rows", T="float32"),
        node("handle", "VarHandleOp"),
        node("list", "TensorListReserve", "rows", "rows"),
    )
    assert names(made) == ["y"]


def test_a_retrained_image_model_with_its_labels_and_loss_gives_the_softmax() -> None:
    items = suggestions(data_path("field/f13_no_suggestion_retrain/retrain.pb"))
    assert [item.name for item in items][:1] == ["final_result"]
    assert items[0].inputs == ("DecodeJpeg/contents", "input/BottleneckInput")
    assert not [item.name for item in items if "cross_entropy" in item.name]


def examples(default: NodeDef, *more: NodeDef) -> list[Suggestion]:
    """A training graph that reads its examples through a placeholder with this default."""
    return suggestions(
        graph(
            default,
            *more,
            node("image", "PlaceholderWithDefault", default.name, dtype="float32", shape=[4, 4]),
            placeholder("GroundTruthInput", [4, 4]),
            const("w", np.zeros((4, 4), np.float32)),
            node("scores", "MatMul", "image", "w", T="float32"),
            node("final_result", "Softmax", "scores", T="float32"),
            node("loss", "SoftmaxCrossEntropyWithLogits", "scores", "GroundTruthInput"),
        )
    )


@pytest.mark.parametrize(
    ("op", "more"),
    [
        ("QueueDequeueManyV2", [node("queue", "FIFOQueueV2")]),
        ("IteratorGetNext", [node("queue", "IteratorV2")]),
        ("Const", []),
    ],
)
def test_a_placeholder_with_a_default_out_of_a_queue_or_iterator_is_an_input(
    op: str, more: list[NodeDef]
) -> None:
    default = node("next", op, *(item.name for item in more))
    items = examples(default, *more)
    assert items[0] == Suggestion("final_result", "last node, softmax", ("image",))


def test_a_setting_with_a_default_is_not_what_the_model_is_fed_with() -> None:
    made = graph(
        const("one", np.float32(1)),
        node("keep_prob", "PlaceholderWithDefault", "one", dtype="float32", shape=[]),
        placeholder("y", [4, 4]),
        const("w", np.zeros((4, 4), np.float32)),
        node("early", "MatMul", "y", "w", T="float32"),
        node("embedding", "Tanh", "early", T="float32"),
        node("dropped", "Mul", "early", "keep_prob", T="float32"),
        node("scores", "MatMul", "dropped", "w", T="float32"),
        node("loss", "L2Loss", "scores", T="float32"),
    )
    assert {"embedding", "scores"} <= set(names(made))


def test_a_default_in_a_cycle_ends() -> None:
    made = graph(
        node("a", "PlaceholderWithDefault", "b", dtype="float32", shape=[]),
        node("b", "Identity", "a", T="float32"),
        node("loss", "L2Loss", "a", T="float32"),
    )
    assert names(made) == []


def test_a_node_that_gives_nothing_is_no_output_whatever_its_name() -> None:
    made = graph(
        placeholder("x", [4]), node("y", "Neg", "x", T="float32"), node("output", "NoOp", "^y")
    )
    assert names(made) == ["y"]
