"""More training graphs that the ranking of outputs was tuned on; see make_training.py."""

import numpy as np
import tensorflow as tf

L = tf.layers
ph = tf.placeholder


def n(tensor):
    return tensor.op.name


def estimator_queue():
    feed = tf.estimator.inputs.numpy_input_fn(
        {"x": np.zeros((8, 4), "float32")}, np.zeros(8, "int64"), 4, None, True
    )
    features, labels = feed()
    column = tf.feature_column.numeric_column("x", shape=[4])
    model = tf.estimator.DNNClassifier([8, 8], [column], n_classes=3)
    tf.train.get_or_create_global_step()
    model.model_fn(features, labels, tf.estimator.ModeKeys.TRAIN, model.config)
    tf.train.Saver()
    return ["dnn/logits/BiasAdd", "dnn/head/predictions/probabilities"]


def wasserstein():
    real = ph(tf.float32, [16, 8, 8, 1], name="x")
    z = ph(tf.float32, [16, 10], name="noise")

    def critic(x):
        with tf.variable_scope("critic", reuse=tf.AUTO_REUSE):
            h = tf.nn.leaky_relu(L.conv2d(x, 8, 3, strides=2, name="c1"))
            return L.dense(L.flatten(h), 1, name="out")

    with tf.variable_scope("gen"):
        h = tf.nn.relu(L.dense(z, 4 * 4 * 8))
        h = L.conv2d_transpose(tf.reshape(h, [-1, 4, 4, 8]), 1, 3, strides=2, padding="same")
        fake = tf.nn.sigmoid(h)
    good, bad = critic(real), critic(fake)
    part = tf.random_uniform([16, 1, 1, 1])
    between = part * real + (1 - part) * fake
    slope = tf.gradients(critic(between), [between])[0]
    penalty = tf.reduce_mean((tf.sqrt(tf.reduce_sum(slope**2, [1, 2, 3])) - 1.0) ** 2)
    d = tf.reduce_mean(bad) - tf.reduce_mean(good) + 10 * penalty
    g = -tf.reduce_mean(bad)
    for loss, scope in ((d, "critic"), (g, "gen")):
        tf.train.AdamOptimizer(1e-4, 0.5).minimize(loss, var_list=tf.trainable_variables(scope))
    return [n(fake)]


def cycle():
    a = ph(tf.float32, [1, 16, 16, 3], name="real_A")
    b = ph(tf.float32, [1, 16, 16, 3], name="real_B")

    def gen(x, name):
        with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
            h = tf.nn.relu(L.conv2d(x, 8, 3, padding="same", name="c1"))
            return tf.nn.tanh(L.conv2d(h, 3, 3, padding="same", name="c2"))

    def disc(x, name):
        with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
            h = tf.nn.leaky_relu(L.conv2d(x, 8, 3, strides=2, name="c1"))
            return L.conv2d(h, 1, 3, name="c2")

    fake_b, fake_a = gen(a, "G_AB"), gen(b, "G_BA")
    back_a, back_b = gen(fake_b, "G_BA"), gen(fake_a, "G_AB")
    da, db = disc(fake_a, "D_A"), disc(fake_b, "D_B")
    l1 = tf.reduce_mean(tf.abs(a - back_a)) + tf.reduce_mean(tf.abs(b - back_b))
    g = l1 * 10 + tf.reduce_mean((da - 1) ** 2) + tf.reduce_mean((db - 1) ** 2)
    d = tf.reduce_mean((disc(a, "D_A") - 1) ** 2) + tf.reduce_mean(da**2)
    d += tf.reduce_mean((disc(b, "D_B") - 1) ** 2) + tf.reduce_mean(db**2)
    for loss, scope in ((d, "D_"), (g, "G_")):
        tf.train.AdamOptimizer().minimize(loss, var_list=tf.trainable_variables(scope))
    return [n(fake_a), n(fake_b)]


