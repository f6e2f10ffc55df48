"""What generated feeds are like: shapes and ranges by the ops that read them, values by names."""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
import pytest

import inspector
from inspector.errors import BadFeed, LimitExceeded
from inspector.model.model import Model
from inspector.optimisation import check_feeds, feed_contents, feeds
from inspector.optimisation.feed_roles import Role
from inspector.optimisation.feeds import Slot
from tests import graphs
from tests.conftest import ROOT, data_path
from tests.passes.text import graph, graph_def


def slot(text: str, name: str = "p", dtype: str = "float", output: str = "y") -> Slot:
    """The slot of ``p``, a placeholder without a shape that this graph reads."""
    placeholder = f"{name} = Placeholder(dtype={dtype})"
    return check_feeds.slots_to_feed(graph(f"{placeholder} ; {text}"), [], [output])[f"{name}:0"]


MODELS = ROOT / "tests" / "models"


@pytest.mark.parametrize(
    ("text", "dtype", "shape", "value"),
    [
        ("x = Const(value=[1]) ; s = Switch(x, p, T=float) ; y = Neg(s)", "bool", [], 0),
        ("x = Const(value=[1]) ; n = LogicalNot(p) ; s = Switch(x, n) ; y = Neg(s)", "bool", [], 0),
        ("x = Const(value=[1]) ; a = Assert(p, x, T=[float]) ; y = Neg(x, ^a)", "bool", [], 1),
        ("c = Const(value=-1, dtype=int32) ; y = Pack(c, p, N=2, T=int32)", "int32", [], 1),
        (
            "x = Const(value=ones(4)) ; k = Pack(p, p, N=2, T=int32)"
            " ; y = Reshape(x, k, Tshape=int32)",
            "int32",
            [],
            1,
        ),
        ("a = Const(value=0, dtype=int32) ; y = Range(a, p, a, Tidx=int32)", "int32", [], 1),
        ("x = Const(value=ones(2,3)) ; y = TopKV2(x, p)", "int32", [], 1),
        ("x = Const(value=ones(2,3)) ; y = Mul(x, p)", "float", [], None),
        ("w = Const(value=ones(3,3,2,4)) ; y = Conv2D(p, w)", "float", [None, None, None, 2], None),
        ("w = Const(value=ones(8,3)) ; y = MatMul(p, w)", "float", [None, 8], None),
        (
            "c = Const(value=255.0) ; d = RealDiv(p, c) ; w = Const(value=ones(3,3,2,4))"
            " ; y = Conv2D(d, w)",
            "float",
            [None, None, None, 2],
            None,
        ),
        ("w = Const(value=ones(8,3)) ; y = BatchMatMulV2(p, w)", "float", [None, 8], None),
        (
            "w = Const(value=ones(3,8)) ; y = MatMul(p, w, transpose_b=true)",
            "float",
            [None, 8],
            None,
        ),
        (
            "s = Const(value=[-1,4,3], dtype=int32) ; y = Reshape(p, s, Tshape=int32)",
            "float",
            [None, 4, 3],
            None,
        ),
        (
            "x = Const(value=[1]) ; q = Squeeze(p, T=bool) ; s = Switch(x, q) ; y = Neg(s)",
            "bool",
            [],
            0,
        ),
        ("y = Relu(p)", "float", None, None),
    ],
)
def test_the_shape_is_what_the_readers_take(
    text: str, dtype: str, shape: Any, value: float | None
) -> None:
    role = slot(text, dtype=dtype).role
    assert (role.shape, role.value) == (shape, value)


DROPOUT = (
    "x = Placeholder(shape=[2,3]) ; s = Shape(x, out_type=int32) ; one = Const(value=1.0)"
    " ; r = RandomUniform(s, T=int32, dtype=float)"
)
OLD = "a = Add(r, p) ; f = Floor(a) ; d = RealDiv(x, p) ; y = Mul(d, f)"
RATE = "g = GreaterEqual(r, p) ; c = Cast(g, SrcT=bool, DstT=float) ; y = Mul(x, c)"
KEEP = f"q = Sub(one, p) ; {RATE.replace('(r, p)', '(r, q)')}"


