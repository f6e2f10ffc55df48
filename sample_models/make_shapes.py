"""Make `shapes/`: a small convolutional network with batch norms, exported the way of TensorFlow 1.

It tells six shapes apart in noisy 32 x 32 pictures that are drawn here, so it needs no data from
anywhere. Run it from the checkout: ``.venv/bin/python sample_models/make_shapes.py`` (about two
minutes on one core). The weights differ a little from machine to machine, the graph does not.

What is in it on purpose, for the transforms to find: weights read through Identity; convolutions
followed by FusedBatchNormV3 (fold_old_batch_norms); a depthwise one; one batch norm written out in
single ops (fold_constants makes it a Mul, fold_batch_norms takes that into the weights); constants
computed from constants.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
FOLDER = Path(__file__).resolve().parent / "shapes"
LABELS = ("circle", "square", "triangle", "cross", "ring", "stripes")
SIDE = 32
EPSILON = 1e-3
STEPS, BATCH, RATE = 400, 64, 2e-3


def draw(count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 32, 32, 1), float32, 0 to 255, and their labels."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    pictures = np.empty((count, SIDE, SIDE, 1), np.float32)
    labels = random.integers(0, len(LABELS), count)
    for index, label in enumerate(labels):
        centre, turn = random.uniform(11, 21, 2), random.uniform(0, 2 * np.pi)
        size = random.uniform(6, 10)
        y, x = rows - centre[0], columns - centre[1]
        x, y = np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y
        radius = np.hypot(x, y)
        inside = {
            "circle": radius < size,
            "square": np.maximum(abs(x), abs(y)) < size * 0.8,
            "triangle": (y > -size * 0.5) & (y < size - 1.7 * abs(x)),
            "cross": (np.minimum(abs(x), abs(y)) < size * 0.25) & (radius < size),
            "ring": (radius < size) & (radius > size * 0.6),
            "stripes": (np.sin(x * 9 / size) > 0) & (radius < size),
        }[LABELS[label]]
        dark, bright = random.uniform(20, 90), random.uniform(140, 240)
        picture = np.where(inside, bright, dark) + random.normal(0, 18, inside.shape)
        pictures[index, :, :, 0] = np.clip(picture, 0, 255)
    return pictures, labels.astype(np.int64)


class Network:
    """The layers, in ops as TensorFlow 1 wrote them; `training` takes the batch's statistics."""

    def __init__(self, training: bool) -> None:
        self.training = training
        self.updates: list[Any] = []

    def variable(self, name: str, shape: list[int], start: Any, trainable: bool = True) -> Any:
        # Not a resource: the graph gets VariableV2 and an Identity that reads it.
        return tf1.get_variable(
            name, shape, initializer=start, trainable=trainable, use_resource=False
        )

    def weights(self, name: str, shape: list[int], fan_in: int) -> Any:
        return self.variable(name, shape, tf1.random_normal_initializer(0, (2 / fan_in) ** 0.5))

    def batch_norm(self, x: Any, fused: bool = True) -> Any:
        with tf1.variable_scope("batch_norm"):
            depth = int(x.shape[-1])
            gamma = self.variable("gamma", [depth], tf1.ones_initializer())
            beta = self.variable("beta", [depth], tf1.zeros_initializer())
            mean = self.variable("moving_mean", [depth], tf1.zeros_initializer(), False)
            variance = self.variable("moving_variance", [depth], tf1.ones_initializer(), False)
            if self.training:
                y, batch_mean, batch_variance = tf1.nn.fused_batch_norm(
                    x, gamma, beta, epsilon=EPSILON
                )
                for kept, new in ((mean, batch_mean), (variance, batch_variance)):
                    self.updates.append(tf1.assign(kept, 0.95 * kept + 0.05 * new))
                return y
            if fused:
                return tf1.nn.fused_batch_norm(
                    x, gamma, beta, mean, variance, epsilon=EPSILON, is_training=False
                )[0]
            return tf1.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)

    def convolution(self, x: Any, depth: int, stride: int, name: str, **options: Any) -> Any:
        with tf1.variable_scope(name):
            before = int(x.shape[-1])
            kernel = self.weights("kernel", [3, 3, before, depth], 9 * before)
            x = tf1.nn.conv2d(x, kernel, [1, stride, stride, 1], "SAME", name="convolution")
            return tf1.nn.relu(self.batch_norm(x, **options))

    def separable(self, x: Any, depth: int, stride: int, name: str) -> Any:
        before = int(x.shape[-1])
        with tf1.variable_scope(f"{name}/depthwise"):
            kernel = self.weights("kernel", [3, 3, before, 1], 9)
            strides = [1, stride, stride, 1]
            x = tf1.nn.depthwise_conv2d_native(x, kernel, strides, "SAME", name="convolution")
            x = tf1.nn.relu6(self.batch_norm(x))
        with tf1.variable_scope(f"{name}/pointwise"):
            kernel = self.weights("kernel", [1, 1, before, depth], before)
            x = tf1.nn.conv2d(x, kernel, 1, "SAME", name="convolution")
            return tf1.nn.relu6(self.batch_norm(x))

    def logits(self, image: Any) -> Any:
        with tf1.name_scope("preprocess"):
            # Left as the user wrote it: constants computed from constants.
            scale = tf1.constant(2.0) / tf1.constant(255.0)
            x = image * scale - tf1.constant(1.0)
        x = self.convolution(x, 32, 2, "block_1")
        x = self.convolution(x, 64, 1, "block_2", fused=False)
        x = self.separable(x, 96, 2, "block_3")
        x = self.convolution(x, 128, 2, "block_4")
        x = self.separable(x, 192, 1, "block_5")
        x = tf1.nn.max_pool2d(x, 2, 2, "VALID", name="pool")
        x = tf1.reduce_mean(x, [1, 2], name="global_pool")
        with tf1.variable_scope("classifier"):
            kernel = self.weights("kernel", [192, len(LABELS)], 192)
            bias = self.variable("bias", [len(LABELS)], tf1.zeros_initializer())
            return tf1.nn.bias_add(tf1.matmul(x, kernel), bias, name="logits")