def twin_critics():
    s = ph(tf.float32, [None, 6], name="x_ph")
    a = ph(tf.float32, [None, 2], name="a_ph")
    s2 = ph(tf.float32, [None, 6], name="x2_ph")
    r = ph(tf.float32, [None], name="r_ph")
    d = ph(tf.float32, [None], name="d_ph")

    def mlp(x, out, last=None):
        return L.dense(L.dense(x, 16, activation=tf.nn.relu), out, activation=last)

    def nets(x, act):
        with tf.variable_scope("pi", reuse=tf.AUTO_REUSE):
            pi = 2.0 * mlp(x, 2, tf.tanh)
        with tf.variable_scope("q1"):
            q1 = tf.squeeze(mlp(tf.concat([x, act], -1), 1), 1)
        with tf.variable_scope("q2"):
            q2 = tf.squeeze(mlp(tf.concat([x, act], -1), 1), 1)
        with tf.variable_scope("q1", reuse=True):
            q1_pi = tf.squeeze(mlp(tf.concat([x, pi], -1), 1), 1)
        return pi, q1, q2, q1_pi

    with tf.variable_scope("main"):
        pi, q1, q2, q1_pi = nets(s, a)
    with tf.variable_scope("target"):
        with tf.variable_scope("pi"):
            pi2 = 2.0 * mlp(s2, 2, tf.tanh)
        noise = tf.clip_by_value(tf.random_normal(tf.shape(pi2), stddev=0.2), -0.5, 0.5)
        a2 = tf.clip_by_value(pi2 + noise, -2.0, 2.0)
        with tf.variable_scope("q1"):
            t1 = tf.squeeze(mlp(tf.concat([s2, a2], -1), 1), 1)
        with tf.variable_scope("q2"):
            t2 = tf.squeeze(mlp(tf.concat([s2, a2], -1), 1), 1)
    backup = tf.stop_gradient(r + 0.99 * (1 - d) * tf.minimum(t1, t2))
    q_loss = tf.reduce_mean((q1 - backup) ** 2) + tf.reduce_mean((q2 - backup) ** 2)
    tf.train.AdamOptimizer(1e-3).minimize(
        -tf.reduce_mean(q1_pi), var_list=tf.trainable_variables("main/pi")
    )
    tf.train.AdamOptimizer(1e-3).minimize(q_loss, var_list=tf.trainable_variables("main/q"))
    tf.group(
        [
            tf.assign(old, 0.995 * old + 0.005 * new)
            for new, old in zip(tf.trainable_variables("main"), tf.trainable_variables("target"))
        ]
    )
    return [n(pi)]


def two_towers():
    user = ph(tf.int32, [None], name="user_id")
    item = ph(tf.int32, [None], name="item_id")
    with tf.variable_scope("user_tower"):
        u = tf.nn.embedding_lookup(tf.get_variable("emb", [50, 8]), user)
        u = L.dense(L.dense(u, 16, tf.nn.relu), 8)
        u = tf.nn.l2_normalize(u, 1)
    with tf.variable_scope("item_tower"):
        v = tf.nn.embedding_lookup(tf.get_variable("emb", [90, 8]), item)
        v = L.dense(L.dense(v, 16, tf.nn.relu), 8)
        v = tf.nn.l2_normalize(v, 1)
    similar = tf.matmul(u, v, transpose_b=True) / 0.05
    target = tf.range(tf.shape(similar)[0])
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=target, logits=similar)
    )
    tf.train.AdagradOptimizer(0.1).minimize(loss)
    return [n(u), n(v), n(similar)]


def skip_gram():
    words = ph(tf.int32, [16], name="train_inputs")
    context = ph(tf.int32, [16, 1], name="train_labels")
    valid = tf.constant([1, 2, 3], tf.int32)
    table = tf.Variable(tf.random_uniform([100, 8], -1.0, 1.0))
    found = tf.nn.embedding_lookup(table, words)
    w = tf.Variable(tf.truncated_normal([100, 8]))
    b = tf.Variable(tf.zeros([100]))
    loss = tf.reduce_mean(tf.nn.nce_loss(w, b, context, found, 4, 100))
    tf.train.GradientDescentOptimizer(1.0).minimize(loss)
    norm = tf.sqrt(tf.reduce_sum(tf.square(table), 1, keepdims=True))
    normalised = table / norm
    chosen = tf.nn.embedding_lookup(normalised, valid)
    similar = tf.matmul(chosen, normalised, transpose_b=True)
    return [n(similar), n(normalised), n(found)]


def anchors():
    image = ph(tf.float32, [None, 32, 32, 3], name="images")
    gt_class = ph(tf.int32, [None, 64], name="anchor_classes")
    gt_box = ph(tf.float32, [None, 64, 4], name="anchor_boxes")
    h = L.conv2d(image, 8, 3, strides=2, padding="same", activation=tf.nn.relu)
    h = L.conv2d(h, 8, 3, strides=2, padding="same", activation=tf.nn.relu)
    cls = tf.reshape(L.conv2d(h, 3, 1, name="cls"), [-1, 64, 3])
    box = tf.reshape(L.conv2d(h, 4, 1, name="box"), [-1, 64, 4])
    loss = tf.losses.sparse_softmax_cross_entropy(gt_class, cls)
    loss += tf.losses.huber_loss(gt_box, box)
    tf.train.MomentumOptimizer(0.01, 0.9).minimize(tf.losses.get_total_loss())
    scores = tf.nn.softmax(cls)[0]
    best, kind = tf.reduce_max(scores, 1), tf.argmax(scores, 1)
    keep = tf.image.non_max_suppression(box[0], best, 10)
    boxes = tf.gather(box[0], keep, name="final_boxes")
    points = tf.gather(best, keep, name="final_scores")
    kinds = tf.gather(kind, keep, name="final_classes")
    return [n(boxes), n(points), n(kinds)]