TURNED = RATE.replace("GreaterEqual(r, p)", "LessEqual(p, r)")


@pytest.mark.parametrize(("text", "value"), [(OLD, 1.0), (RATE, 0.0), (KEEP, 1.0), (TURNED, 0.0)])
def test_dropout_keeps_all_whatever_its_placeholder_is_called(text: str, value: float) -> None:
    role = slot(f"{DROPOUT} ; {text}").role
    assert (role.shape, role.value) == ([], value)


@pytest.mark.parametrize(
    ("name", "dtype", "value"),
    [
        ("keep_prob", "float", 1.0),
        ("dropout/keepProb_1", "float", 1.0),
        ("dropout_rate", "float", 0.0),
        ("phase_train", "bool", 0.0),
        ("isTraining", "bool", 0.0),
        ("keras_learning_phase", "int32", 0.0),
        ("training_1", "bool", 0.0),
        ("trainer_id", "int32", None),
        ("train_steps", "int32", None),
        ("rate", "float", None),
    ],
)
def test_names_choose_the_value_of_a_scalar(name: str, dtype: str, value: float | None) -> None:
    text = f"{name} = Placeholder(shape=[], dtype={dtype}) ; y = Identity({name}, T={dtype})"
    before = graph(text)
    made = check_feeds.slots_to_feed(before, [], ["y"])[f"{name}:0"]
    assert made.role.value == value
    (array,) = feeds.random_feeds([made], 4).values()
    assert array.shape == ()
    assert value is None or array == value


def test_names_choose_where_readers_are_inside_functions() -> None:
    text = (
        "c = Const(value=1.0) ; keep_prob = Placeholder(dtype=float)"
        " ; mode = Placeholder(dtype=bool) ; q = Placeholder(dtype=float)"
        " ; y = NoSuchCall(c, keep_prob, mode, q)"
    )
    slots = check_feeds.slots_to_feed(graph(text), [], ["y"])
    roles = {name: (item.role.shape, item.role.value) for name, item in slots.items()}
    assert roles == {"keep_prob:0": ([], 1.0), "mode:0": ([], 0.0), "q:0": (None, None)}


def test_a_batch_of_the_same_name_is_not_all_the_same() -> None:
    before = graph("training = Placeholder(shape=[-1, 3]) ; y = Relu(training)")
    assert check_feeds.slots_to_feed(before, [], ["y"])["training:0"].role.value is None


@pytest.mark.parametrize("axis", [0, 1])
def test_indices_stay_below_the_rows(axis: int) -> None:
    text = (
        f"w = Const(value=ones(3,2)) ; a = Const(value={axis}, dtype=int32)"
        " ; s = Const(value=[-1], dtype=int32) ; f = Reshape(p, s, T=int64, Tshape=int32)"
        " ; y = GatherV2(w, f, a, Tindices=int64, Taxis=int32)"
    )
    found = slot(text, dtype="int64")
    below = (3, 2)[axis]
    assert found.role.below == below
    (array,) = feeds.random_feeds([found], 50).values()
    assert set(array.tolist()) == set(range(below))
    assert feeds.range_feeds([found], 50)["p:0"].max() == below - 1


@pytest.mark.parametrize("make", [feeds.random_feeds, feeds.range_feeds])
def test_row_splits_of_ragged_tensors_rise_to_the_number_of_rows(make: Any) -> None:
    by_name = "x/row_splits_0 = Placeholder(shape=[-1], dtype=int64) ; y = Neg(x/row_splits_0)"
    by_reader = (
        "x/row_splits_0 = Placeholder(shape=[-1], dtype=int64)"
        " ; v = Const(value=['a'], dtype=string) ; y = UnicodeEncode(v, x/row_splits_0)"
    ).replace("x/row_splits_0", "p")
    in_scope = (
        "p = Placeholder(shape=[-1], dtype=int64)"
        " ; r/RowPartitionFromRowSplits/Neg = Neg(p) ; y = Neg(r/RowPartitionFromRowSplits/Neg)"
    )
    for text in (by_name, by_reader, in_scope):
        slots = check_feeds.slots_to_feed(graph(text), [], ["y"])
        (array,) = make(slots.values(), 4).values()
        assert array.tolist() == [0, 1, 2, 3, 4]


