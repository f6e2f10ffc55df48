"""Frozen graphs of real shapes and sizes: what the benchmarks of the picture open.

    python -m benchmarks.frozen_graphs      # makes all, once, and prints their paths

Made by TensorFlow and Keras alone, in processes of their own, with random weights.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.resnet50 import CACHE

GRAPHS = {
    "MobileNetV2": ("mobilenet_v2.pb", "application", "MobileNetV2"),
    "ResNet50": ("resnet50.pb", "application", "ResNet50"),
    "InceptionV3": ("inception_v3.pb", "application", "InceptionV3"),
    "DenseNet121": ("densenet121.pb", "application", "DenseNet121"),
    "EfficientNetV2B0": ("efficientnet_v2_b0.pb", "application", "EfficientNetV2B0"),
    "NASNetMobile": ("nasnet_mobile.pb", "application", "NASNetMobile"),
    "transformer, 12 layers": ("transformer_12.pb", "transformer", "12"),
    "experts, 30,000 nodes": ("experts_30000.pb", "experts", "30000"),
    "experts, 100,000 nodes": ("experts_100000.pb", "experts", "100000"),
}


def path_of(name: str) -> Path:
    """The file of one of `GRAPHS`; made where it is not there yet."""
    file, kind, which = GRAPHS[name]
    base = os.environ.get(CACHE) or Path.home() / ".cache" / "inspector" / "benchmarks"
    path = Path(base) / "frozen" / file
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
        command = [sys.executable, "-c", _MAKE, str(path), kind, which]
        subprocess.run(command, check=True, env=quiet)
    return path


# Keras's applications and a BERT-sized encoder, frozen by TensorFlow; and the graph of a mixture of
# experts as TensorFlow 1 froze such: a layer is attention, a gate and 64 experts, each in a scope.
_MAKE = """
import math, os, sys
import numpy as np
import tensorflow as tf
import keras

path, kind, which = sys.argv[1:]


def freeze(model):
    from tensorflow.python.framework import convert_to_constants

    specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype, name=x.name) for x in model.inputs]
    call = tf.function(lambda *args: model(args[0], training=False))
    traced = call.get_concrete_function(*specs)
    return convert_to_constants.convert_variables_to_constants_v2(traced).graph.as_graph_def()


def application(which):
    return freeze(getattr(keras.applications, which)(weights=None))


def transformer(layers, width=512, heads=8, length=128, words=8000):
    tokens = keras.Input([length], dtype="int32", name="tokens")
    places = keras.ops.arange(length)
    x = keras.layers.Embedding(words, width, name="words")(tokens)
    x = x + keras.layers.Embedding(length, width, name="places")(places)
    x = keras.layers.LayerNormalization(name="embedded")(x)
    for number in range(layers):
        name = f"layer_{number}"
        attend = keras.layers.MultiHeadAttention(heads, width // heads, name=name + "_attention")
        seen = attend(x, x)
        x = keras.layers.LayerNormalization(name=name + "_attended")(x + seen)
        y = keras.layers.Dense(4 * width, activation="gelu", name=name + "_wide")(x)
        y = keras.layers.Dense(width, name=name + "_narrow")(y)
        x = keras.layers.LayerNormalization(name=name + "_out")(x + y)
    x = keras.layers.Dense(2, activation="softmax", name="answer")(x[:, 0])
    return freeze(keras.Model(tokens, x))


def experts(nodes, width=32, count=64, length=16):
    v1 = tf.compat.v1
    rng = np.random.default_rng(0)

    def weight(name, *shape):
        value = rng.standard_normal(shape, np.float32) / math.sqrt(shape[0])
        return tf.identity(tf.constant(value, name=name), name=name + "/read")

    def dense(x, name, size, activation=None):
        with v1.name_scope(name):
            y = tf.matmul(x, weight("kernel", x.shape[-1], size), name="MatMul")
            y = tf.nn.bias_add(y, weight("bias", size), name="BiasAdd")
            return y if activation is None else activation(y)

    def norm(x, name):
        with v1.name_scope(name):
            mean, variance = tf.nn.moments(x, [-1], keepdims=True)
            gamma, beta = weight("gamma", width), weight("beta", width)
            return tf.nn.batch_normalization(x, mean, variance, beta, gamma, 1e-6)

    def attention(x):
        with v1.name_scope("attention"):
            query, key, value = (dense(x, name, width) for name in ("query", "key", "value"))
            scores = tf.matmul(query, key, transpose_b=True) * (1 / math.sqrt(width))
            return dense(tf.matmul(tf.nn.softmax(scores), value), "output", width)

    def mixture(x):
        with v1.name_scope("mixture"):
            gates = tf.split(tf.nn.softmax(dense(x, "gate", count)), count, axis=-1)
            told = []
            for number, gate in enumerate(gates):
                with v1.name_scope(f"expert_{number}"):
                    y = dense(x, "wide", 2 * width, tf.nn.gelu)
                    told.append(dense(y, "narrow", width) * gate)
            return tf.add_n(told, name="sum")

    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [length, width], name="input")
        number = 0
        with v1.name_scope("encoder"):
            while len(graph.get_operations()) < nodes - 700:
                with v1.name_scope(f"layer_{number}"):
                    x = norm(x + attention(x), "norm_1")
                    x = norm(x + mixture(x), "norm_2")
                number += 1
        tf.nn.softmax(dense(x, "logits", 10), name="probabilities")
        return graph.as_graph_def()


if kind == "application":
    made = application(which)
else:
    made = {"transformer": transformer, "experts": experts}[kind](int(which))
with open(path + ".part", "wb") as file:
    file.write(made.SerializeToString())
os.replace(path + ".part", path)
"""

if __name__ == "__main__":
    for graph in GRAPHS:
        print(path_of(graph))
