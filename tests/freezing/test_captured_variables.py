"""Keras 3 models saved with tf.saved_model.save: the object graph says where values are.

The judge is tf.saved_model.load, whose functions see the objects themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow")
import keras
import tensorflow as tf

from inspector.backend.predict import predict
from inspector.errors import MissingVariables
from inspector.formats import open_model
from inspector.freezing.freeze import freeze
from inspector.freezing.variable_values import VariableValues
from inspector.model import object_graph
from tests import tf_models
from tests.tf_models import Feeds

pytestmark = pytest.mark.tensorflow

ROWS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu")])


class Block(keras.layers.Layer):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(size)
        self.norm = keras.layers.BatchNormalization()

    def call(self, x: Any) -> Any:
        return self.norm(self.dense(x))


def nested() -> keras.Model:
    """A shared layer, a submodel, a layer of layers, and the variables of an optimiser."""
    shared = keras.layers.Dense(4)
    x = keras.Input((4,))
    inner = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(3)])
    model = keras.Model(x, inner(Block(5)(shared(shared(x)))))
    model.compile("adam", "mse")
    model.train_on_batch(ROWS, ROWS[:, :3])
    return model


class Alike(keras.Model):
    """Variables of one name: two weights and two counters."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [keras.layers.Dense(4, name="same") for _ in range(2)]
        self.counts = [
            self.add_weight(shape=(), name="count", initializer=start, trainable=False)
            for start in ("zeros", "ones")
        ]

    def call(self, x: Any) -> Any:
        y = self.parts[1](self.parts[0](x))
        for step, count in enumerate(self.counts, 1):
            count.assign_add(float(step))
        return y + 10 * self.counts[0] + 100 * self.counts[1]


def alike() -> keras.Model:
    model = Alike()
    model(ROWS)
    return model


KINDS: list[Callable[[], keras.Model]] = [sequential, nested, alike]


@pytest.fixture(scope="module", params=KINDS, ids=lambda make: make.__name__)
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    keras.utils.set_random_seed(7)
    path = tmp_path_factory.mktemp("keras") / request.param.__name__
    tf.saved_model.save(request.param(), str(path))
    return path


def judged(path: Path) -> tuple[Feeds, Feeds]:
    """Feeds by input key and the answer of the first call of the loaded function."""
    serve = tf.saved_model.load(str(path)).signatures["serving_default"]
    (key,) = serve.structured_input_signature[1]
    (answer,) = serve(**{key: tf.constant(ROWS)}).values()
    return {key: ROWS}, answer.numpy()


def test_the_restore_op_alone_sets_none_of_what_the_function_reads(saved: Path) -> None:
    assert VariableValues(open_model(saved)).unrestored()


def test_a_frozen_model_answers_as_the_loaded_one(saved: Path) -> None:
    feeds, answer = judged(saved)
    (value,) = tf_models.run_frozen(freeze(open_model(saved)), feeds).values()
    np.testing.assert_allclose(value, answer, rtol=1e-5, atol=1e-6)


def test_a_prediction_answers_as_the_loaded_one(saved: Path) -> None:
    feeds, answer = judged(saved)
    (value,) = predict(open_model(saved), feeds).outputs.values()
    np.testing.assert_allclose(value, answer, rtol=1e-5, atol=1e-6)


def test_an_exported_model_needs_no_objects(tmp_path: Path) -> None:
    sequential().export(str(tmp_path / "exported"), verbose=False)
    model = open_model(tmp_path / "exported")
    feeds, answer = judged(tmp_path / "exported")
    (value,) = tf_models.run_frozen(freeze(model), feeds).values()
    np.testing.assert_allclose(value, answer, rtol=1e-5, atol=1e-6)


def test_damaged_objects_leave_the_variables_without_values(tmp_path: Path) -> None:
    tf.saved_model.save(sequential(), str(tmp_path / "saved"))
    model = open_model(tmp_path / "saved")
    assert len(object_graph.captured_keys(model)) == 2
    model.objects = memoryview(b"\xff\xff")
    assert object_graph.captured_keys(model) == {}
    with pytest.raises(MissingVariables, match="the checkpoint has no key"):
        freeze(model)