SPARSE = """
    s/indices = Placeholder(shape=[-1, 2], dtype=int64) ; s/values = Placeholder(shape=[-1])
    size = Const(value=[-1, 6], dtype=int64)
    s/shape = PlaceholderWithDefault(size, dtype=int64, shape=[2])
    w = Const(value=ones(6, 3)) ; y = SparseTensorDenseMatMul(s/indices, s/values, s/shape, w)
"""


@pytest.mark.parametrize("make", [feeds.random_feeds, feeds.range_feeds])
def test_the_parts_of_a_sparse_tensor_fit_each_other(make: Any) -> None:
    plain = SPARSE.replace("s/indices", "i").replace("s/values", "v").replace("s/shape", "p")
    for text, names in ((SPARSE, ("s/indices", "s/shape")), (plain, ("i", "p"))):
        slots = check_feeds.slots_to_feed(graph(text), names, ["y"])
        arrays = make(slots.values(), 4)
        assert arrays[f"{names[0]}:0"].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0]]
        assert arrays[f"{names[1]}:0"].tolist() == [4, 6]


@pytest.mark.tensorflow
def test_a_sparse_input_with_an_open_size_is_checked_and_stays_an_input() -> None:
    model = Model("GraphDef", "sparse.pb", graph(SPARSE))
    result = inspector.optimise(model, outputs=["y"], preset="tidy", check=True)
    assert {step.check.status for step in result.steps if step.check} == {"equal"}
    assert set(result.inputs) == {"s/indices", "s/values", "s/shape"}


@pytest.mark.tensorflow
def test_ragged_inputs_are_checked() -> None:
    model = inspector.open_model(MODELS / "tf115" / "ragged")
    result = inspector.optimise(model, preset="tidy", check=True)
    assert {step.check.status for step in result.steps if step.check} == {"equal"}


def test_a_user_may_feed_what_the_graph_allows() -> None:
    guessed = Slot("p", "float32", None, Role(shape=[]))
    assert feeds.fit([1.0, 2.0], guessed).shape == (2,)
    with pytest.raises(BadFeed):
        feeds.fit([1.0], Slot("p", "float32", [], Role(shape=[])))


def test_an_old_graph_writes_an_unknown_shape_as_that_of_a_scalar() -> None:
    text = (
        "p = Placeholder(shape=[]) ; w = Const(value=ones(8,3)) ; y = MatMul(p, w)"
        " ; k = Placeholder(shape=[]) ; z = Neg(k)"
    )
    old = inspector.graph.graph.Graph.of(graph_def(text, producer=21))
    slots = check_feeds.slots_to_feed(old, [], ["y", "z"])
    assert [feeds.likely_shape(slots[name]) for name in ("p:0", "k:0")] == [[None, 8], []]


def test_a_size_that_a_step_fixes_is_the_one_that_is_fed() -> None:
    cut = Slot("x:0", "float32", [None, 8, None, 3])
    after = graphs.graph(graphs.placeholder("x", [1, 8, 8, 3]))
    assert check_feeds.narrowed(cut, after).shape == [1, 8, 8, 3]
    assert check_feeds.narrowed(cut, graphs.graph(graphs.placeholder("x", [2]))) == cut


@pytest.mark.parametrize(
    ("chain", "single", "in_base64"),
    [
        ("y = DecodePng(p)", True, False),
        ("i = Identity(p, T=string) ; y = DecodePng(i)", True, False),
        (
            "s = Const(value=[0], dtype=int32) ; o = Const(value=[1], dtype=int32)"
            " ; i = StridedSlice(p, s, o, o, T=string, Index=int32, shrink_axis_mask=1)"
            " ; y = DecodePng(i)",
            False,
            False,
        ),
        ("i = DecodeBase64(p) ; y = DecodePng(i)", True, True),
    ],
)
def test_what_decodes_a_text_is_found(chain: str, single: bool, in_base64: bool) -> None:
    found = slot(chain, dtype="string").role
    assert found.content is not None
    assert found.content.reader == "DecodePng"
    assert (found.content.is_single, found.content.in_base64) == (single, in_base64)
    assert found.shape == ([] if single else None)


