"""Models written by the calls of TensorFlow 1, which TensorFlow 2 still has; one function each.

Run by the make_*.py scripts: each function writes below the working folder and records what
TensorFlow says of it.
"""

import os
import shutil

import numpy as np
import tensorflow as tf
from recording import new_session, tf1, v1
from tensorflow.python.framework import function
from tensorflow.python.ops import gen_lookup_ops, lookup_ops

SM = tf1.saved_model
BUILDER = SM.builder.SavedModelBuilder
PREDICT = "tensorflow/serving/predict"
OLD = tf.__version__.startswith("1.10.")
IS_1 = tf.__version__.startswith("1.")

P = "" if IS_1 else "v1_"  # before the name, where TensorFlow 2 has one of its own

V1_WARNING = (
    "The checkpoint is of the first format (V1), which TensorFlow still reads but has deprecated: "
    "save it again, or freeze the model, to keep it readable."
)


def rng(*shape):
    return (
        np.random.RandomState(len(shape) * 7 + sum(shape)).standard_normal(shape).astype("float32")
    )


def info(value):
    return SM.utils.build_tensor_info(value)


def signature(inputs, outputs, method=PREDICT):
    return SM.signature_def_utils.build_signature_def(
        {k: info(t) for k, t in inputs.items()}, {k: info(t) for k, t in outputs.items()}, method
    )


def variable(name, value, resource):
    return tf1.get_variable(name, initializer=value, use_resource=resource)


def save(folder, session, tags, signatures, as_text=False, **more):
    builder = BUILDER(folder)
    builder.add_meta_graph_and_variables(session, tags, signatures, **more)
    builder.save(as_text)


def uniform(seed):
    return tf1.random_uniform_initializer(-1.0, 1.0, seed=seed)


def classifier(resource=False, training=True):
    """A small classifier with its training ops: placeholder to (inputs, outputs, loss)."""
    x = tf1.placeholder(tf.float32, [None, 4], name="x")
    label = tf1.placeholder(tf.int32, [None], name="label")
    keep = tf1.placeholder_with_default(1.0, [], name="keep_prob")
    with tf1.variable_scope("net"):
        w = variable("w", rng(4, 5), resource)
        b = variable("b", np.zeros(5, "float32"), resource)
        hidden = tf.nn.relu(tf.matmul(x, w) + b)
        hidden = tf1.nn.dropout(hidden, keep) if IS_1 else tf1.nn.dropout(hidden, rate=1.0 - keep)
        v = variable("v", rng(5, 3), resource)
        logits = tf.matmul(hidden, v, name="logits")
    probabilities = tf.nn.softmax(logits, name="probabilities")
    classes = tf1.argmax(logits, 1, name="classes")
    loss = None
    if training:
        loss = tf1.losses.sparse_softmax_cross_entropy(label, logits)
        step = tf1.train.get_or_create_global_step()
        tf1.train.AdamOptimizer(0.1).minimize(loss, global_step=step)
        tf1.summary.scalar("loss", loss)
        tf1.summary.merge_all()
    return {"x": x}, {"probabilities": probabilities, "classes": classes}, loss, label


FEED = {"x": rng(3, 4)}


def two_metagraphs(corpus):
    """Training and serving graph, each under its tags, assets and assets.extra."""
    name = "two_metagraphs"
    builder = BUILDER(name)
    with open("labels.txt", "w") as file:
        file.write("ant\nbee\ncat\n")
    with tf.Graph().as_default(), new_session() as s:
        inputs, outputs, loss, label = classifier()
        s.run(tf1.global_variables_initializer())
        train = signature({"x": inputs["x"], "label": label}, {"loss": loss}, "train")
        builder.add_meta_graph_and_variables(s, ["train"], {"train": train})
    with tf.Graph().as_default(), new_session() as s:
        inputs, outputs, _, _ = classifier(training=False)
        path = tf.constant("labels.txt")
        tf1.add_to_collection(tf1.GraphKeys.ASSET_FILEPATHS, path)
        table = lookup_ops.index_to_string_table_from_file(path, default_value="?")
        named = table.lookup(tf1.to_int64(outputs["classes"]))
        signatures = {
            "serving_default": signature(inputs, outputs),
            "names": signature(inputs, {"name": named}),
            "classify": signature(
                inputs, {"scores": outputs["probabilities"]}, "tensorflow/serving/classify"
            ),
        }
        assets = tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS)
        kind = (
            {"legacy_init_op": tf1.tables_initializer()}
            if OLD
            else {"main_op": tf1.tables_initializer()}
        )
        builder.add_meta_graph(
            ["serve", "gpu"], signatures, assets_collection=assets, strip_default_attrs=True, **kind
        )
    builder.save()
    os.remove("labels.txt")
    os.makedirs(name + "/assets.extra")
    with open(name + "/assets.extra/notes.txt", "w") as file:
        file.write("read by nobody\n")
    corpus.saved_model(
        name,
        "a training and a serving graph, several signatures, assets and assets.extra",
        [
            ("serving_default", FEED, ["serve", "gpu"]),
            ("names", FEED, ["serve", "gpu"]),
            ("classify", FEED, ["serve", "gpu"]),
            ("train", dict(FEED, label=np.array([0, 1, 2], "int32")), ["train"]),
        ],
    )


