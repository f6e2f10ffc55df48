"""Make `reviews/`: text in, with a vocabulary file and a lookup table, as TensorFlow 1 exported it.

It scores short hotel reviews, good or bad: the sentences are put together here, and the weight of a
word is how much more often it stands in good ones (no training loop). Run it from the checkout:
``.venv/bin/python sample_models/make_reviews.py`` (a few seconds).

What is in it on purpose: a string input, an asset, a table that must be initialised before the
first run (it stays a table when the model is frozen), ops that only run on strings.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1
FOLDER = Path(__file__).resolve().parent / "reviews"
THINGS = [
    "room",
    "bed",
    "breakfast",
    "view",
    "staff",
    "pool",
    "location",
    "bar",
    "lobby",
    "shower",
    "balcony",
    "garden",
    "price",
]
GOOD = [
    "lovely",
    "clean",
    "friendly",
    "quiet",
    "great",
    "comfortable",
    "excellent",
    "warm",
    "helpful",
    "perfect",
]
BAD = [
    "dirty",
    "noisy",
    "rude",
    "awful",
    "broken",
    "cold",
    "tiny",
    "terrible",
    "smelly",
    "disappointing",
]
FILLERS = ("the {0} was {1}", "a {1} {0}", "{1} {0}", "we found the {0} very {1}", "our {0} : {1}")


def sentences(count: int, random: np.random.Generator) -> tuple[list[str], np.ndarray]:
    """Reviews, and 1 for the good ones."""
    texts, labels = [], random.integers(0, 2, count)
    for label in labels:
        parts = []
        for _ in range(random.integers(1, 4)):
            agrees = random.random() < 0.85
            words = GOOD if bool(label) == agrees else BAD
            parts.append(random.choice(FILLERS).format(random.choice(THINGS), random.choice(words)))
        texts.append((", ".join(parts) + ".").capitalize())
    return texts, labels


def word_weights(texts: list[str], labels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The vocabulary, and per word the logarithm of its odds to stand in a good review."""
    counts: dict[int, Counter[str]] = {0: Counter(), 1: Counter()}
    for text, label in zip(texts, labels, strict=True):
        counts[int(label)].update("".join(c if c.isalpha() else " " for c in text.lower()).split())
    words = sorted(counts[0] | counts[1])
    odds = [np.log((counts[1][word] + 1) / (counts[0][word] + 1)) for word in words]
    return words, np.array(odds, np.float32)


def export(words: list[str], odds: np.ndarray) -> None:
    """Write the SavedModel; words not in the vocabulary share the last row of the weights."""
    FOLDER.mkdir(exist_ok=True)
    os.chdir(FOLDER)  # the graph keeps the path it was made with: let it be a bare file name
    shutil.rmtree("saved_model", ignore_errors=True)
    vocabulary = Path("vocabulary.txt")
    vocabulary.write_text("\n".join(words) + "\n", encoding="utf-8")
    with tf1.Graph().as_default(), tf1.Session() as session:
        text = tf1.placeholder(tf1.string, [None], name="text")
        with tf1.name_scope("words"):
            plain = tf1.strings.regex_replace(tf1.strings.lower(text), "[^a-z]+", " ")
            split = tf1.strings.split(plain, sep=" ", result_type="SparseTensor")
        asset = tf1.constant(str(vocabulary), name="vocabulary_file")
        tf1.add_to_collection(tf1.GraphKeys.ASSET_FILEPATHS, asset)
        initializer = tf1.lookup.TextFileInitializer(
            asset,
            tf1.string,
            tf1.lookup.TextFileIndex.WHOLE_LINE,
            tf1.int64,
            tf1.lookup.TextFileIndex.LINE_NUMBER,
        )
        table = tf1.lookup.StaticHashTable(initializer, len(words), name="vocabulary")
        ids = tf1.SparseTensor(split.indices, table.lookup(split.values), split.dense_shape)
        start = np.stack([-np.append(odds, 0), np.append(odds, 0)], 1).astype(np.float32)
        weights = tf1.get_variable("word_weights", initializer=start, use_resource=False)
        bias = tf1.get_variable("bias", initializer=np.zeros(2, np.float32), use_resource=False)
        summed = tf1.nn.embedding_lookup_sparse(weights, ids, None, combiner="sum", name="sum")
        probabilities = tf1.nn.softmax(tf1.nn.bias_add(summed, bias), name="probabilities")
        session.run([tf1.global_variables_initializer(), tf1.tables_initializer()])
        signature = tf1.saved_model.predict_signature_def(
            {"text": text}, {"probabilities": probabilities}
        )
        builder = tf1.saved_model.Builder("saved_model")
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=tf1.get_collection(tf1.GraphKeys.ASSET_FILEPATHS),
            main_op=tf1.tables_initializer(name="initialise_tables"),
            strip_default_attrs=True,
        )
        builder.save()
        texts, labels = sentences(40, np.random.default_rng(6))
        answers = session.run(probabilities, {text: texts})
        print("right:", np.mean(answers.argmax(1) == labels))
    vocabulary.unlink()  # the SavedModel has its own copy, in assets/
    # An array of bytes of fixed width: no pickled objects.
    np.savez_compressed("reviews.npz", text=np.array([t.encode() for t in texts], "S"))


if __name__ == "__main__":
    export(*word_weights(*sentences(4000, np.random.default_rng(5))))
