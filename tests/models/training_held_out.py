"""Training graphs that the ranking of outputs was not tuned on; see make_training.py."""

import numpy as np
import tensorflow as tf


def keras_classifier():
    image = tf.keras.Input([16, 16, 3], name="image")
    x = tf.keras.layers.Conv2D(4, 3, activation="relu")(image)
    x = tf.keras.layers.GlobalAveragePooling2D()(x)
    x = tf.keras.layers.Dense(5, activation="softmax", name="probs")(x)
    tf.keras.Model(image, x).compile("adam", "categorical_crossentropy")
    return [x.op.name]


def keras_two_heads():
    features = tf.keras.Input([6])
    x = tf.keras.layers.Dense(8, activation="relu")(features)
    mean = tf.keras.layers.Dense(1, name="mean")(x)
    risk = tf.keras.layers.Dense(1, activation="sigmoid", name="risk")(x)
    model = tf.keras.Model(features, [mean, risk])
    model.compile("rmsprop", ["mse", "binary_crossentropy"])
    return [mean.op.name, risk.op.name]


def slim_classifier():
    slim = tf.contrib.slim
    images = tf.placeholder(tf.float32, [None, 16, 16, 3], name="images")
    labels = tf.placeholder(tf.int64, [None], name="labels")
    net = slim.conv2d(images, 4, [3, 3], scope="conv1")
    net = slim.flatten(slim.max_pool2d(net, [2, 2], scope="pool1"))
    logits = slim.fully_connected(net, 6, activation_fn=None, scope="logits")
    end = tf.nn.softmax(logits, name="Predictions")
    tf.losses.sparse_softmax_cross_entropy(labels, logits)
    total = tf.losses.get_total_loss()
    slim.learning.create_train_op(total, tf.train.MomentumOptimizer(0.1, 0.9))
    return [end.op.name]


def unet():
    x = tf.placeholder(tf.float32, [None, 16, 16, 1], name="x")
    y = tf.placeholder(tf.float32, [None, 16, 16, 2], name="y")
    down = tf.layers.conv2d(x, 4, 3, padding="same", activation=tf.nn.relu)
    low = tf.layers.conv2d(tf.layers.max_pooling2d(down, 2, 2), 8, 3, padding="same")
    up = tf.layers.conv2d_transpose(low, 4, 2, strides=2)
    logits = tf.layers.conv2d(tf.concat([down, up], 3), 2, 1)
    probability = tf.nn.softmax(logits)
    overlap = 2 * tf.reduce_sum(probability * y) / (tf.reduce_sum(probability) + tf.reduce_sum(y))
    tf.train.AdamOptimizer().minimize(1 - overlap)
    return [probability.op.name, logits.op.name]


def matrix_factorisation():
    user = tf.placeholder(tf.int32, [None], name="user_id")
    item = tf.placeholder(tf.int32, [None], name="item_id")
    rating = tf.placeholder(tf.float32, [None], name="rating")
    users, items = tf.get_variable("users", [9, 4]), tf.get_variable("items", [7, 4])
    u, i = tf.nn.embedding_lookup(users, user), tf.nn.embedding_lookup(items, item)
    guess = tf.reduce_sum(u * i, 1) + tf.get_variable("mu", [])
    cost = tf.nn.l2_loss(guess - rating) + 0.1 * (tf.nn.l2_loss(u) + tf.nn.l2_loss(i))
    tf.train.AdamOptimizer().minimize(cost)
    return [guess.op.name]


def beam_search():
    source = tf.placeholder(tf.int32, [2, None], name="source")
    table = tf.get_variable("table", [12, 8])
    cell = tf.nn.rnn_cell.GRUCell(8)
    _, state = tf.nn.dynamic_rnn(cell, tf.nn.embedding_lookup(table, source), dtype=tf.float32)
    seq2seq = tf.contrib.seq2seq
    decoder = seq2seq.BeamSearchDecoder(
        tf.nn.rnn_cell.GRUCell(8),
        table,
        tf.fill([2], 1),
        2,
        seq2seq.tile_batch(state, 3),
        3,
        tf.layers.Dense(12),
    )
    found, _, _ = seq2seq.dynamic_decode(decoder, maximum_iterations=5)
    return [found.predicted_ids.op.name, found.beam_search_decoder_output.scores.op.name]


def language_sampling():
    tokens = tf.placeholder(tf.int32, [1, None], name="context")
    table = tf.get_variable("wte", [20, 8])
    hidden = tf.layers.dense(tf.nn.embedding_lookup(table, tokens), 8, activation=tf.tanh)
    logits = tf.matmul(hidden[:, -1], table, transpose_b=True) / 0.7
    drawn = tf.multinomial(logits, 1)
    return [tf.concat([tokens, tf.cast(drawn, tf.int32)], 1, name="sequence").op.name]