def text_form(corpus):
    """saved_model.pbtxt."""
    with tf.Graph().as_default(), new_session() as s:
        inputs, outputs, _, _ = classifier(resource=True)
        s.run(tf1.global_variables_initializer())
        save("text_form", s, ["serve"], {"serving_default": signature(inputs, outputs)}, True)
    corpus.saved_model("text_form", "a training graph in text form", [("serving_default", FEED)])


def no_signature(corpus):
    """No signature, and an empty tag-set."""
    with tf.Graph().as_default(), new_session() as s:
        classifier(training=False)
        s.run(tf1.global_variables_initializer())
        save("no_signature", s, [], {})
    corpus.saved_model("no_signature", "no signature and no tags", expert=["probabilities"])


def empty(corpus):
    """A SavedModel of an empty graph."""
    with tf.Graph().as_default():
        builder = BUILDER("empty")
        builder._saved_model.meta_graphs.add().meta_info_def.tags.append("serve")
        builder._saved_model.meta_graphs[0].meta_info_def.tensorflow_version = tf.__version__
        builder.save()
    corpus.saved_model("empty", "a graph of no nodes")


def tables(corpus):
    """Tables of all kinds, and how they are filled."""
    name = P + "tables"
    with open("words.txt", "w") as file:
        file.write("one\ntwo\nthree\nfour\n")
    with open("pairs.txt", "w") as file:
        file.write("one,10\ntwo,20\nthree,30\n")
    with tf.Graph().as_default(), new_session() as s:
        words = tf1.placeholder(tf.string, [None], name="words")
        path = tf.constant("words.txt", name="words_path")
        pairs = tf.constant("pairs.txt", name="pairs_path")
        for tensor in (path, pairs):
            tf1.add_to_collection(tf1.GraphKeys.ASSET_FILEPATHS, tensor)
        from_file = lookup_ops.index_table_from_file(path, num_oov_buckets=2)
        column = lookup_ops.TextFileInitializer(pairs, tf.string, 0, tf.int64, 1, delimiter=",")
        static = lookup_ops.index_table_from_tensor(["two", "three"], default_value=-1)
        hash_table = getattr(lookup_ops, "HashTable", None) or lookup_ops.StaticHashTableV1
        with_columns = hash_table(column, -5)
        mutable = _mutable()
        numbers = lookup_ops.index_to_string_table_from_tensor(["zero", "one", "two"], "many")
        first = gen_lookup_ops.hash_table(tf.string, tf.int64, name="table_v1")
        fill = gen_lookup_ops.initialize_table(
            first, tf.constant(["one", "four"]), tf.constant([7, 8], tf.int64), name="fill_v1"
        )
        found_first = gen_lookup_ops.lookup_table_find(first, words, tf.constant(-9, tf.int64))
        outputs = {
            "file": from_file.lookup(words),
            "columns": with_columns.lookup(words),
            "static": static.lookup(words),
            "mutable": mutable.lookup(words),
            "words": numbers.lookup(static.lookup(words)),
            "v1": found_first,
        }
        s.run(tf1.tables_initializer())
        s.run(fill)
        s.run(mutable.insert(tf.constant(["one", "three"]), tf.constant([1.5, 3.5])))
        assets = tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS)
        init = tf.group(tf1.tables_initializer(), fill)
        kind = {"legacy_init_op": init} if OLD else {"main_op": init}
        save(
            name,
            s,
            ["serve"],
            {"serving_default": signature({"words": words}, outputs)},
            assets_collection=assets,
            **kind,
        )
    os.remove("words.txt")
    os.remove("pairs.txt")
    feed = {"words": np.array([b"two", b"none", b"one", b"three", b"four"], object)}
    corpus.saved_model(
        name,
        "tables filled from files, constants and the checkpoint, HashTable and HashTableV2",
        [("serving_default", feed)],
    )