def test_what_decodes_inside_a_function_is_found() -> None:
    from inspector.graph.protos import FunctionDefLibrary

    library = FunctionDefLibrary()
    body = library.function.add()
    body.signature.name = "body"
    body.node_def.add(name="d", op="DecodeJpeg", input=["arg"])
    outer = graph("p = Placeholder(dtype=string) ; y = StatelessWhile(p, T=[string], body=body)")
    outer = inspector.graph.graph.Graph(outer.nodes, library, outer.versions)
    content = feed_contents.decoded(outer, "p:0")
    assert content is not None
    assert (content.reader, content.is_single) == ("DecodeJpeg", False)


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("reader", "rank"),
    [
        ("DecodePng(p)", 3),
        ("DecodeJpeg(p)", 3),
        ("DecodeImage(p)", 3),
        ("DecodeBmp(p)", 3),
        ("DecodeGif(p)", 4),
        ("DecodeWav(p)", 2),
        ("StringToNumber(p)", 1),
    ],
)
def test_tensorflow_decodes_what_is_generated(reader: str, rank: int) -> None:
    from inspector.backend.check_run import CheckRun

    before = graph(f"p = Placeholder(dtype=string) ; y = {reader}")
    slots = check_feeds.slots_to_feed(before, [], ["y"])
    _summary, arrays = next(check_feeds.generated_feeds(slots))
    value = CheckRun("t")(before, arrays, ["y:0"])["y:0"]
    assert value.ndim == rank
    assert value.size > 1


def test_a_sound_is_a_second_long() -> None:
    data = feed_contents.Content("DecodeWav").text(np.random.default_rng(0))
    with wave.open(io.BytesIO(data)) as sound:
        assert (sound.getframerate(), sound.getnframes(), sound.getnchannels()) == (16000, 16000, 1)


@pytest.mark.tensorflow
def test_csv_has_a_column_of_each_type() -> None:
    from inspector.backend.check_run import CheckRun

    before = graph(
        "p = Placeholder(dtype=string) ; a = Const(value=[0])"
        " ; b = Const(value=['x'], dtype=string) ; y = Identity(c:1, T=string)"
        " ; c = DecodeCSV(p, a, b, OUT_TYPE=[float, string])"
    )
    slots = check_feeds.slots_to_feed(before, [], ["y"])
    _summary, arrays = next(check_feeds.generated_feeds(slots))
    assert CheckRun("t")(before, arrays, ["y:0"])["y:0"].tolist() == [b"alpha"] * 4


def test_raw_bytes_are_as_many_as_their_reshape_takes() -> None:
    text = "d = DecodeRaw(p, out_type={0}) ; f = Cast(d, SrcT={0}, DstT=float) ; "
    shaped = "s = Const(value=[-1,7,3], dtype=int32) ; y = Reshape(f, s, Tshape=int32)"
    for dtype, size in (("uint8", 21), ("float", 84)):
        content = slot(text.format(dtype) + shaped, dtype="string").role.content
        assert content is not None
        assert len(content.text(np.random.default_rng(0))) == size
        assert not content.is_opaque
    content = slot(text.format("uint8") + "y = Neg(f)", dtype="string").role.content
    assert content is not None
    assert content.is_opaque


def test_a_million_images_are_not_made() -> None:
    images = Slot("p", "string", [1 << 20], Role(content=feed_contents.Content("DecodePng")))
    with pytest.raises(LimitExceeded, match="256 MiB"):
        feeds.random_feeds([images])


def test_feeds_too_large_to_make_are_left_out() -> None:
    shape = [1 << 20, None, None]
    slots = {"x:0": Slot("x:0", "float32", shape)}
    summaries = [summary for summary, _arrays in check_feeds.generated_feeds(slots)]
    assert summaries == ["random, 1,048,576 rows, seed 0", "range(4)"], "32 x 32 each are 4 GiB"
    with pytest.raises(LimitExceeded):
        next(check_feeds.generated_feeds({"x:0": Slot("x:0", "float32", [1 << 40])}))