def distilled():
    x = ph(tf.float32, [None, 12], name="features")
    y = ph(tf.int64, [None], name="label")
    with tf.variable_scope("teacher"):
        big = L.dense(L.dense(L.dense(x, 64, tf.nn.relu), 64, tf.nn.relu), 5)
    with tf.variable_scope("student"):
        small = L.dense(L.dense(x, 8, tf.nn.relu), 5)
        answer = tf.nn.softmax(small, name="answer")
    soft = tf.nn.softmax(tf.stop_gradient(big) / 4.0)
    loss = tf.reduce_mean(
        tf.nn.softmax_cross_entropy_with_logits_v2(labels=soft, logits=small / 4.0)
    )
    loss += tf.losses.sparse_softmax_cross_entropy(y, small)
    tf.train.AdamOptimizer().minimize(loss, var_list=tf.trainable_variables("student"))
    tf.reduce_mean(tf.cast(tf.equal(tf.argmax(small, 1), y), tf.float32))
    return [n(answer), n(small)]


def three_faces():
    anchor = ph(tf.float32, [None, 16, 16, 1], name="anchor")
    same = ph(tf.float32, [None, 16, 16, 1], name="positive")
    other = ph(tf.float32, [None, 16, 16, 1], name="negative")

    def net(x, reuse):
        with tf.variable_scope("net", reuse=reuse):
            h = L.conv2d(x, 8, 3, activation=tf.nn.relu, name="c")
            return tf.nn.l2_normalize(L.dense(L.flatten(h), 8, name="d"), 1)

    a, p, q = net(anchor, False), net(same, True), net(other, True)
    near = tf.reduce_sum(tf.square(a - p), 1)
    far = tf.reduce_sum(tf.square(a - q), 1)
    loss = tf.reduce_mean(tf.maximum(0.0, near - far + 0.2))
    tf.train.AdamOptimizer().minimize(loss)
    tf.summary.scalar("loss", loss)
    return [n(a), n(p), n(q)]


def attention_decoder():
    src = ph(tf.int32, [None, None], name="source")
    src_len = ph(tf.int32, [None], name="source_length")
    tgt = ph(tf.int32, [None, None], name="target")
    tgt_len = ph(tf.int32, [None], name="target_length")
    seq = tf.contrib.seq2seq
    table = tf.get_variable("embedding", [30, 8])
    cell = tf.nn.rnn_cell.GRUCell
    states, last = tf.nn.dynamic_rnn(
        cell(8), tf.nn.embedding_lookup(table, src), src_len, dtype=tf.float32, scope="encoder"
    )
    attention = seq.LuongAttention(8, states, src_len)
    decoder = seq.AttentionWrapper(cell(8), attention, 8)
    size = tf.shape(src)[0]
    start = decoder.zero_state(size, tf.float32).clone(cell_state=last)
    project = tf.layers.Dense(30, name="project")
    given = tf.nn.embedding_lookup(table, tgt)
    with tf.variable_scope("decode"):
        trained, _, _ = seq.dynamic_decode(
            seq.BasicDecoder(decoder, seq.TrainingHelper(given, tgt_len), start, project)
        )
    with tf.variable_scope("decode", reuse=True):
        helper = seq.GreedyEmbeddingHelper(table, tf.fill([size], 1), 2)
        spoken, _, _ = seq.dynamic_decode(
            seq.BasicDecoder(decoder, helper, start, project), maximum_iterations=20
        )
    answer = tf.identity(spoken.sample_id, name="predictions")
    logits = tf.identity(trained.rnn_output, name="logits")
    mask = tf.sequence_mask(tgt_len, dtype=tf.float32, name="masks")
    loss = seq.sequence_loss(logits, tgt, mask)
    optimizer = tf.train.AdamOptimizer()
    grads = [(tf.clip_by_value(g, -5.0, 5.0), v) for g, v in optimizer.compute_gradients(loss)
             if g is not None]  # fmt: skip
    optimizer.apply_gradients(grads)
    return [n(answer), n(logits)]