def _mutable():
    kind = getattr(lookup_ops, "MutableHashTable", None)
    if kind is None:
        kind = tf.contrib.lookup.MutableHashTable
    return kind(tf.string, tf.float32, -1.0, name="mutable")


def sharded(corpus):
    """Partitioned variables in several data files."""
    name = P + "sharded"
    with tf.Graph().as_default(), new_session() as s:
        x = tf1.placeholder(tf.float32, [None, 6], name="x")
        ids = tf1.placeholder(tf.int64, [None], name="ids")
        outputs = []
        for number, resource in enumerate((False, True)):
            scope = tf1.variable_scope(
                "part%d" % number, partitioner=tf1.fixed_size_partitioner(3), use_resource=resource
            )
            with tf1.device("/cpu:%d" % number), scope:
                w = tf1.get_variable("w", [6, 4], initializer=uniform(1))
                outputs.append(tf.matmul(x, tf.convert_to_tensor(w)))
                table = tf1.get_variable("table", [9, 4], initializer=uniform(2))
                outputs.append(
                    tf.nn.embedding_lookup(table, ids)
                    if IS_1
                    else tf1.nn.embedding_lookup(table, ids, partition_strategy="div")
                )
        s.run(tf1.global_variables_initializer())
        outs = {"a": outputs[0] + outputs[2], "b": outputs[1] + outputs[3]}
        more = {} if OLD else {"saver": tf1.train.Saver(sharded=True)}
        save(name, s, ["serve"], {"serving_default": signature({"x": x, "ids": ids}, outs)}, **more)
    feed = {"x": rng(2, 6), "ids": np.array([0, 8, 4])}
    corpus.saved_model(
        name,
        "partitioned variables, their slices in several data files",
        [("serving_default", feed)],
    )


def sparse(corpus):
    """Sparse inputs and outputs."""
    with tf.Graph().as_default(), new_session() as s:
        x = tf1.sparse_placeholder(tf.float32, [None, 5] if not IS_1 else None, name="x")
        y = tf1.placeholder(tf.float32, [5, 2], name="y")
        doubled = tf.SparseTensor(x.indices, x.values * 2.0, x.dense_shape)
        dense = (tf1.sparse_tensor_dense_matmul)(x, y)
        outputs = {"doubled": doubled, "product": dense}
        save(P + "sparse", s, ["serve"], {"serving_default": signature({"x": x, "y": y}, outputs)})
    feed = {
        "x/indices": np.array([[0, 1], [2, 4]]),
        "x/values": np.array([1.5, -2.0], "float32"),
        "x/dense_shape": np.array([3, 5]),
        "y": rng(5, 2),
    }
    corpus.saved_model(
        P + "sparse", "a sparse input and a sparse output", [("serving_default", feed)]
    )


def ragged(corpus):
    """Ragged inputs and outputs: composite tensors."""
    if OLD:
        return
    with tf.Graph().as_default(), new_session() as s:
        x = tf1.ragged.placeholder(tf.float32, 1, name="x")
        deep = tf1.ragged.placeholder(tf.int64, 2, name="deep")
        outputs = {
            "doubled": x.with_values(x.values * 2.0),
            "sums": tf.reduce_sum(x, axis=1)
            if not IS_1
            else tf1.ragged.math.reduce_sum(x, axis=1)
            if hasattr(tf1.ragged, "math")
            else tf.reduce_sum(x, axis=1),
            "deep": deep.with_flat_values(deep.flat_values + 1),
        }
        save(
            P + "ragged",
            s,
            ["serve"],
            {"serving_default": signature({"x": x, "deep": deep}, outputs)},
        )
    with tf.Graph().as_default():
        order = [t.name for t in tf.nest.flatten(deep, expand_composites=True)]
    values = {
        deep.flat_values.name: np.array([1, 2, 3]),
        deep.nested_row_splits[0].name: np.array([0, 2]),
        deep.nested_row_splits[1].name: np.array([0, 1, 3]),
    }
    feed = {"x/values": rng(4), "x/row_splits": np.array([0, 3, 3, 4])}
    feed.update({"deep/%d" % i: values[tensor] for i, tensor in enumerate(order)})
    corpus.saved_model(P + "ragged", "ragged inputs and outputs", [("serving_default", feed)])


