"""Write the Keras 2 files beside this script, each with inputs and answers in an ``.npz``.

To be run by the Python of an old TensorFlow (1.10 on Python 3.6, 1.15 on 3.7, 2.4 on 3.8, 2.15 on
3.11), with the name of a folder beside this script: ``python make.py tf115``. TensorFlow 1 needs
``h5py<3``.
"""

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

keras, layers = tf.keras, tf.keras.layers
RNG = np.random.RandomState(3)
BATCH = 3


def conv():
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, input_shape=(9, 9, 2), padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(max_value=6.0),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(5, 2),
            layers.DepthwiseConv2D(2),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )


def embed():
    ids = keras.Input((7,), dtype="int32", name="ids")
    x = layers.Embedding(20, 6, mask_zero=True)(ids)
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    x = layers.TimeDistributed(layers.Dense(3))(x)
    return keras.Model(ids, layers.GRU(2)(x))


def func():
    a, b = keras.Input((6,), name="a"), keras.Input((4,), name="b")
    dense = layers.Dense(4, activation="relu", name="d")
    x = layers.BatchNormalization()(layers.concatenate([dense(a), b]))
    inside = keras.Input((8,))
    inner = keras.Model(
        inside, layers.Dense(3, name="deep", activation="tanh")(inside), name="inner"
    )
    return keras.Model([a, b], [layers.Softmax()(inner(x)), layers.Dense(1)(x)])


def nested_seq():
    return keras.Sequential(
        [keras.Sequential([layers.Dense(4, input_shape=(5,))]), layers.Dense(2)]
    )


def shared():
    a, b = keras.Input((5,), name="a"), keras.Input((5,), name="b")
    base = keras.Sequential([layers.Dense(4, input_shape=(5,), activation="relu"), layers.Dense(3)])
    return keras.Model([a, b], layers.Dense(1, activation="sigmoid")(
        layers.subtract([base(a), base(b)])))  # fmt: skip


def tf_ops():
    a = keras.Input((6,), name="a")
    x = layers.Dense(4)(a)
    mean = tf.reduce_mean(x, axis=-1, keepdims=True)
    return keras.Model(a, tf.concat([tf.nn.relu(x) * 2.0, mean], -1))


def random(tensor):
    shape = (BATCH, *(int(size) for size in tensor.shape[1:]))
    if tensor.dtype == tf.int32:
        return RNG.randint(0, 20, shape).astype("int32")
    return RNG.randn(*shape).astype("float32")


def write(folder, make):
    keras.backend.clear_session()
    model = make()
    model.set_weights(
        [np.abs(RNG.randn(*value.shape) * 0.3).astype(value.dtype) for value in model.get_weights()]
    )
    feeds = [random(tensor) for tensor in model.inputs]
    found = model.predict(feeds if len(feeds) > 1 else feeds[0])
    found = found if isinstance(found, list) else [found]
    arrays = {f"in{number}": value for number, value in enumerate(feeds)}
    arrays.update({f"out{number}": value for number, value in enumerate(found)})
    model.save(str(folder / f"{make.__name__}.h5"))
    if tf.__version__.startswith("2.15") and make is not conv:
        model.save(str(folder / f"{make.__name__}.keras"))
    np.savez_compressed(
        str(folder / f"{make.__name__}.npz"), parameters=model.count_params(), **arrays
    )


def main():
    folder = Path(__file__).resolve().parent / sys.argv[1]
    folder.mkdir(exist_ok=True)
    makes = [conv, func, nested_seq, shared]
    if not tf.__version__.startswith("1."):
        makes.append(tf_ops)
    if tf.__version__.startswith("1.10"):
        makes.append(embed)
    for make in makes:
        write(folder, make)


if __name__ == "__main__":
    main()
