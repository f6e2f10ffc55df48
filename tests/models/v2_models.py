"""Models written by TensorFlow 2: functions, Keras, object-based checkpoints; one function each.

Run by the make_*.py scripts, as v1_models is.
"""

import os

import numpy as np
import recording
import tensorflow as tf
from v1_models import rng

VERSION = tuple(map(int, tf.__version__.split(".")[:2]))
Spec = tf.TensorSpec


def function(*specs, **more):
    return tf.function(input_signature=list(specs), **more)


class Several(tf.Module):
    """Several functions, one calling the other; a nested structure comes out."""

    def __init__(self):
        super(Several, self).__init__()
        self.w = tf.Variable(rng(4, 3), name="w")
        self.b = tf.Variable(rng(3), name="b")
        self.unused = tf.Variable(rng(2), name="unused", trainable=False)
        self.layers = [tf.Variable(rng(3, 3), name="shared") for _ in range(2)]

    @function(Spec([None, 4], tf.float32, name="x"))
    def logits(self, x):
        y = tf.matmul(x, self.w) + self.b
        for layer in self.layers:
            y = tf.nn.tanh(tf.matmul(y, layer))
        return y

    @function(Spec([None, 4], tf.float32, name="x"))
    def classify(self, x):
        logits = self.logits(x)
        return {"scores": tf.nn.softmax(logits), "class": tf.argmax(logits, 1)}

    @function(Spec([None, 4], tf.float32, name="a"), Spec([], tf.float32, name="scale"))
    def scaled(self, a, scale):
        return {"y": self.logits(a) * scale}


def several_functions(corpus):
    """Signatures of several functions."""
    module = Several()
    signatures = {"serving_default": module.classify, "scaled": module.scaled}
    tf.saved_model.save(module, "several_functions", signatures=signatures)
    corpus.saved_model(
        "several_functions",
        "several functions and signatures, variables of one name",
        [
            ("serving_default", {"x": rng(2, 4)}),
            ("scaled", {"a": rng(2, 4), "scale": np.float32(2.0)}),
        ],
    )
    tf.saved_model.save(Several(), "no_signatures")
    corpus.saved_model("no_signatures", "functions and no signature")


def custom_gradients(corpus):
    """The options of saving."""

    class Module(tf.Module):
        def __init__(self):
            super(Module, self).__init__()
            self.v = tf.Variable(2.0, name="v")

        @function(Spec([None], tf.float32, name="x"))
        def __call__(self, x):
            @tf.custom_gradient
            def clipped(y):
                return y * 2.0, lambda d: tf.clip_by_value(d, -1.0, 1.0)

            with tf.device("/cpu:0"):
                return {"y": clipped(x) * self.v}

    module = Module()
    module(tf.constant([1.0]))
    more = {"function_aliases": {"my_call": module.__call__}}
    if VERSION >= (2, 6):
        more["experimental_custom_gradients"] = True
    if VERSION >= (2, 5):
        more["experimental_variable_policy"] = "save_variable_devices"
    options = tf.saved_model.SaveOptions(namespace_whitelist=[], **more)
    tf.saved_model.save(module, "custom_gradients", {"serving_default": module.__call__}, options)
    corpus.saved_model(
        "custom_gradients",
        "gradients, devices and aliases of functions saved with the model",
        [("serving_default", {"x": rng(3)})],
    )


def control_flow(corpus):
    """While, If, Case, TensorArrays, nested and shared bodies."""

    class Flow(tf.Module):
        def __init__(self):
            super(Flow, self).__init__()
            self.w = tf.Variable(rng(3, 3), name="w")
            self.table = tf.Variable(rng(7, 3), name="table")
            self.scale = tf.Variable(1.5, name="scale")

        @tf.function
        def step(self, x):
            return tf.nn.relu(tf.matmul(x, self.w)) * self.scale

        @function(
            Spec([None, 3], tf.float32, name="x"),
            Spec([None], tf.int32, name="ids"),
            Spec([], tf.int32, name="branch"),
        )
        def __call__(self, x, ids, branch):
            total = self.step(x)
            for i in tf.range(tf.shape(ids)[0]):
                row = tf.gather(self.table, ids[i])
                if tf.reduce_sum(row) > 0.0:
                    total += self.step(total) * 0.1 + row
                else:
                    total -= row
            chosen = tf.switch_case(
                branch,
                [
                    lambda: total * self.scale,
                    lambda: self.step(total),
                    lambda: tf.zeros_like(total),
                ],
            )
            array = tf.TensorArray(tf.float32, size=0, dynamic_size=True, element_shape=[3])
            for i in tf.range(3):
                array = array.write(i, self.w[i] * tf.cast(i, tf.float32))
            mapped = tf.map_fn(lambda row: row * self.scale, x)
            return {"chosen": chosen, "stacked": array.stack(), "mapped": mapped}

    module = Flow()
    tf.saved_model.save(module, "control_flow", module.__call__)
    feeds = {"x": rng(2, 3), "ids": np.array([0, 3, 6, 6], "int32")}
    corpus.saved_model(
        "control_flow",
        "While, If, Case, TensorArrays, a function called from several bodies",
        [("serving_default", dict(feeds, branch=np.int32(branch))) for branch in (0, 1)],
    )