def examples(corpus):
    """Serialised tf.Examples."""
    with tf.Graph().as_default(), new_session() as s:
        serialised = tf1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf1.parse_example(
            serialised,
            {
                "x": tf1.FixedLenFeature([2], tf.float32),
                "tags": tf1.VarLenFeature(tf.string),
                "n": tf1.FixedLenFeature([], tf.int64, default_value=3),
            },
        )
        w = variable("w", rng(2, 1), False)
        score = tf.matmul(parsed["x"], w) + tf1.to_float(parsed["n"])[:, None]
        tags = tf1.sparse_tensor_to_dense(parsed["tags"], default_value="")
        s.run(tf1.global_variables_initializer())
        signatures = {
            "regress": signature(
                {"inputs": serialised}, {"outputs": score}, "tensorflow/serving/regress"
            ),
            "predict": signature({"examples": serialised}, {"score": score, "tags": tags}),
        }
        save("examples", s, ["serve"], signatures)
    feature = tf.train.Feature
    made = []
    for number in range(2):
        features = {
            "x": feature(float_list=tf.train.FloatList(value=[number, 2.0])),
            "tags": feature(bytes_list=tf.train.BytesList(value=[b"a", b"b"][: number + 1])),
        }
        example = tf.train.Example(features=tf.train.Features(feature=features))
        made.append(example.SerializeToString())
    feed = np.array(made, object)
    corpus.saved_model(
        "examples",
        "tf.Example parsing",
        [("regress", {"inputs": feed}), ("predict", {"examples": feed})],
    )


def dtypes(corpus):
    """Constants and variables of many dtypes."""
    names = (
        "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 bool complex64 "
        "complex128"
    )
    with tf.Graph().as_default(), new_session() as s:
        x = tf1.placeholder(tf.float32, [2], name="x")
        outputs, number = {}, tf1.to_int32(tf.reduce_sum(x))
        resource = not OLD
        for name in names.split():
            dtype = tf.as_dtype(name)
            value = (
                tf.cast(tf.constant([2, 0]), dtype)
                if name != "bool"
                else tf.constant([True, False])
            )
            array = s.run(value)
            held = variable("v_" + name, tf.constant(array, dtype), resource)
            kept = tf.constant(array, dtype)
            both = tf.stack([tf.convert_to_tensor(held), kept])
            same = tf.complex64 if "complex" in name else tf.float32
            outputs[name] = tf.cast(both, same) * tf.cast(number, same)
        text = variable("v_string", tf.constant([b"\x00\xff", b"", b"caf\xc3\xa9"]), resource)
        outputs["string"] = tf1.string_join([text, tf1.as_string(x[0])])
        s.run(tf1.global_variables_initializer())
        save("dtypes", s, ["serve"], {"serving_default": signature({"x": x}, outputs)})
    feed = {"x": np.array([1.0, 2.0], "float32")}
    corpus.saved_model(
        "dtypes", "constants and variables of fourteen dtypes", [("serving_default", feed)]
    )


