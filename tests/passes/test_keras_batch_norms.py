"""Batch norms of Keras, exported, frozen and folded: none is left behind a linear op."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import inspector
from inspector.passes import pipeline
from inspector.passes.presets import PRESETS
from tests.passes.running import evaluate, run

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]


def built(keras: Any) -> Any:
    """Every layer that a batch norm may follow, with statistics that are not trivial."""
    layers = keras.layers
    image = keras.Input((9, 10, 3))
    x = layers.Conv2D(6, 3, use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(layers.ZeroPadding2D()(x))
    x = layers.ReLU(6.0)(layers.BatchNormalization(scale=False)(x))
    x = layers.Conv2DTranspose(5, 3, strides=2)(x)
    x = layers.ReLU()(layers.BatchNormalization(center=False)(x))
    x = layers.Conv2D(4, 3, strides=2)(x)
    x = layers.Dropout(0.5)(layers.BatchNormalization()(x))
    x = layers.Conv1D(7, 3)(layers.Reshape((-1, 4))(x))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Dense(5)(layers.GlobalAveragePooling1D()(x))
    model = keras.Model(image, layers.BatchNormalization()(x))
    rng = np.random.RandomState(0)
    model.set_weights([value + rng.uniform(0.1, 0.5, value.shape) for value in model.get_weights()])
    return model


@pytest.mark.parametrize("name", ["keras", "tf_keras"])
def test_no_batch_norm_is_left(tmp_path, name):
    keras = pytest.importorskip(name)
    model = built(keras)
    if name == "keras":
        model.export(str(tmp_path / "m"), verbose=False)
    else:
        import tensorflow as tf

        tf.saved_model.save(model, str(tmp_path / "m"))
    frozen = inspector.freeze(inspector.open_model(tmp_path / "m")).graph
    (x,) = [item.name for item in frozen.nodes if item.op == "Placeholder"]
    fetches = [item.name for item in frozen.nodes if not frozen.consumers(item.name)]
    feeds = {x: np.random.RandomState(1).standard_normal((2, 9, 10, 3)).astype(np.float32)}
    result = pipeline.run(
        frozen,
        [x],
        fetches,
        PRESETS["faster"].transforms,
        pipeline.PipelineOptions(evaluate=evaluate),
    )
    left = {*result.graph.op_counts()} & {"Mul", "Rsqrt", "FusedBatchNormV3", "Sub"}
    assert not left, {item.name for item in result.graph.nodes if item.op in left}
    (expected,), (found,) = run(frozen, fetches, feeds), run(result.graph, fetches, feeds)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(
        found, model(feeds[x], training=False), rtol=1e-4, atol=1e-4 * np.abs(expected).max()
    )