def proximal_policy():
    seen = tf.placeholder(tf.float32, [None, 4], name="ob")
    action = tf.placeholder(tf.float32, [None, 2], name="ac")
    advantage = tf.placeholder(tf.float32, [None], name="adv")
    old = tf.placeholder(tf.float32, [None], name="old_logp")
    back = tf.placeholder(tf.float32, [None], name="ret")
    mean = tf.layers.dense(tf.layers.dense(seen, 8, activation=tf.tanh), 2, name="mu")
    scale = tf.get_variable("log_std", [2])
    drawn = mean + tf.exp(scale) * tf.random_normal(tf.shape(mean))
    value = tf.squeeze(tf.layers.dense(seen, 1, name="v"), 1)
    logp = tf.reduce_sum(-0.5 * tf.square((action - mean) / tf.exp(scale)) - scale, 1)
    ratio = tf.exp(logp - old)
    cut = tf.minimum(ratio * advantage, tf.clip_by_value(ratio, 0.8, 1.2) * advantage)
    loss = -tf.reduce_mean(cut) + tf.reduce_mean(tf.square(value - back))
    tf.train.AdamOptimizer().minimize(loss)
    return [drawn.op.name, mean.op.name, value.op.name]


def triplets():
    image = tf.placeholder(tf.float32, [None, 12], name="image")
    kind = tf.placeholder(tf.int32, [None], name="label")
    code = tf.nn.l2_normalize(tf.layers.dense(tf.layers.dense(image, 8), 4), 1)
    loss = tf.contrib.losses.metric_learning.triplet_semihard_loss(kind, code)
    tf.train.AdamOptimizer().minimize(loss)
    return [code.op.name]


def image_to_image():
    photo = tf.placeholder(tf.float32, [None, 16, 16, 3], name="real_A")
    goal = tf.placeholder(tf.float32, [None, 16, 16, 3], name="real_B")

    def judge(pair, reuse):
        with tf.variable_scope("D", reuse=reuse):
            return tf.layers.conv2d(tf.layers.conv2d(pair, 4, 3), 1, 3)

    with tf.variable_scope("G"):
        fake = tf.nn.tanh(tf.layers.conv2d(photo, 3, 3, padding="same"))
    real = judge(tf.concat([photo, goal], 3), False)
    made = judge(tf.concat([photo, fake], 3), True)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    d_loss = tf.reduce_mean(entropy(labels=tf.ones_like(real), logits=real))
    d_loss += tf.reduce_mean(entropy(labels=tf.zeros_like(made), logits=made))
    g_loss = tf.reduce_mean(entropy(labels=tf.ones_like(made), logits=made))
    g_loss += tf.reduce_mean(tf.abs(goal - fake))
    tf.train.AdamOptimizer().minimize(d_loss, var_list=tf.trainable_variables("D"))
    tf.train.AdamOptimizer().minimize(g_loss, var_list=tf.trainable_variables("G"))
    return [fake.op.name]


def huber_forecast():
    past = tf.placeholder(tf.float32, [None, 10, 2], name="window")
    future = tf.placeholder(tf.float32, [None, 3], name="horizon")
    out, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.LSTMCell(6), past, dtype=tf.float32)
    guess = tf.layers.dense(out[:, -1], 3)
    loss = tf.losses.huber_loss(future, guess)
    tf.metrics.mean_absolute_error(future, guess)
    tf.train.AdamOptimizer().minimize(loss)
    return [guess.op.name]


def factorisation_machine():
    index = tf.placeholder(tf.int32, [None, 5], name="feat_index")
    value = tf.placeholder(tf.float32, [None, 5], name="feat_value")
    label = tf.placeholder(tf.float32, [None, 1], name="label")
    factors = tf.nn.embedding_lookup(tf.get_variable("v", [30, 4]), index) * value[:, :, None]
    both = tf.square(tf.reduce_sum(factors, 1)) - tf.reduce_sum(tf.square(factors), 1)
    deep = tf.layers.dense(tf.reshape(factors, [-1, 20]), 1)
    out = tf.nn.sigmoid(0.5 * tf.reduce_sum(both, 1, keepdims=True) + deep)
    tf.train.AdagradOptimizer(0.1).minimize(tf.losses.log_loss(label, out))
    return [out.op.name]


def quantised():
    x = tf.placeholder(tf.float32, [None, 8, 8, 1], name="a")
    y = tf.placeholder(tf.int64, [None], name="b")
    logits = tf.layers.dense(tf.layers.flatten(tf.layers.conv2d(x, 4, 3)), 3, name="c")
    out = tf.nn.softmax(logits, name="d")
    loss = tf.losses.sparse_softmax_cross_entropy(y, logits)
    tf.contrib.quantize.create_training_graph(quant_delay=0)
    tf.train.GradientDescentOptimizer(0.1).minimize(loss)
    return [out.op.name]


def scaled_regression():
    x = tf.placeholder(tf.float32, [None, 3], name="inputs")
    truth = tf.placeholder(tf.float32, [None, 1], name="outputs")
    scaled = (x - np.float32(2)) / np.float32(3)
    y = tf.layers.dense(tf.layers.dense(scaled, 5, activation=tf.nn.selu), 1)
    answer = tf.add(y * np.float32(4), np.float32(7))
    tf.train.RMSPropOptimizer(0.1).minimize(tf.losses.mean_squared_error(truth, answer))
    return [answer.op.name]


ALL = [
    keras_classifier,
    keras_two_heads,
    slim_classifier,
    unet,
    matrix_factorisation,
    beam_search,
    language_sampling,
    proximal_policy,
    triplets,
    image_to_image,
    huber_forecast,
    factorisation_machine,
    quantised,
    scaled_regression,
]