def control_flow(corpus):
    """Enter, Switch and Merge; TensorArrays; an LSTM."""
    with tf.Graph().as_default(), new_session() as s:
        if hasattr(tf1, "disable_control_flow_v2"):
            tf1.disable_control_flow_v2()
        x = tf1.placeholder(tf.float32, [2, 4, 3], name="x")
        n = tf1.placeholder(tf.int32, [], name="n")
        cell = (
            tf1.nn.rnn_cell.LSTMCell(5, initializer=tf1.constant_initializer(0.3))
            if hasattr(tf1.nn, "rnn_cell")
            else tf1.nn.rnn_cell.BasicLSTMCell(5)
        )
        states, _ = tf1.nn.dynamic_rnn(cell, x, dtype=tf.float32)
        scale = variable("scale", np.float32(1.5), False)
        _, total = tf1.while_loop(
            lambda i, t: i < n, lambda i, t: (i + 1, t * scale + 1.0), [0, tf.reduce_sum(x)]
        )
        chosen = tf1.cond(n > 2, lambda: total * scale, lambda: total - 1.0)
        array = tf.TensorArray(tf.float32, 3, clear_after_read=False)
        array = array.write(0, chosen).write(1, total).write(2, 1.0)
        s.run(tf1.global_variables_initializer())
        outputs = {"states": states, "chosen": chosen, "stacked": array.stack()}
        save(
            P + "control_flow",
            s,
            ["serve"],
            {"serving_default": signature({"x": x, "n": n}, outputs)},
        )
    feed = {"x": rng(2, 4, 3), "n": np.array(3, "int32")}
    corpus.saved_model(
        P + "control_flow",
        "a loop, a branch, a TensorArray and an LSTM",
        [("serving_default", feed)],
    )


def checkpoints(corpus):
    """Both formats, sharded or not, with and without .meta, the state file's paths."""
    for name, more, shows in (
        ("checkpoint_v2", {}, "the second format, and a state file with a relative path"),
        ("checkpoint_v1", {"write_version": 1}, "the first format"),
        ("checkpoint_v2_sharded", {"sharded": True}, "the second format in shards"),
        (
            "checkpoint_v1_sharded",
            {"sharded": True, "write_version": 1},
            "the first format in shards",
        ),
    ):
        os.makedirs(name)
        with tf.Graph().as_default(), new_session() as s:
            with tf1.device(lambda op: "/cpu:1" if "net/b" in op.name else "/cpu:0"):
                classifier()
            s.run(tf1.global_variables_initializer())
            saver = tf1.train.Saver(save_relative_paths=True, **more)
            prefix = saver.save(s, name + "/model", global_step=7)
        if more.get("sharded") and more.get("write_version") == 1:
            prefix = name + "/model-7-?????-of-00002"
        corpus_prefix = name + "/model-7"
        reader = prefix if "?" in prefix else corpus_prefix
        _checkpoint(corpus, name, shows, corpus_prefix, reader)


def _checkpoint(corpus, name, shows, prefix, reader):
    import recording

    meta = recording.read_message(prefix + ".meta", recording.meta_graph_pb2.MetaGraphDef)
    with tf.Graph().as_default(), new_session() as s:
        tf1.train.import_meta_graph(prefix + ".meta").restore(s, reader)
        runs = [recording._run(s, FEED, ["probabilities", "classes"])]
    corpus.add(
        name,
        "checkpoint",
        shows,
        graphs=[recording.graph_figures(meta.graph_def, meta)],
        runs=runs,
        variables=recording.list_variables(reader),
        expert=["probabilities"],
        warnings=[V1_WARNING] if "v1" in name else None,
    )


def graph_defs(corpus):
    """GraphDefs: frozen, unfrozen with a function library, text; a .meta alone."""
    with tf.Graph().as_default() as graph, new_session() as s:
        classifier()
        s.run(tf1.global_variables_initializer())
        frozen = tf1.graph_util.convert_variables_to_constants(
            s, graph.as_graph_def(), ["probabilities"]
        )
        tf1.train.write_graph(frozen, ".", "frozen.pb", as_text=False)
        tf1.train.write_graph(frozen, ".", "frozen.pbtxt", as_text=True)
        tf1.train.write_graph(graph, ".", "training.pb", as_text=False)
        tf1.train.export_meta_graph("alone.meta")
    corpus.graph_def(
        "frozen.pb", "a frozen graph", FEED, ["probabilities"], expert=["probabilities"]
    )
    corpus.graph_def("frozen.pbtxt", "a frozen graph as text", FEED, ["probabilities"])
    values = "variable 'net/w' and 2 more: they have no values: "
    before = "its initialiser 'net/w/Assign' gives the value before training"
    corpus.graph_def(
        "training.pb",
        "a training graph without values",
        warnings=["A GraphDef holds no values: its variables have none."],
        expert=["probabilities"],
        freeze_error="training.pb: "
        + values
        + "the graph came without a checkpoint, and "
        + before,
    )
    corpus.meta_graph(
        "alone.meta",
        "a MetaGraphDef without its checkpoint",
        warnings=["No checkpoint lies beside the file: its variables have no values."],
        expert=["probabilities"],
        freeze_error="alone.meta: "
        + values
        + "the checkpoint 'alone' is not beside it (alone.index and its data files)",
    )
    with tf.Graph().as_default() as graph:

        @function.Defun(tf.float32, tf.float32)
        def inner(a, b):
            return a * b, a + b

        @function.Defun(tf.float32, tf.float32)
        def outer(a, b):
            c, d = inner(a, b)
            return d, c

        x = tf1.placeholder(tf.float32, [3], name="x")
        first, second = outer(x, tf.constant(rng(3)))
        tf.add(first, second, name="total")
        tf1.train.write_graph(graph, ".", "functions.pb", as_text=False)
    corpus.graph_def(
        "functions.pb", "a GraphDef that calls functions by their names", {"x": rng(3)}, ["total"]
    )


