"""Inputs that become constants: which, with which values, and what is left of the model then."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import inspector
from inspector.errors import BadFeed, FreezeError
from inspector.graph.op_sets import MERGES, SWITCHES, VARIABLES
from inspector.model.model import Model
from inspector.model.signatures import for_outputs
from inspector.optimisation.feeds import Slot
from inspector.optimisation.fixed_inputs import example, fix_inputs
from inspector.passes.presets import PRESETS
from tests.conftest import data_path
from tests.passes.text import graph, value

TRAINING = """
x = Placeholder(shape=[-1,2])
phase_train = Placeholder(dtype=bool, shape=[])
rate = Placeholder(shape=[-1,3])
words = Placeholder(dtype=string, shape=[2])
mode = PlaceholderWithDefault(text, dtype=string, shape=[])
text = Const(value='eval', dtype=string)
s = Switch(x, phase_train)
t = Exp(s:1)
m = Merge(s, t)
y = Neg(m)
"""


def model(text: str = TRAINING) -> Model:
    found = Model("GraphDef", "m.pb", graph(text))
    found.signatures["predict"] = for_outputs(found.graph, ["y"])
    found.signatures["predict"].inputs["training"].CopyFrom(
        found.signatures["predict"].inputs["phase_train"]
    )
    del found.signatures["predict"].inputs["phase_train"]
    return found


@pytest.mark.parametrize(
    ("name", "typed", "node", "expected"),
    [
        ("phase_train", "false", "phase_train", False),
        ("phase_train:0", "True", "phase_train", True),
        ("training", False, "phase_train", False),
        ("rate", "[[1, 2.5, 3]]", "rate", [[1, 2.5, 3]]),
        ("rate", np.ones((2, 3)), "rate", [[1, 1, 1]] * 2),
        ("words", '["a b", "c"]', "words", [b"a b", b"c"]),
        ("mode", "train", "mode", b"train"),
        ("mode", "5", "mode", b"5"),
        ("mode", b"\xff", "mode", b"\xff"),
    ],
)
def test_a_value_becomes_a_constant(name: str, typed: Any, node: str, expected: Any) -> None:
    before = model()
    fixed = fix_inputs(before, {name: typed})
    assert fixed.graph.node(node).op == "Const"
    assert list(fixed.graph.node(node).input) == []
    assert value(fixed.graph, node).tolist() == expected
    assert fixed.graph.node(node).attr["dtype"] == before.graph.node(node).attr["dtype"]
    assert ("training" in fixed.signatures["predict"].inputs) is (node != "phase_train")
    assert set(before.signatures["predict"].inputs) == {"training", "x"}  # untouched


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("phase_trian", "false", "no input of this name; inputs are 'training', 'x', 'rate', "),
        ("phase_trian", "false", "did you mean 'phase_train'?"),
        ("m", "false", "it is a node of op Merge, not an input"),
        ("phase_train", "0", "holds int64, needs bool; the input is bool of shape [], "),
        ("phase_train", "no", "'no' is not a JSON value; the input is bool"),
        ("phase_train", "null", "'null' is neither a number nor a list"),
        ("phase_train", "[true]", "has shape [1], needs []"),
        ("rate", "0.5", "has shape [], needs [None, 3]; the input is float32 of shape [None, 3], "),
        ("phase_train:1", "true", "'phase_train' has one output only; inputs are "),
        ("rate", "1e400", "'1e400' is not a JSON value"),
        ("rate", "[[1e39, 1, 1]]", "holds 1e+39, which is out of the range of float32"),
        ("rate", "0.5", "e.g. rate=[[0.5, 0.5, ..]]"),
        ("rate", "[[1, 2], [3]]", "the rows differ in length"),
        ("words", '["a", 1]', "holds int, needs text"),
        ("words", "a", 'e.g. words=["predict", "predict"]'),
    ],
)
def test_a_wrong_value_says_what_would_be_right(name: str, text: str, says: str) -> None:
    names = {"phase_trian": model_with_plain_keys()}
    with pytest.raises(BadFeed) as caught:
        fix_inputs(names.get(name, model()) if "mean" in says else model(), {name: text})
    assert str(caught.value).startswith(f"set: input '{name}': ")
    assert says in str(caught.value)


def model_with_plain_keys() -> Model:
    return Model("GraphDef", "m.pb", graph(TRAINING))


def test_an_input_is_set_once() -> None:
    with pytest.raises(BadFeed, match="the input is set twice"):
        fix_inputs(model(), {"training": "true", "phase_train": "false"})


def test_an_old_placeholder_says_nothing_of_its_shape() -> None:
    old = model_with_plain_keys()
    old.graph.versions.producer = 21
    assert value(fix_inputs(old, {"phase_train": "[true]"}).graph, "phase_train").shape == (1,)


def test_freezing_takes_the_branch_that_runs() -> None:
    frozen = inspector.freeze(model(), set={"phase_train": "false"})
    assert [node.op for node in frozen.graph] == ["Placeholder", "Neg"]
    assert set(frozen.signatures["predict"].inputs) == {"x"}
    trained = inspector.freeze(model(), set={"training": True})
    assert [node.op for node in trained.graph] == ["Placeholder", "Exp", "Neg"]


def test_without_values_freezing_decides_nothing() -> None:
    text = TRAINING.replace("Placeholder(dtype=bool, shape=[])", "Const(value=False, dtype=bool)")
    found = Model("GraphDef", "m.pb", graph(text))
    assert "Switch" in found.graph.op_counts()
    assert "Switch" in inspector.freeze(found, ["y"]).graph.op_counts()


def test_an_output_that_the_value_makes_unreachable() -> None:
    with pytest.raises(FreezeError, match=r"output 't': is an output in a branch that never runs"):
        inspector.freeze(model(), ["t"], set={"phase_train": "false"})


@pytest.mark.parametrize("preset", [None, *PRESETS])
def test_optimising_takes_the_branch_and_drops_the_input(preset: str | None) -> None:
    options: dict[str, Any] = {"transforms": ""} if preset is None else {"preset": preset}
    if preset in ("tidy", "faster", "smaller", "smallest"):
        options = {"transforms": PRESETS[preset].transforms.replace("fold_constants", "")}
        options["transforms"] = options["transforms"].replace("(ignore_errors=true)", "")
    result = inspector.optimise(
        model(), ["x", "phase_train"], ["y"], set={"phase_train": "false"}, **options
    )
    assert not result.model.graph.op_counts().keys() & (SWITCHES | MERGES)
    assert "phase_train" not in result.model.graph
    assert result.inputs == ("x",)
    (signature,) = {id(item): item for item in result.model.signatures.values()}.values()
    assert set(signature.inputs) == {"x"}
    assert result.record()["set"] == {"phase_train": "false"}


def test_feeds_of_a_fixed_input_are_left_out(tmp_path: Any) -> None:
    from inspector.optimisation.optimise import optimise
    from inspector.optimisation.optimise_options import CheckOptions, OptimiseOptions

    feeds = {"x": np.ones((1, 2), np.float32), "phase_train": True}
    options = OptimiseOptions(
        outputs=("y",), transforms="", set={"phase_train": "false"}, check=CheckOptions(feeds)
    )
    checked = optimise(model(), options).options.check
    assert checked is not None
    assert isinstance(checked.feeds, dict)
    assert set(checked.feeds) == {"x"}


@pytest.mark.tensorflow
@pytest.mark.parametrize("form", ["refswitch", "refswitch_frozen.pb"])
def test_a_batch_norm_under_phase_train(form: str) -> None:
    """Field case: a moving average under cond(phase_train), from its checkpoint and frozen."""
    folder = data_path("field/f10_refswitch")
    opened = inspector.open_model(folder / form)
    feeds = dict(np.load(folder / "feeds.npz"))
    feeds.pop("phase_train", None)
    original = inspector.open_model(folder / "refswitch")
    everything = inspector.freeze(original, ["embeddings"])
    expected = inspector.predict(everything, {**feeds, "phase_train": False}, ["embeddings"])
    fixed = inspector.optimise(
        opened, outputs=["embeddings"], transforms="", set={"phase_train": "false"}
    ).model
    counts = fixed.graph.op_counts().keys()
    assert not counts & (VARIABLES | SWITCHES | MERGES)
    assert not [op for op in counts if "Assign" in op or "Random" in op]
    assert "phase_train" not in fixed.graph
    result = inspector.predict(fixed, feeds, ["embeddings"])
    np.testing.assert_array_equal(result["embeddings"], expected["embeddings"])


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model of TensorFlow 2 with flags in branches, cases and loops, and what it computes."""
    import tensorflow as tf

    class Flags(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            rng = np.random.default_rng(1)
            self.w = tf.Variable(rng.standard_normal((4, 3)).astype(np.float32))
            self.mean = tf.Variable(np.zeros(3, np.float32))
            self.big = tf.Variable(rng.standard_normal((4, 3)).astype(np.float32))

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, 4], tf.float32, name="x"),
                tf.TensorSpec([], tf.bool, name="training"),
                tf.TensorSpec([], tf.int32, name="mode"),
            ]
        )
        def __call__(self, x: Any, training: Any, mode: Any) -> Any:
            y = x @ self.w
            if training:
                self.mean.assign(tf.reduce_mean(y, 0))
                y = tf.nn.dropout(y, 0.5) + x @ self.big
            else:
                y = y - self.mean
            if tf.reduce_sum(x) > 0.0:
                if training:  # noqa: SIM108 - autograph makes an If of it
                    y = tf.nn.dropout(y, 0.5)
                else:
                    y = y * 2.0
            for _ in tf.range(3):
                if training:  # noqa: SIM108
                    y = y + tf.random.uniform([3])
                else:
                    y = y + 1.0
            return {"y": tf.switch_case(mode, [lambda: y, lambda: y * 3, lambda: tf.nn.relu(y)])}

    module = Flags()
    folder = tmp_path_factory.mktemp("flags")
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    x = np.random.default_rng(2).standard_normal((2, 4)).astype(np.float32)
    rows = {"plus": np.abs(x), "minus": -np.abs(x)}
    expected = {
        (sign, mode): module(tf.constant(row), tf.constant(False), tf.constant(mode))["y"].numpy()
        for sign, row in rows.items()
        for mode in (0, 1, 2, 7)
    }
    return folder, rows, expected


@pytest.mark.tensorflow
@pytest.mark.parametrize("mode", [0, 1, 2, 7])
def test_flags_of_a_model_of_tensorflow_2(flags: Any, mode: int) -> None:
    folder, rows, expected = flags
    frozen = inspector.freeze(inspector.open_model(folder), set={"training": "false", "mode": mode})
    assert set(frozen.signatures["serving_default"].inputs) == {"x"}
    counts = set(frozen.graph.op_counts())
    inner = {node.op for item in frozen.graph.library.function for node in item.node_def}
    assert not [op for op in counts | inner if "Assign" in op or "Random" in op]
    assert not counts & (VARIABLES | {"Case", "StatelessCase"})
    assert "Froze 2 variables." in frozen.notes
    assert any("_decided" in item.signature.name for item in frozen.graph.library.function)
    for sign, row in rows.items():
        result = inspector.predict(frozen, {"x": row})
        np.testing.assert_allclose(result["y"], expected[sign, mode], rtol=1e-6)


def test_an_example_for_many_dimensions_is_short() -> None:
    assert example(Slot("x", "float32", [2] * 60)) == "[0.5, ..]"
    assert example(Slot("x", "int32", [3, None])) == "[[1], [1], ..]"