@pytest.mark.parametrize("value", ["[[1.5]]", "['a', 'b']", "zeros(2000)"])
def test_constants_that_are_no_sizes_say_nothing(value: str) -> None:
    dtype = "string" if "'" in value else "float"
    text = f"s = Const(value={value}, dtype={dtype}) ; y = Reshape(p, s, Tshape={dtype})"
    assert slot(text).role.shape is None
    text = f"w = Const(value=ones(3,2)) ; s = Const(value={value}, dtype={dtype})"
    assert slot(f"{text} ; y = GatherV2(w, p, s, Taxis={dtype})", dtype="int64").role.below == 3


@pytest.mark.parametrize(
    "text",
    [
        "y = Add(p, T=float)",
        "y = GatherV2(p)",
        "k = Const(value=1) ; y = GatherV2(k, p)",
        "y = Reshape(p)",
        "y = Conv2D(p)",
        "y = MatMul(p)",
        "y = Pack(p, N=1)",
        "y = ParseExampleV2(p)",
        "y = DecodeCSV(p)",
        "d = DecodeRaw(p) ; y = Reshape(d)",
        "y = Floor(^p)",
        "y = NoSuchOp(p, p, ^p)",
    ],
)
@pytest.mark.parametrize("dtype", ["float", "int32", "bool", "string"])
def test_a_damaged_graph_has_roles_too(text: str, dtype: str) -> None:
    assert slot(text, dtype=dtype).dtype == ("float32" if dtype == "float" else dtype)


def test_what_has_no_rank_is_tried_as_scalar_and_as_vector() -> None:
    slots = {
        "a:0": Slot("a:0", "float32", None),
        "b:0": Slot("b:0", "float32", None, Role(shape=[])),
        "c:0": Slot("c:0", "float32", [None, 2], Role(shape=[None, 2])),
    }
    shapes = [
        [array.shape for array in arrays.values()]
        for _summary, arrays in check_feeds.generated_feeds(slots)
    ]
    assert shapes[0] == [(4,), (), (4, 2)]
    assert shapes[-1] == [(), (4,), (4, 2)]


@pytest.mark.tensorflow
def test_for_texts_of_unknown_form_feeds_are_asked_for() -> None:
    from inspector.backend.check_run import CheckRun
    from inspector.optimisation.check import Checker

    text = "p = Placeholder(dtype=string) ; y = ParseTensor(p, out_type=float)"
    verdict = Checker(CheckRun("t"), [], ["y"])(graph(text), graph(text + " @/cpu:0"), "exact")
    assert verdict.status == "unchecked"
    assert "give 'p', which ParseTensor decodes, with --feeds" in verdict.why


@pytest.mark.tensorflow
def test_field_scalars_without_a_shape_are_fed_and_go_with_their_readers() -> None:
    model = inspector.open_model(data_path("field/f06_check_scalar_placeholder/scalars.pb"))
    result = inspector.optimise(model, outputs=["out"], preset="tidy", check=True)
    assert {step.check.status for step in result.steps if step.check} == {"equal"}
    checked = result.checked()
    assert checked is not None
    assert checked["not_checked"] == []


@pytest.mark.tensorflow
def test_field_the_batch_that_a_transform_names_is_fed() -> None:
    model = inspector.open_model(data_path("field/f07_check_cut_batch/cut_batch.pb"))
    for transforms in (
        'strip_unused_nodes(type=float, shape="1,8,8,3") fold_constants(ignore_errors=true)',
        'set_device(device=cpu) strip_unused_nodes(type=float, shape="1,8,8,3") remove_device',
    ):
        result = inspector.optimise(model, ["scaled"], ["prob"], transforms, check=True)
        assert [step.check.status for step in result.steps if step.check] == ["equal"] * len(
            result.steps
        )
        assert result.feeds_summary.endswith("random, 1 row, seed 0")
