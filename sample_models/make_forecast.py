"""Make `forecast/`: a ``tf.Module`` with a loop and a branch, the control flow of TensorFlow 2.

It continues a series step by step, each value computed from the 16 before it; the weights are
fitted here by least squares on made-up series (season, trend, noise). Run it from the checkout:
``.venv/bin/python sample_models/make_forecast.py`` (a few seconds).

What is in it on purpose: a While whose body reads variables that are captured from outside, an If
on an input, both with bodies in the function library; two signatures.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

FOLDER = Path(__file__).resolve().parent / "forecast"
WINDOW = 16
SERIES = tf.TensorSpec([None, WINDOW], tf.float32, "history")


def series(count: int, length: int, random: np.random.Generator) -> np.ndarray:
    """Made-up series (N, length), float32."""
    time = np.arange(length)
    period = random.uniform(6, 14, (count, 1))
    phase = random.uniform(0, 2 * np.pi, (count, 1))
    trend = random.uniform(-0.5, 0.5, (count, 1)) * time
    values = 50 + random.uniform(3, 12, (count, 1)) * np.sin(2 * np.pi * time / period + phase)
    return (values + trend + random.normal(0, 0.4, (count, length))).astype(np.float32)


class Forecast(tf.Module):
    """Linear regression on the last values, applied to its own answers."""

    def __init__(self, weights: np.ndarray, bias: float) -> None:
        super().__init__(name="forecast")
        self.weights = tf.Variable(weights[:, None], name="weights", dtype=tf.float32)
        self.bias = tf.Variable([bias], name="bias", dtype=tf.float32)

    def step(self, window: Any) -> Any:
        return tf.linalg.matmul(window, self.weights) + self.bias

    @tf.function(
        input_signature=[
            SERIES,
            tf.TensorSpec([], tf.int32, "steps"),
            tf.TensorSpec([], tf.bool, "centre"),
        ]
    )
    def continued(self, history: Any, steps: Any, centre: Any) -> dict[str, Any]:
        """`steps` more values of each series; `centre` works on the distance from its mean."""
        mean = tf.cond(
            centre,
            lambda: tf.reduce_mean(history, 1, keepdims=True),
            lambda: tf.zeros_like(history[:, :1]),
        )

        def body(count: Any, values: Any) -> Any:
            return count + 1, tf.concat([values, self.step(values[:, -WINDOW:])], 1)

        _, values = tf.while_loop(
            lambda count, _: count < steps,
            body,
            [tf.constant(0), history - mean],
            shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, None])],
        )
        return {"forecast": tf.add(values[:, WINDOW:], mean, name="forecast")}

    @tf.function(input_signature=[SERIES])
    def next_value(self, history: Any) -> dict[str, Any]:
        """One step, without the loop."""
        mean = tf.reduce_mean(history, 1, keepdims=True)
        return {"next": self.step(history - mean) + mean}


def main() -> None:
    """Fit, and export both signatures."""
    random = np.random.default_rng(9)
    # Windows that have moved on from where the mean was taken, as they do in the loop.
    long = series(1000, 2 * WINDOW, random)
    long = long - long[:, :WINDOW].mean(1, keepdims=True)
    windows = np.concatenate([long[:, at : at + WINDOW + 1] for at in range(WINDOW)])
    known = np.append(windows[:, :WINDOW], np.ones((len(windows), 1)), 1)
    fitted = np.linalg.lstsq(known, windows[:, WINDOW], rcond=None)[0]
    model = Forecast(fitted[:WINDOW].astype(np.float32), float(fitted[WINDOW]))

    shutil.rmtree(FOLDER / "saved_model", ignore_errors=True)
    signatures = {"serving_default": model.continued, "next": model.next_value}
    tf.saved_model.save(model, str(FOLDER / "saved_model"), signatures=signatures)

    true = series(20, WINDOW + 8, random)
    history = true[:, :WINDOW].round(2)
    loaded = tf.saved_model.load(str(FOLDER / "saved_model")).signatures["serving_default"]
    steps, centre = tf.constant(8), tf.constant(True)
    answer = loaded(history=tf.constant(history), steps=steps, centre=centre)["forecast"].numpy()
    print("mean error:", np.abs(answer - true[:, WINDOW:]).mean())
    feeds = {"history": history, "steps": np.int32(8), "centre": np.bool_(True)}
    np.savez_compressed(FOLDER / "forecast.npz", **feeds)


if __name__ == "__main__":
    main()