def dtypes(corpus):
    """Constants and variables of many dtypes."""
    names = (
        "float16 bfloat16 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"
    )

    class Types(tf.Module):
        def __init__(self):
            super(Types, self).__init__()
            self.held = {}
            for name in names.split():
                dtype = tf.as_dtype(name)
                value = tf.constant([True, False]) if name == "bool" else tf.cast([2, 0], dtype)
                with tf.device("/cpu:0"):
                    self.held[name] = tf.Variable(value, name="v_" + name)
            self.text = tf.Variable([b"\x00\xff", b"caf\xc3\xa9"], name="v_text")

        @function(Spec([], tf.float32, name="x"))
        def __call__(self, x):
            out = {"text": tf.strings.join([self.text, tf.as_string(x)])}
            for name, held in self.held.items():
                kind = tf.complex64 if name == "complex64" else tf.float32
                out[name] = tf.cast(held, kind) * tf.cast(x, kind)
            return out

    module = Types()
    tf.saved_model.save(module, "dtypes", module.__call__)
    corpus.saved_model(
        "dtypes", "variables of fourteen dtypes", [("serving_default", {"x": np.float32(3.0)})]
    )


def tables(corpus):
    """Tables as objects."""
    with open("words.txt", "w") as file:
        file.write("one\ntwo\nthree\n")
    lookup = tf.lookup
    mutable_kind = getattr(lookup.experimental, "MutableHashTable", None)

    class Tables(tf.Module):
        def __init__(self):
            super(Tables, self).__init__()
            from_file = lookup.TextFileInitializer(
                "words.txt",
                tf.string,
                lookup.TextFileIndex.WHOLE_LINE,
                tf.int64,
                lookup.TextFileIndex.LINE_NUMBER,
            )
            self.file = lookup.StaticVocabularyTable(from_file, 2)
            pairs = lookup.KeyValueTensorInitializer([0, 1, 2], ["zero", "one", "two"], tf.int64)
            self.static = lookup.StaticHashTable(pairs, "many")
            self.dense = lookup.experimental.DenseHashTable(
                tf.int64, tf.float32, -1.0, -2, -3, initial_num_buckets=8
            )
            self.dense.insert(tf.constant([0, 1], tf.int64), tf.constant([0.5, 1.5]))
            if mutable_kind is not None:
                self.mutable = mutable_kind(tf.string, tf.int64, -1)
                self.mutable.insert(tf.constant(["two"]), tf.constant([22], tf.int64))

        @function(Spec([None], tf.string, name="words"))
        def __call__(self, words):
            ids = self.file.lookup(words)
            out = {"ids": ids, "names": self.static.lookup(ids), "dense": self.dense.lookup(ids)}
            if mutable_kind is not None:
                out["mutable"] = self.mutable.lookup(words)
            return out

    module = Tables()
    tf.saved_model.save(module, "tables", module.__call__)
    os.remove("words.txt")
    words = np.array([b"one", b"two", b"three", b"none"], object)
    corpus.saved_model(
        "tables",
        "static, dense and mutable tables, one filled from an asset",
        [("serving_default", {"words": words})],
    )


def strings(corpus):
    """Strings, ragged and sparse tensors within the model."""

    class Text(tf.Module):
        def __init__(self):
            super(Text, self).__init__()
            self.embedding = tf.Variable(rng(16, 4), name="embedding")

        @function(Spec([None], tf.string, name="sentences"))
        def __call__(self, sentences):
            words = tf.strings.split(tf.strings.lower(sentences))
            ids = tf.ragged.map_flat_values(tf.strings.to_hash_bucket_fast, words, 16)
            vectors = tf.ragged.map_flat_values(lambda flat: tf.gather(self.embedding, flat), ids)
            longest = tf.reduce_max(words.row_lengths())
            return {
                "mean": tf.reduce_mean(vectors, axis=1),
                "padded": words.to_tensor("-"),
                "longest": longest,
            }

    module = Text()
    tf.saved_model.save(module, "strings", module.__call__)
    feed = np.array([b"A dog barks", b"cats"], object)
    corpus.saved_model(
        "strings", "ragged text inside the model", [("serving_default", {"sentences": feed})]
    )


