"""A step whose result TensorFlow cannot load is refused, with the dtype or shape that fits."""

from __future__ import annotations

import pytest

import inspector
from inspector.errors import TransformFailed
from inspector.model.model import Model
from inspector.passes import contradictions, pipeline
from tests.conftest import data_path
from tests.passes.text import graph

CONV = """
q = FIFOQueueV2(component_types=[float])
n = QueueDequeueV2(q, component_types=[float])
i = Identity(n, _output_shapes=[[2,8,8,3]])
w = Const(value=random(3,3,3,4))
c = Conv2D(i, w)
y = Relu(c)
"""


def run(
    transforms: str, text: str = CONV, inputs: tuple[str, ...] = ("i",)
) -> pipeline.PipelineResult:
    return pipeline.run(graph(text), inputs, ("y",), transforms)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("type=half", "Conv2D takes float32, and 'i' gives float16 after this step"),
        ("type=half", "give it the type float32"),
        ('type=float, shape="1,8"', "the inputs of the Conv2D do not fit together (rank 2, not 4)"),
        ('shape="1,8,8,1"', "'i' has shape [1, 8, 8, 1] after this step, [2, 8, 8, 3] fits"),
    ],
)
def test_a_placeholder_that_contradicts_its_readers(arguments: str, says: str) -> None:
    with pytest.raises(TransformFailed) as caught:
        run(f"strip_unused_nodes({arguments})")
    assert str(caught.value).startswith("strip_unused_nodes: node 'c': ")
    assert says in str(caught.value)


@pytest.mark.parametrize("arguments", ["", "(type=float)", '(shape="-1,16,16,3")'])
def test_what_fits_is_left_alone(arguments: str) -> None:
    assert run(f"strip_unused_nodes{arguments}").graph.node("i").op == "Placeholder"


def test_the_run_goes_on_where_errors_are_ignored() -> None:
    result = run("strip_unused_nodes(type=half, ignore_errors=true) strip_unused_nodes")
    assert result.steps[0].error is not None
    assert not result.steps[0].modified
    assert result.graph.node("i").attr["dtype"].type == 1


def test_a_rename_that_contradicts_a_reader() -> None:
    text = "x = Placeholder(shape=[2]) ; z = IsNan(x) ; y = LogicalNot(z)"
    with pytest.raises(TransformFailed, match=r"node 'y': LogicalNot takes bool, and 'z' gives"):
        run("rename_op(old_op_name=IsNan, new_op_name=Abs)", text, "x")


def test_what_did_not_fit_before_is_no_fault_of_the_step() -> None:
    text = "x = Placeholder(shape=[2], dtype=half) ; z = Relu(x) ; d = Neg(z) ; y = Neg(d) @/gpu:0"
    result = run("remove_device strip_unused_nodes", text, "x")
    assert result.steps[0].modified
    before = graph(text)
    assert contradictions.refuse(before, before, "t") is None


def test_all_readers_are_named() -> None:
    text = "a = Identity(b) ; b = Const(value=[1]) ; " + " ; ".join(
        f"r{at} = Relu(a)" for at in range(6)
    )
    text += " ; y = AddN(r0, r1, r2, r3, r4, r5)"
    with pytest.raises(TransformFailed, match=r"same holds for 'r1', 'r2', 'r3' and 2 more"):
        run("strip_unused_nodes(type=half)", text, "a")


def test_a_training_graph_cut_at_its_iterator() -> None:
    """Field case: the input of type half in front of a float convolution."""
    opened = inspector.open_model(data_path("field/f21_iterator_input/iterator.pb"))
    assert isinstance(opened, Model)
    arguments = 'type=half, shape="1,20,20,1"'
    with pytest.raises(TransformFailed, match=r"Conv2D takes float32.*give it the type float32"):
        inspector.optimise(
            opened, ["IteratorGetNext"], ["softmax_tensor"], f"strip_unused_nodes({arguments})"
        )
    with pytest.raises(TransformFailed, match=r"do not fit together.*\[1, 20, 20, 1\].* fits"):
        inspector.optimise(
            opened,
            ["IteratorGetNext"],
            ["softmax_tensor"],
            f"strip_unused_nodes({arguments.replace('half', 'float')})",
        )
    found = inspector.optimise(
        opened, ["IteratorGetNext"], ["softmax_tensor"], "strip_unused_nodes"
    )
    assert found.model.graph.node("IteratorGetNext").op == "Placeholder"