def train() -> dict[str, np.ndarray]:
    """The values of all variables, by name."""
    random = np.random.default_rng(7)
    with tf1.Graph().as_default(), tf1.Session() as session:
        tf1.set_random_seed(7)
        image = tf1.placeholder(tf1.float32, [None, SIDE, SIDE, 1])
        label = tf1.placeholder(tf1.int64, [None])
        network = Network(training=True)
        losses = tf1.nn.sparse_softmax_cross_entropy_with_logits(
            labels=label, logits=network.logits(image)
        )
        loss = tf1.reduce_mean(losses)
        with tf1.control_dependencies(network.updates):
            step = tf1.train.AdamOptimizer(RATE).minimize(loss)
        wanted = tf1.trainable_variables() + [
            v for v in tf1.global_variables() if "/moving_" in v.name
        ]
        session.run(tf1.global_variables_initializer())
        for number in range(STEPS):
            pictures, labels = draw(BATCH, random)
            value, _ = session.run([loss, step], {image: pictures, label: labels})
            if number % 50 == 0:
                print(f"step {number}: loss {value:.3f}")
        return {v.op.name: session.run(v) for v in wanted}


def export(values: dict[str, np.ndarray]) -> None:
    """The network for inference alone, with the trained values."""
    shutil.rmtree(FOLDER / "saved_model", ignore_errors=True)
    with tf1.Graph().as_default(), tf1.Session() as session:
        image = tf1.placeholder(tf1.float32, [None, SIDE, SIDE, 1], name="image")
        logits = Network(training=False).logits(image)
        probabilities = tf1.nn.softmax(logits, name="probabilities")
        for variable in tf1.global_variables():
            variable.load(values[variable.op.name], session)
        signature = tf1.saved_model.predict_signature_def(
            {"image": image}, {"probabilities": probabilities, "logits": logits}
        )
        builder = tf1.saved_model.Builder(str(FOLDER / "saved_model"))
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, strip_default_attrs=True
        )
        builder.save()

        pictures, labels = draw(60, np.random.default_rng(11))
        pictures = np.round(pictures)
        answers = session.run(probabilities, {image: pictures})
        print("right:", np.mean(answers.argmax(1) == labels))
    np.savez_compressed(FOLDER / "shapes.npz", image=pictures)
    np.savetxt(FOLDER / "labels.csv", [LABELS[label] for label in labels], fmt="%s")


if __name__ == "__main__":
    export(train())