def keras(corpus):
    """A Keras model with recurrent layers, saved as a SavedModel."""
    k = tf.keras
    k.backend.clear_session()
    tf.random.set_seed(3)
    inputs = k.Input([6, 3], name="series")
    other = k.Input([2], name="facts")
    hidden = k.layers.LSTM(4, return_sequences=True)(inputs)
    hidden = k.layers.Bidirectional(k.layers.GRU(3))(hidden)
    hidden = k.layers.BatchNormalization()(k.layers.concatenate([hidden, other]))
    hidden = k.layers.Dropout(0.5)(hidden)
    kind = k.layers.Dense(3, activation="softmax", name="kind")(hidden)
    size = k.layers.Dense(1, name="size")(hidden)
    model = k.Model([inputs, other], [kind, size])
    model.compile("adam", ["categorical_crossentropy", "mse"])
    model.fit([rng(4, 6, 3), rng(4, 2)], [np.eye(4, 3), rng(4, 1)], verbose=0)
    if hasattr(model, "export") and VERSION >= (2, 16):
        model.export("keras", verbose=False)
    else:
        # With the functions of all layers it would be megabytes.
        model.save("keras_no_traces", save_format="tf", save_traces=False)
        corpus.saved_model("keras_no_traces", "a Keras model saved without its functions")

        @function(Spec([None, 6, 3], tf.float32, "series"), Spec([None, 2], tf.float32, "facts"))
        def serve(series, facts):
            kind, size = model([series, facts], training=False)
            return {"kind": kind, "size": size}

        model.save("keras", save_format="tf", save_traces=False, signatures=serve)
    (signature,) = [
        s
        for k, s in recording.read_saved_model("keras").meta_graphs[0].signature_def.items()
        if k == "serving_default"
    ]
    feeds = {}
    for key, info in signature.inputs.items():
        feeds[key] = rng(2, 6, 3) if len(info.tensor_shape.dim) == 3 else rng(2, 2)
    corpus.saved_model(
        "keras",
        "a Keras model: LSTM, bidirectional GRU, batch norm, two heads",
        [("serving_default", feeds)],
    )


def object_checkpoint(corpus):
    """An object-based checkpoint: optimiser slots, save_counter, a string variable."""
    k = tf.keras
    model = k.Sequential([k.layers.Dense(3, input_shape=[4]), k.layers.Dense(1)])
    optimizer = k.optimizers.Adam(0.1)
    model.compile(optimizer, "mse")
    model.fit(rng(4, 4), rng(4, 1), verbose=0)
    checkpoint = tf.train.Checkpoint(
        model=model, optimizer=optimizer, note=tf.Variable(b"caf\xc3\xa9", name="note")
    )
    os.makedirs("object_checkpoint")
    manager = tf.train.CheckpointManager(checkpoint, "object_checkpoint", max_to_keep=2)
    prefix = manager.save()
    corpus.checkpoint(
        "object_checkpoint",
        "variables of objects, optimiser slots, a string variable, and no graph",
        prefix,
        warnings=[
            "This is a checkpoint of TensorFlow 2: it holds the variables of objects and no graph. "
            "Only the variables can be shown; the graph is in the SavedModel, or in the program."
        ],
    )


def distributed(corpus):
    """Variables of a MirroredStrategy."""
    strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])

    class Module(tf.Module):
        def __init__(self):
            super(Module, self).__init__()
            with strategy.scope():
                self.v = tf.Variable(rng(3), name="v")

        @function(Spec([3], tf.float32, name="x"))
        def __call__(self, x):
            return {"y": x * self.v}

    options = None
    if VERSION >= (2, 5):
        options = tf.saved_model.SaveOptions(
            experimental_variable_policy="expand_distributed_variables"
        )
    module = Module()
    tf.saved_model.save(module, "distributed", module.__call__, options)
    corpus.saved_model(
        "distributed", "variables of two replicas", [("serving_default", {"x": rng(3)})]
    )


def sharded_saving(corpus):
    """A SavedModel whose variables lie in several data files."""
    policy = tf.train.experimental.MaxShardSizePolicy(max_shard_size=4096)
    options = tf.saved_model.SaveOptions(experimental_sharding_callback=policy)

    class Module(tf.Module):
        def __init__(self):
            super(Module, self).__init__()
            self.w = [tf.Variable(rng(20, 20), name="w%d" % i) for i in range(6)]

        @function(Spec([None, 20], tf.float32, name="x"))
        def __call__(self, x):
            for w in self.w:
                x = tf.tanh(tf.matmul(x, w))
            return {"y": x}

    module = Module()
    tf.saved_model.save(module, "sharded_saving", module.__call__, options)
    corpus.saved_model(
        "sharded_saving",
        "variables in several data files, by the option of saving",
        [("serving_default", {"x": rng(2, 20)})],
    )


def graph_def(corpus):
    """A GraphDef with the library of a function's graph."""

    @tf.function
    def body(x):
        return tf.nn.relu(x) + 1.0

    @tf.function
    def whole(x):
        return tf.cond(tf.reduce_sum(x) > 0.0, lambda: body(x), lambda: body(-x))

    graph = whole.get_concrete_function(Spec([3], tf.float32, name="x")).graph
    tf.io.write_graph(graph, ".", "function.pb", as_text=False)
    output = graph.outputs[0].name
    corpus.graph_def("function.pb", "the graph of a function", {"x": rng(3)}, [output])


ALL = (
    several_functions, custom_gradients, control_flow, dtypes, tables, strings, keras,
    object_checkpoint, graph_def,
)  # fmt: skip