def shadow_weights():
    x = ph(tf.float32, [None, 20], name="x-input")
    y_ = ph(tf.float32, [None, 4], name="y-input")
    w1 = tf.Variable(tf.truncated_normal([20, 16], stddev=0.1))
    b1 = tf.Variable(tf.constant(0.1, shape=[16]))
    w2 = tf.Variable(tf.truncated_normal([16, 4], stddev=0.1))
    b2 = tf.Variable(tf.constant(0.1, shape=[4]))

    def infer(get):
        h = tf.nn.relu(tf.matmul(x, get(w1)) + get(b1))
        return tf.matmul(h, get(w2)) + get(b2)

    y = infer(lambda v: v)
    step = tf.Variable(0, trainable=False)
    shadow = tf.train.ExponentialMovingAverage(0.99, step)
    update = shadow.apply(tf.trainable_variables())
    average = infer(shadow.average)
    cross = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=y, labels=tf.argmax(y_, 1))
    reg = tf.contrib.layers.l2_regularizer(1e-4)
    loss = tf.reduce_mean(cross) + reg(w1) + reg(w2)
    rate = tf.train.exponential_decay(0.8, step, 100, 0.99)
    train = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=step)
    with tf.control_dependencies([train, update]):
        tf.no_op(name="train")
    right = tf.equal(tf.argmax(average, 1), tf.argmax(y_, 1))
    tf.reduce_mean(tf.cast(right, tf.float32))
    return [n(y), n(average)]


def tagger():
    words = ph(tf.int32, [None, None], name="word_ids")
    lengths = ph(tf.int32, [None], name="sequence_lengths")
    tags = ph(tf.int32, [None, None], name="labels")
    drop = ph(tf.float32, [], name="dropout")
    with tf.variable_scope("words"):
        e = tf.nn.embedding_lookup(tf.get_variable("_word_embeddings", [40, 8]), words)
        e = tf.nn.dropout(e, drop)
    with tf.variable_scope("bi-lstm"):
        cell = tf.nn.rnn_cell.LSTMCell
        (fw, bw), _ = tf.nn.bidirectional_dynamic_rnn(
            cell(8), cell(8), e, sequence_length=lengths, dtype=tf.float32
        )
        h = tf.nn.dropout(tf.concat([fw, bw], -1), drop)
    with tf.variable_scope("proj"):
        w = tf.get_variable("W", [16, 5])
        b = tf.get_variable("b", [5], initializer=tf.zeros_initializer())
        steps = tf.shape(h)[1]
        scores = tf.reshape(tf.matmul(tf.reshape(h, [-1, 16]), w) + b, [-1, steps, 5])
    likely, _ = tf.contrib.crf.crf_log_likelihood(scores, tags, lengths)
    loss = tf.reduce_mean(-likely)
    tf.summary.scalar("loss", loss)
    with tf.variable_scope("train_step"):
        tf.train.AdamOptimizer().minimize(loss)
    return [n(scores)]


def loss_scale():
    data = tf.data.Dataset.from_tensors((np.zeros((4, 8, 8, 3), "float32"), np.zeros(4, "int32")))
    image, label = tf.data.make_one_shot_iterator(data.repeat()).get_next()
    h = tf.cast(image, tf.float16)

    def single(getter, *args, **kwargs):
        kwargs["dtype"] = tf.float32
        return tf.cast(getter(*args, **kwargs), tf.float16)

    with tf.variable_scope("fp32_vars", custom_getter=single):
        h = L.conv2d(h, 8, 3, activation=tf.nn.relu)
        h = tf.reduce_mean(h, [1, 2])
        logits = L.dense(h, 6)
    logits = tf.cast(logits, tf.float32)
    cross = tf.losses.sparse_softmax_cross_entropy(logits=logits, labels=label)
    decay = 1e-4 * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()])
    loss = tf.identity(cross + decay, name="total")
    grads = tf.gradients(loss * 128.0, tf.trainable_variables())
    grads = [g / 128.0 for g in grads]
    tf.train.MomentumOptimizer(0.1, 0.9).apply_gradients(zip(grads, tf.trainable_variables()))
    classes = tf.argmax(logits, 1)
    chances = tf.nn.softmax(logits, name="softmax_tensor")
    tf.metrics.accuracy(label, classes)
    return [n(chances), n(classes), n(logits)]


ALL = (
    estimator_queue, wasserstein, cycle, twin_critics, two_towers, skip_gram, anchors, distilled,
    three_faces, attention_decoder, shadow_weights, tagger, loss_scale,
)  # fmt: skip
