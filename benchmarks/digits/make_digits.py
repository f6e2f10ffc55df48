"""Train the networks of this folder; the rows are drawn once, and the weights vary by rounding.

    python -m benchmarks.digits.make_digits digits.csv.gz

The file is that of scikit-learn, `sklearn/datasets/data/digits.csv.gz`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

import inspector
from benchmarks.digits import FOLDER, network, rows


def main(source: str) -> None:
    table = np.loadtxt(source, delimiter=",")
    order = np.random.default_rng(7).permutation(len(table))
    pixels, digits = table[order, :64], table[order, 64]
    np.savez_compressed(
        FOLDER / "digits.npz",
        images=pixels.reshape(-1, 8, 8).astype(np.uint8),
        digits=digits.astype(np.uint8),
    )
    import keras

    layers = keras.layers
    networks = {
        "dense": [
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dense(64, "relu"),
        ],
        "conv": [
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.Conv2D(48, 3, strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(32, "relu"),
        ],
    }
    for name, body in networks.items():
        keras.utils.set_random_seed(7)
        image = keras.Input((8, 8, 1), name="image")
        value = image
        for layer in body:
            value = layer(value)
        model = keras.Model(image, layers.Dense(10, "softmax", name="digit")(value))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(*rows("training"), batch_size=32, epochs=60, verbose=0)
        print(name, model.count_params(), model.evaluate(*rows("test"), verbose=0)[1])
        _export(model, network(name))


def _export(model: object, path: Path) -> None:
    import tensorflow as tf

    spec = tf.TensorSpec((None, 8, 8, 1), tf.float32, "image")
    call = tf.function(lambda image: {"digit": model(image)}, input_signature=[spec])
    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.model = model
        tf.saved_model.save(module, folder, signatures={"serving_default": call})
        lite = inspector.convert(inspector.open_model(folder))
        inspector.save(lite, path, "tflite", force=True)


if __name__ == "__main__":
    main(sys.argv[1])
