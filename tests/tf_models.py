"""Small SavedModels made with TensorFlow, one per kind of graph that freezing must get right.

Each builder writes a SavedModel and returns feeds of its signature. `run_original` runs the model
with TensorFlow's own loader, `run_frozen` a frozen model: the two must agree.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from inspector.graph.graph import tensor_name
from inspector.graph.protos import SignatureDef
from inspector.model.model import Model
from inspector.model.signatures import tensors_of

Feeds = dict[str, Any]
Builder = Callable[[Path], Feeds]
BUILDERS: dict[str, Builder] = {}

RNG_SEED = 7


def builder(make: Builder) -> Builder:
    BUILDERS[make.__name__] = make
    return make


def _random(*shape: int) -> Any:
    return np.random.default_rng(RNG_SEED).standard_normal(shape).astype(np.float32)


# TensorFlow 2: functions.


@builder
def tf2_dense(folder: Path) -> Feeds:
    import tensorflow as tf

    class Dense(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(_random(4, 3), name="w")
            self.b = tf.Variable(_random(3), name="b")

        @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            return {"probabilities": tf.nn.softmax(x @ self.w + self.b)}

    module = Dense()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"x": _random(5, 4)}


@builder
def tf2_control_flow(folder: Path) -> Feeds:
    import tensorflow as tf

    class Flow(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.Variable(_random(7, 3), name="embedding")
            self.w = tf.Variable(_random(3, 3), name="w")
            self.scale = tf.Variable(2.0, name="scale")

        @tf.function(input_signature=[tf.TensorSpec([None], tf.int32, name="ids")])
        def __call__(self, ids: Any) -> Any:
            total = tf.zeros([3])
            for i in tf.range(tf.shape(ids)[0]):
                # ResourceGather in the body of a While.
                total = tf.tensordot(total + tf.gather(self.table, ids[i]), self.w, 1)
            if tf.reduce_sum(ids) > 4:  # noqa: SIM108 - autograph makes an If of it
                total = total * self.scale
            else:
                total = total + tf.reduce_sum(self.w)
            mapped = tf.map_fn(
                lambda i: tf.gather(self.table, i) * self.scale, ids, fn_output_signature=tf.float32
            )
            cases = [lambda: self.scale * 1.0, lambda: self.w[0, 0], lambda: tf.constant(3.0)]
            switched = tf.switch_case(ids[0], cases)
            return {"total": total, "mapped": mapped, "switched": switched}

    module = Flow()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"ids": np.array([1, 3, 6], np.int32)}


@builder
def tf2_nested_loops(folder: Path) -> Feeds:
    import tensorflow as tf

    class Nested(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = tf.Variable(_random(3, 3), name="w")

        @tf.function
        def inner(self, x: Any) -> Any:
            for _ in tf.range(2):
                if tf.reduce_sum(x) > 0:  # noqa: SIM108
                    x = tf.tanh(x @ self.w)
                else:
                    x = x + self.w
            return x, tf.shape(self.w)

        @tf.function(input_signature=[tf.TensorSpec([3, 3], tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            count = tf.zeros([2], tf.int32)
            for _ in tf.range(3):
                x, shape = self.inner(x)
                count = count + shape
            return {"x": x, "count": count}

    module = Nested()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"x": _random(3, 3)}


@builder
def tf2_nested_calls(folder: Path) -> Feeds:
    import tensorflow as tf

    class Calls(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.v = tf.Variable(_random(2), name="v")

        @tf.function
        def same(self, x: Any) -> Any:
            return x

        @tf.function
        def pair(self, x: Any) -> Any:
            parts = tf.split(x * self.v, 2, axis=1)
            return parts[1], self.same(parts[0]), x

        @tf.function
        def twice(self, x: Any) -> Any:
            a, b, c = self.pair(x)
            return [a, b, self.same(self.same(c))]

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            a, b, c = self.twice(x)
            values, places = tf.math.top_k(c, k=2)
            return {"a": a, "b": b, "c": c, "x": self.same(x), "v": values, "p": places}

    module = Calls()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"x": _random(3, 2)}


@builder
def tf2_static_table(folder: Path) -> Feeds:
    import tensorflow as tf

    class Table(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            start = tf.lookup.KeyValueTensorInitializer(["a", "b"], tf.constant([1, 2], tf.int64))
            self.table = tf.lookup.StaticHashTable(start, -1)
            other = tf.lookup.KeyValueTensorInitializer([1, 2], ["unused", "table"])
            self.other = tf.lookup.StaticHashTable(other, "")
            self.v = tf.Variable(_random(4, 2), name="v")

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
        def __call__(self, words: Any) -> Any:
            ids = self.table.lookup(words)
            return {"ids": ids, "rows": tf.gather(self.v, ids + 1)}

    module = Table()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"words": np.array([b"b", b"z", b"a"], object)}


@builder
def tf2_asset_table(folder: Path) -> Feeds:
    import tensorflow as tf

    folder.mkdir(parents=True)
    vocabulary = folder.parent / "vocabulary.txt"
    vocabulary.write_bytes("alpha\nbéta\ngamma\n".encode())

    class Table(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.file = tf.saved_model.Asset(str(vocabulary))
            start = tf.lookup.TextFileInitializer(
                self.file,
                tf.string,
                tf.lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                tf.lookup.TextFileIndex.LINE_NUMBER,
            )
            self.table = tf.lookup.StaticVocabularyTable(start, 2)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
        def __call__(self, words: Any) -> Any:
            return {"ids": self.table.lookup(words)}

    module = Table()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"words": np.array(["béta".encode(), b"?", b"gamma", b"alpha"], object)}


@builder
def tf2_mutable_table(folder: Path) -> Feeds:
    import tensorflow as tf

    class Table(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
            self.table.insert(tf.constant(["x", "y"]), tf.constant([5, 6], tf.int64))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="words")])
        def __call__(self, words: Any) -> Any:
            return {"ids": self.table.lookup(words)}

    module = Table()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"words": np.array([b"y", b"x", b"-"], object)}


@builder
def tf2_counter(folder: Path) -> Feeds:
    """A variable that each run writes: it must stay one. The function returns its read value."""
    import tensorflow as tf

    class Counter(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.count = tf.Variable(3.0, name="count")
            self.w = tf.Variable(_random(2), name="w")

        @tf.function
        def step(self, x: Any) -> Any:
            self.count.assign_add(1.0)
            return x * self.w

        @tf.function(input_signature=[tf.TensorSpec([2], tf.float32, name="x")])
        def __call__(self, x: Any) -> Any:
            y = self.step(x)
            return {"y": y, "count": self.count.read_value()}

    module = Counter()
    tf.saved_model.save(module, str(folder), signatures=module.__call__)
    return {"x": _random(2)}


@builder
def tf2_keras3(folder: Path) -> Feeds:
    import keras

    keras.utils.set_random_seed(RNG_SEED)
    inputs = keras.Input((6, 4), name="steps")
    x = keras.layers.LSTM(5, return_sequences=True)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(x)
    outputs = keras.layers.Dense(3, activation="softmax")(x)
    model = keras.Model(inputs, outputs)
    for variable in model.variables:
        if "moving_variance" in variable.path:
            variable.assign(np.abs(_random(*variable.shape)) + 0.5)
        elif "moving_mean" in variable.path:
            variable.assign(_random(*variable.shape))
    model.export(str(folder), verbose=False)
    return {"steps": _random(2, 6, 4)}


# TensorFlow 1: one graph, a session, ref or resource variables.


def _save(folder: Path, inputs: Any, outputs: Any, **kwargs: Any) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Session() as session:
        session.run([v1.global_variables_initializer(), v1.local_variables_initializer()])
        signature = v1.saved_model.predict_signature_def(inputs, outputs)
        maker = v1.saved_model.Builder(str(folder))
        maker.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            {"serving_default": signature},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
            **kwargs,
        )
        maker.save()


def _tf1_dense(folder: Path, use_resource: bool) -> Feeds:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default():
        v1.set_random_seed(RNG_SEED)
        with v1.variable_scope("net", use_resource=use_resource):
            x = v1.placeholder(tf.float32, [None, 4], name="x")
            w = v1.get_variable("w", [4, 3])
            table = v1.get_variable("table", [5, 3])
            ids = tf.argmax(x, axis=1)
            rows = tf.nn.embedding_lookup(table, ids)
            y = tf.nn.softmax(tf.matmul(x, w) + rows, name="y")
            v1.get_variable("unused", [1000])
        _save(folder, {"x": x}, {"y": y})
    return {"x": _random(5, 4)}


@builder
def tf1_ref_variables(folder: Path) -> Feeds:
    return _tf1_dense(folder, False)


@builder
def tf1_resource_variables(folder: Path) -> Feeds:
    return _tf1_dense(folder, True)


def _tf1_loop(folder: Path, use_resource: bool) -> Feeds:
    import tensorflow as tf

    v1 = tf.compat.v1
    v1.disable_control_flow_v2()
    try:
        with tf.Graph().as_default():
            v1.set_random_seed(RNG_SEED)
            x = v1.placeholder(tf.float32, [3, 3], name="x")
            w = v1.get_variable("w", [3, 3], use_resource=use_resource)
            b = v1.get_variable("b", [3], use_resource=use_resource)
            _, y = v1.while_loop(
                lambda i, _: i < 4,
                lambda i, a: (i + 1, tf.tanh(tf.matmul(a, w) + b)),
                (tf.constant(0), x),
            )
            z = v1.cond(tf.reduce_sum(y) > 0, lambda: y * b, lambda: y - tf.reduce_sum(w))
            _save(folder, {"x": x}, {"y": y, "z": tf.identity(z, name="z")})
    finally:
        v1.enable_control_flow_v2()
    return {"x": _random(3, 3)}


@builder
def tf1_loop_with_ref_variables(folder: Path) -> Feeds:
    return _tf1_loop(folder, False)


@builder
def tf1_loop_with_resource_variables(folder: Path) -> Feeds:
    return _tf1_loop(folder, True)


@builder
def tf1_partitioned(folder: Path) -> Feeds:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default():
        v1.set_random_seed(RNG_SEED)
        x = v1.placeholder(tf.float32, [None, 7], name="x")
        split = v1.fixed_size_partitioner(3)
        w = v1.get_variable("w", [7, 4], partitioner=split, use_resource=False)
        table = v1.get_variable(
            "table", [11, 4], use_resource=True, partitioner=v1.fixed_size_partitioner(2)
        )
        ids = tf.argmax(x, axis=1)
        rows = v1.nn.embedding_lookup(table, ids, partition_strategy="div")
        y = tf.add(tf.matmul(x, tf.convert_to_tensor(w)), rows, name="y")
        _save(folder, {"x": x}, {"y": y})
    return {"x": _random(5, 7)}


@builder
def tf1_tables(folder: Path) -> Feeds:
    import tensorflow as tf

    v1 = tf.compat.v1
    vocabulary = folder.parent / "tf1_words.txt"
    vocabulary.write_text("one\t10\ntwo\t20\nthree\t30\n")
    with tf.Graph().as_default():
        words = v1.placeholder(tf.string, [None], name="words")
        path = tf.constant(str(vocabulary), name="path")
        v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, path)
        start = tf.lookup.TextFileInitializer(path, tf.string, 0, tf.int64, 1, delimiter="\t")
        table = tf.lookup.StaticHashTable(start, -1)
        back = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant([10, 20], tf.int64), tf.constant(["ten", "twenty"])
            ),
            "?",
        )
        ids = table.lookup(words)
        names = back.lookup(ids)
        # A local variable, which only the init op gives a value.
        local = v1.Variable(5, dtype=tf.int64, collections=[v1.GraphKeys.LOCAL_VARIABLES])
        main_op = tf.group(v1.tables_initializer(), v1.local_variables_initializer())
        outputs = {"ids": ids + local, "names": names}
        _save(folder, {"words": words}, outputs, main_op=main_op)
    return {"words": np.array([b"two", b"none", b"one", b"three"], object)}


@builder
def tf1_function(folder: Path) -> Feeds:
    """A Defun: called by its name, not through PartitionedCall."""
    import tensorflow as tf
    from tensorflow.python.framework import function

    v1 = tf.compat.v1
    with tf.Graph().as_default():
        v1.set_random_seed(RNG_SEED)

        @function.Defun(tf.float32, tf.float32)
        def inner(a: Any, b: Any) -> Any:
            mean, variance = tf.nn.moments(a, axes=[0])
            return a * b, mean + variance

        @function.Defun(tf.float32, tf.float32)
        def outer(a: Any, b: Any) -> Any:
            c, d = inner(a, b)
            return d, c, a

        x = v1.placeholder(tf.float32, [3, 3], name="x")
        w = v1.get_variable("w", [3, 3], use_resource=False)
        first, second, third = outer(x, w)
        outputs = {"first": first, "second": second, "third": third + 0.0}
        _save(folder, {"x": x}, outputs)
    return {"x": _random(3, 3)}


def _names(signature: SignatureDef, part: str) -> dict[str, str]:
    infos = getattr(signature, part)
    return {key: tensor_name(tensors_of(infos[key])[0]) for key in sorted(infos)}


def run_original(
    folder: Path, feeds: Feeds, tags: Any = ("serve",), key: str = "serving_default"
) -> Feeds:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        meta = v1.saved_model.loader.load(session, list(tags), str(folder))
        signature = meta.signature_def[key]
        inputs = _names(signature, "inputs")
        fed = {inputs[name]: value for name, value in feeds.items()}
        return dict(session.run(_names(signature, "outputs"), fed))


def run_frozen(model: Model, feeds: Feeds, fetches: dict[str, str] | None = None) -> Feeds:
    """Run a frozen model: its graph, its init op, its one signature."""
    import tensorflow as tf

    v1 = tf.compat.v1
    (signature,) = model.signatures.values()
    graph_def = v1.GraphDef.FromString(model.graph.to_proto().SerializeToString())
    inputs = _names(signature, "inputs")
    fed = {inputs[name]: value for name, value in feeds.items() if name in inputs}
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        if model.init_op is not None:
            paths = {asset.tensor: str(asset.path) for asset in model.assets}
            session.run(graph.get_operation_by_name(model.init_op), paths)
        return dict(session.run(fetches or _names(signature, "outputs"), fed))
