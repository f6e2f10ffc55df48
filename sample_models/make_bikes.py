"""Make `bikes/`: a Keras 3 model exported with ``model.export``, the SavedModel of TensorFlow 2.

It says how busy a bicycle rental will be (quiet, normal, busy) from hour, weekday and weather; the
rule behind the data is made up here. Run it from the checkout:
``.venv/bin/python sample_models/make_bikes.py`` (half a minute on one core).

What is in it on purpose: a main graph that is all plumbing (loading, saving), with the model itself
in the function library behind ``serving_default``; embeddings; batch norms between Dense layers.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).resolve().parent / "bikes"
LABELS = ("quiet", "normal", "busy")
ROWS, EPOCHS = 8192, 6


def days(count: int, random: np.random.Generator) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Features by name, and the label of each row."""
    hour = random.integers(0, 24, count)
    weekday = random.integers(0, 7, count)
    temperature = 13 + 8 * np.sin((hour - 9) / 24 * 2 * np.pi) + random.normal(0, 7, count)
    rain = np.maximum(0, random.normal(-1, 1.5, count))
    wind = random.gamma(3, 4, count)
    commuting = np.exp(-((hour - 8) ** 2) / 3) + np.exp(-((hour - 17.5) ** 2) / 5)
    leisure = np.exp(-((hour - 14) ** 2) / 18)
    demand = np.where(weekday < 5, 1.4 * commuting, 0.9 * leisure)
    demand = demand + 0.03 * (temperature - 12) - 0.35 * rain - 0.015 * wind
    demand += random.normal(0, 0.08, count)
    features = {
        "hour": hour[:, None].astype(np.int32),
        "weekday": weekday[:, None].astype(np.int32),
        "weather": np.stack([temperature, rain, wind], 1).astype(np.float32),
    }
    return features, np.digitize(demand, [0.05, 0.55])


def network(weather: np.ndarray) -> keras.Model:
    """The functional model; `weather` gives the statistics to normalise by."""
    inputs = {
        "hour": keras.Input((1,), dtype="int32", name="hour"),
        "weekday": keras.Input((1,), dtype="int32", name="weekday"),
        "weather": keras.Input((3,), name="weather"),
    }
    normalise = keras.layers.Normalization(name="normalise")
    normalise.adapt(weather)
    hour = keras.layers.Embedding(24, 8, name="hour_embedding")(inputs["hour"])
    weekday = keras.layers.Embedding(7, 4, name="weekday_embedding")(inputs["weekday"])
    x = keras.layers.Concatenate(name="features")(
        [
            keras.layers.Flatten(name="hour_flat")(hour),
            keras.layers.Flatten(name="weekday_flat")(weekday),
            normalise(inputs["weather"]),
        ]
    )
    for number, units in enumerate((64, 64), start=1):
        x = keras.layers.Dense(units, use_bias=False, name=f"dense_{number}")(x)
        x = keras.layers.BatchNormalization(name=f"batch_norm_{number}")(x)
        x = keras.layers.Activation("relu", name=f"relu_{number}")(x)
    x = keras.layers.Dropout(0.1, name="dropout")(x)
    x = keras.layers.Dense(len(LABELS), activation="softmax", name="demand")(x)
    return keras.Model(inputs, {"demand": x}, name="bikes")


def main() -> None:
    """Train, and export for serving."""
    keras.utils.set_random_seed(3)
    features, labels = days(ROWS, np.random.default_rng(3))
    model = network(features["weather"])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(features, {"demand": labels}, batch_size=64, epochs=EPOCHS, verbose=2)
    shutil.rmtree(FOLDER / "saved_model", ignore_errors=True)
    model.export(str(FOLDER / "saved_model"), verbose=False)

    features, labels = days(100, np.random.default_rng(4))
    features["weather"] = features["weather"].round(1)
    loaded = tf.saved_model.load(str(FOLDER / "saved_model")).signatures["serving_default"]
    answers = loaded(**{key: tf.constant(value) for key, value in features.items()})["demand"]
    print("right:", np.mean(answers.numpy().argmax(1) == labels))
    np.savez_compressed(FOLDER / "bikes.npz", **features)


if __name__ == "__main__":
    main()