def estimator(corpus):
    """An Estimator's export with feature columns."""
    column = tf.feature_column
    words = ["red", "green", "blue"]
    colour = column.categorical_column_with_vocabulary_list("colour", words, num_oov_buckets=1)
    with open("shapes.txt", "w") as file:
        file.write("round\nflat\n")
    shape = column.categorical_column_with_vocabulary_file("shape", "shapes.txt", 2)
    size = column.numeric_column("size")
    sizes = column.bucketized_column(size, [0.0, 1.0, 2.0])
    crossed = column.crossed_column(["colour", sizes], 20)
    wide = [colour, crossed]
    deep = [
        size,
        sizes,
        column.embedding_column(shape, 3),
        column.indicator_column(colour),
        column.embedding_column(column.categorical_column_with_hash_bucket("id", 8), 2),
    ]
    module = getattr(v1, "estimator", tf.estimator)
    config = module.RunConfig(tf_random_seed=3, save_summary_steps=None, log_step_count_steps=None)
    model = module.DNNLinearCombinedClassifier(
        model_dir="run",
        linear_feature_columns=wide,
        dnn_feature_columns=deep,
        dnn_hidden_units=[4],
        n_classes=3,
        config=config,
    )

    def data():
        features = {
            "colour": tf.constant([["red"], ["blue"], ["pink"]]),
            "shape": tf.constant([["round"], ["flat"], ["none"]]),
            "size": tf.constant([[0.5], [1.5], [9.0]]),
            "id": tf.constant([["a"], ["b"], ["c"]]),
        }
        return features, tf.constant([0, 1, 2])

    model.train(data, steps=2)
    spec = (
        tf1.feature_column.make_parse_example_spec(wide + deep)
        if not hasattr(column, "make_parse_example_spec")
        else column.make_parse_example_spec(wide + deep)
    )
    receiver = module.export.build_parsing_serving_input_receiver_fn(spec)
    export = (
        model.export_savedmodel if hasattr(model, "export_savedmodel") else model.export_saved_model
    )
    os.rename(export("export", receiver).decode(), "estimator")
    for folder in ("run", "export"):
        shutil.rmtree(folder)
    os.remove("shapes.txt")
    feature = tf.train.Feature
    made = []
    for colour, shape, size in ((b"red", b"flat", 0.5), (b"pink", b"round", 3.0)):
        values = {
            "colour": feature(bytes_list=tf.train.BytesList(value=[colour])),
            "shape": feature(bytes_list=tf.train.BytesList(value=[shape])),
            "id": feature(bytes_list=tf.train.BytesList(value=[b"a"])),
            "size": feature(float_list=tf.train.FloatList(value=[size])),
        }
        features = tf.train.Features(feature=values)
        made.append(tf.train.Example(features=features).SerializeToString())
    feed = np.array(made, object)
    corpus.saved_model(
        "estimator",
        "an Estimator's export: feature columns, tf.Examples, vocabularies",
        [("serving_default", {"inputs": feed}), ("predict", {"examples": feed})],
    )


ALL = (
    two_metagraphs, text_form, no_signature, empty, tables, sharded, sparse, ragged, examples,
    dtypes, control_flow, checkpoints, graph_defs, estimator,
)  # fmt: skip
