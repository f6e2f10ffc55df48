"""The training graphs that the ranking of outputs was tuned on; see make_training.py."""

import numpy as np
import tensorflow as tf

t = getattr(tf.compat, "v1", tf)
L = t.layers
ph = t.placeholder


def n(tensor):
    return tensor.op.name


def ssd():
    x = ph(tf.float32, [1, 32, 32, 3], name="image_tensor")
    f = L.conv2d(x, 8, 3, activation=tf.nn.relu, strides=2)
    loc = tf.reshape(L.conv2d(f, 16, 3, padding="same"), [1, -1, 4])
    cls = tf.reshape(L.conv2d(f, 12, 3, padding="same"), [1, -1, 3])
    sc = tf.nn.sigmoid(cls)[0]
    mx = tf.reduce_max(sc, 1)
    idx = tf.image.non_max_suppression(loc[0], mx, 10)
    b = tf.identity(tf.expand_dims(tf.gather(loc[0], idx), 0), name="detection_boxes")
    s = tf.identity(tf.expand_dims(tf.gather(mx, idx), 0), name="detection_scores")
    c = tf.identity(
        tf.expand_dims(tf.to_float(tf.gather(tf.argmax(sc, 1), idx)), 0), name="detection_classes"
    )
    num = tf.identity(tf.to_float(tf.shape(idx)[0])[None], name="num_detections")
    return [n(v) for v in (b, s, c, num)]


def yolo():
    x = ph(tf.float32, [None, 32, 32, 3], name="input/input_data")
    tr = ph(tf.bool, name="input/training")
    lb = ph(tf.float32, [None, 8, 8, 2, 7], name="input/label_bbox")
    f = L.conv2d(x, 8, 3, strides=2, padding="same")
    f = tf.nn.leaky_relu(L.batch_normalization(f, training=tr))
    outs = []
    with t.variable_scope("pred_sbbox"):
        o = L.conv2d(f, 14, 3, strides=2, padding="same")
        o = tf.reshape(o, [-1, 8, 8, 2, 7])
        xy = tf.sigmoid(o[..., :2]) * 4.0
        wh = tf.exp(o[..., 2:4])
        cf = tf.sigmoid(o[..., 4:5])
        pr = tf.sigmoid(o[..., 5:])
        outs.append(tf.concat([xy, wh, cf, pr], -1, name="concat"))
    with t.variable_scope("pred_mbbox"):
        o = L.conv2d(f, 14, 3, strides=2, padding="same")
        o = tf.reshape(o, [-1, 8, 8, 2, 7])
        xy = tf.sigmoid(o[..., :2]) * 4.0
        wh = tf.exp(o[..., 2:4])
        cf = tf.sigmoid(o[..., 4:5])
        pr = tf.sigmoid(o[..., 5:])
        outs.append(tf.concat([xy, wh, cf, pr], -1, name="concat"))
    with t.variable_scope("define_loss"):
        giou = tf.reduce_mean(tf.square(outs[0] - lb))
        tot = giou + tf.reduce_mean(tf.square(outs[1] - lb))
    t.train.ExponentialMovingAverage(0.9).apply(t.trainable_variables())
    with t.control_dependencies(t.get_collection("update_ops")):
        t.train.AdamOptimizer().minimize(tot)
    t.summary.scalar("giou_loss", giou)
    return [n(v) for v in outs]


def segment():
    x = ph(tf.float32, [None, None, None, 3], name="image")
    a = ph(tf.int32, [None, None, None, 1], name="annotation")
    kp = ph(tf.float32, name="keep_probabilty")
    f = L.conv2d(x, 8, 3, padding="same", activation=tf.nn.relu)
    f = tf.nn.dropout(f, kp)
    lg = L.conv2d_transpose(f, 4, 3, padding="same")
    p = tf.argmax(lg, 3, name="prediction")
    p4 = tf.expand_dims(p, 3)
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            logits=lg, labels=tf.squeeze(a, [3]), name="entropy"
        )
    )
    t.summary.image("pred_annotation", tf.cast(p4, tf.uint8))
    t.summary.scalar("entropy", loss)
    t.train.AdamOptimizer().minimize(loss)
    return ["prediction", "ExpandDims", "conv2d_transpose/BiasAdd"]


def facenet():
    x = ph(tf.float32, [None, 16, 16, 3], name="input")
    ptr = ph(tf.bool, name="phase_train")
    lb = ph(tf.int64, [None], name="labels")
    f = L.flatten(L.conv2d(x, 8, 3))
    f = L.dropout(f, training=ptr)
    pre = L.dense(f, 16, name="Bottleneck")
    lg = L.dense(pre, 10, name="Logits")
    tf.nn.l2_normalize(pre, 1, 1e-10, name="embeddings")
    ce = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=lb, logits=lg), name="cross_entropy"
    )
    tf.cast(tf.equal(tf.argmax(lg, 1), lb), tf.float32)
    t.train.AdagradOptimizer(0.1).minimize(ce)
    return ["embeddings"]


def gan():
    z = ph(tf.float32, [None, 8], name="z")
    x = ph(tf.float32, [None, 8, 8, 1], name="real_images")
    with t.variable_scope("generator"):
        g = tf.tanh(tf.reshape(L.dense(L.dense(z, 32, activation=tf.nn.relu), 64), [-1, 8, 8, 1]))

    def d(i, r):
        with t.variable_scope("discriminator", reuse=r):
            lg = L.dense(L.flatten(i), 1, name="d")
            return tf.nn.sigmoid(lg), lg

    D, Dl = d(x, False)
    D_, Dl_ = d(g, True)
    ce = tf.nn.sigmoid_cross_entropy_with_logits
    dl = tf.reduce_mean(ce(logits=Dl, labels=tf.ones_like(D))) + tf.reduce_mean(
        ce(logits=Dl_, labels=tf.zeros_like(D_))
    )
    gl = tf.reduce_mean(ce(logits=Dl_, labels=tf.ones_like(D_)))
    t.train.AdamOptimizer().minimize(
        dl, var_list=[v for v in t.trainable_variables() if "disc" in v.name]
    )
    t.train.AdamOptimizer().minimize(
        gl, var_list=[v for v in t.trainable_variables() if "gen" in v.name]
    )
    t.summary.histogram("d", D)
    t.summary.image("G", g)
    return [n(g)]


def superres():
    lr = ph(tf.float32, [None, 8, 8, 3], name="low_res")
    hr = ph(tf.float32, [None, 16, 16, 3], name="high_res")
    f = L.conv2d(lr, 8, 3, padding="same", activation=tf.nn.relu)
    f = L.conv2d(f, 12, 3, padding="same")
    o = tf.depth_to_space(f, 2)
    o = tf.clip_by_value(o, 0.0, 1.0)
    mse = tf.reduce_mean(tf.square(o - hr))
    10 * tf.log(1 / mse) / np.log(10.0) if hasattr(tf, "log") else mse
    t.train.AdamOptimizer().minimize(mse)
    return [n(o)]


def ctc():
    x = ph(tf.float32, [None, None, 13], name="input_node")
    sl = ph(tf.int32, [None], name="seq_len")
    tg = t.sparse_placeholder(tf.int32, name="targets")
    h, _ = t.nn.dynamic_rnn(t.nn.rnn_cell.BasicLSTMCell(8), x, sl, dtype=tf.float32)
    lg = tf.transpose(L.dense(h, 5), [1, 0, 2])
    loss = tf.reduce_mean(tf.nn.ctc_loss(tg, lg, sl) if not hasattr(t, "xx") else 0)
    dec, _lp = tf.nn.ctc_greedy_decoder(lg, sl)
    t.sparse_tensor_to_dense(dec[0], default_value=-1, name="decoded")
    tf.reduce_mean(t.edit_distance(tf.cast(dec[0], tf.int32), tg))
    t.train.MomentumOptimizer(0.1, 0.9).minimize(loss)
    return ["decoded", "transpose"]


def seq2seq():
    src = ph(tf.int32, [None, None], name="src")
    tgt = ph(tf.int32, [None, None], name="tgt_in")
    to = ph(tf.int32, [None, None], name="tgt_out")
    emb = t.get_variable("emb", [20, 8])
    _, st = t.nn.dynamic_rnn(
        t.nn.rnn_cell.GRUCell(8), tf.nn.embedding_lookup(emb, src), dtype=tf.float32, scope="enc"
    )
    o, _ = t.nn.dynamic_rnn(
        t.nn.rnn_cell.GRUCell(8), tf.nn.embedding_lookup(emb, tgt), initial_state=st, scope="dec"
    )
    lg = L.dense(o, 20, name="proj")
    tf.argmax(lg, -1, name="pred_ids")
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=to, logits=lg)
    mask = tf.to_float(tf.not_equal(to, 0))
    loss = tf.reduce_sum(ce * mask) / tf.reduce_sum(mask)
    g = tf.gradients(loss, t.trainable_variables())
    g, _ = tf.clip_by_global_norm(g, 5.0)
    t.train.AdamOptimizer().apply_gradients(zip(g, t.trainable_variables()))
    return ["pred_ids", "proj/BiasAdd"]


def bert():
    ids = ph(tf.int32, [None, 12], name="input_ids")
    m = ph(tf.int32, [None, 12], name="input_mask")
    seg = ph(tf.int32, [None, 12], name="segment_ids")
    lb = ph(tf.int32, [None], name="label_ids")
    with t.variable_scope("bert"):
        h = tf.nn.embedding_lookup(t.get_variable("we", [30, 8]), ids) + tf.nn.embedding_lookup(
            t.get_variable("se", [2, 8]), seg
        )
        q = L.dense(h, 8)
        k = L.dense(h, 8)
        v = L.dense(h, 8)
        a = tf.nn.softmax(
            tf.matmul(q, k, transpose_b=True) + (1 - tf.to_float(m[:, None, :])) * -1e4
        )
        h = (
            tf.contrib.layers.layer_norm(h + L.dense(tf.matmul(a, v), 8))
            if hasattr(tf, "contrib")
            else h + L.dense(tf.matmul(a, v), 8)
        )
        pooled = L.dense(h[:, 0], 8, activation=tf.tanh, name="pooler")
    with t.variable_scope("loss"):
        pooled = tf.nn.dropout(pooled, 0.9)
        w = t.get_variable("ow", [2, 8])
        lg = tf.nn.bias_add(tf.matmul(pooled, w, transpose_b=True), t.get_variable("ob", [2]))
        p = tf.nn.softmax(lg)
        lp = tf.nn.log_softmax(lg)
        oh = tf.one_hot(lb, 2)
        per = -tf.reduce_sum(oh * lp, -1)
        loss = tf.reduce_mean(per)
    t.train.AdamOptimizer().minimize(loss)
    return [n(p), n(lg)]


def regress():
    x = ph(tf.float32, [None, 4], name="X")
    y = ph(tf.float32, [None, 1], name="Y")
    h = tf.nn.relu(tf.matmul(x, t.get_variable("w1", [4, 8])) + t.get_variable("b1", [8]))
    o = tf.add(tf.matmul(h, t.get_variable("w2", [8, 1])), t.get_variable("b2", [1]))
    c = tf.reduce_mean(tf.pow(o - y, 2))
    t.train.GradientDescentOptimizer(0.1).minimize(c)
    tf.reduce_mean(tf.abs((y - o) / y))
    return [n(o)]


def dqn():
    s = ph(tf.float32, [None, 4], name="state")
    s2 = ph(tf.float32, [None, 4], name="next_state")
    a = ph(tf.int32, [None], name="action")
    r = ph(tf.float32, [None], name="reward")
    d = ph(tf.float32, [None], name="done")

    def q(x, sc):
        with t.variable_scope(sc):
            return L.dense(L.dense(x, 16, activation=tf.nn.relu), 2)

    qs = q(s, "main")
    qt = q(s2, "target")
    tf.argmax(qs, 1, name="best_action")
    tg = r + 0.9 * (1 - d) * tf.reduce_max(qt, 1)
    qa = tf.reduce_sum(qs * tf.one_hot(a, 2), 1)
    td = tf.stop_gradient(tg) - qa
    t.train.AdamOptimizer().minimize(tf.reduce_mean(tf.square(td)))
    tf.group(
        *[
            t.assign(v2, v1)
            for v1, v2 in zip(t.trainable_variables("main"), t.trainable_variables("target"))
        ]
    )
    return [n(qs), "best_action"]


def a2c():
    s = ph(tf.float32, [None, 4], name="obs")
    A = ph(tf.int32, [None], name="A")
    ADV = ph(tf.float32, [None], name="ADV")
    R = ph(tf.float32, [None], name="R")
    h = L.dense(s, 8, activation=tf.tanh)
    pi = L.dense(h, 3, name="pi")
    vf = L.dense(h, 1, name="vf")[:, 0]
    u = tf.random_uniform(tf.shape(pi))
    smp = tf.argmax(pi - tf.log(-tf.log(u)), -1)
    nl = tf.nn.sparse_softmax_cross_entropy_with_logits(logits=pi, labels=A)
    pg = tf.reduce_mean(ADV * nl)
    vl = tf.reduce_mean(tf.square(vf - R))
    p = tf.nn.softmax(pi)
    ent = -tf.reduce_mean(tf.reduce_sum(p * tf.log(p), 1))
    t.train.RMSPropOptimizer(0.1).minimize(pg + vl * 0.5 - ent * 0.01)
    return [n(smp), n(pi) + "" if False else "pi/BiasAdd", n(vf), n(p)]


def ddpg():
    s = ph(tf.float32, [None, 4], name="s")
    r = ph(tf.float32, [None, 1], name="r")
    s_ = ph(tf.float32, [None, 4], name="s_")

    def actor(x, sc):
        with t.variable_scope(sc):
            return tf.multiply(
                L.dense(L.dense(x, 8, activation=tf.nn.relu), 2, activation=tf.tanh),
                2.0,
                name="scaled_a",
            )

    def critic(x, a, sc):
        with t.variable_scope(sc):
            return L.dense(tf.nn.relu(L.dense(x, 8) + L.dense(a, 8)), 1)

    a = actor(s, "Actor/eval")
    a_ = actor(s_, "Actor/target")
    q = critic(s, a, "Critic/eval")
    q_ = critic(s_, a_, "Critic/target")
    td = tf.reduce_mean(tf.square(r + 0.9 * q_ - q))
    t.train.AdamOptimizer().minimize(td, var_list=t.trainable_variables("Critic/eval"))
    t.train.AdamOptimizer().minimize(
        -tf.reduce_mean(q), var_list=t.trainable_variables("Actor/eval")
    )
    return [n(a)]


def kmeans():
    x = ph(tf.float32, [None, 2], name="points")
    c = t.get_variable("centroids", [3, 2])
    d = tf.reduce_sum(tf.square(x[:, None] - c[None]), 2)
    asg = tf.argmin(d, 1, name="assignments")
    tf.reduce_mean(tf.reduce_min(d, 1))
    new = tf.stack([tf.reduce_mean(tf.boolean_mask(x, tf.equal(asg, i)), 0) for i in range(3)])
    t.assign(c, new, name="update")
    return ["assignments"]


def autoenc():
    x = ph(tf.float32, [None, 16], name="x_in")
    z = L.dense(x, 4, activation=tf.nn.sigmoid, name="encoder")
    o = L.dense(z, 16, activation=tf.nn.sigmoid, name="decoder")
    t.train.AdamOptimizer().minimize(tf.reduce_mean(tf.pow(x - o, 2)))
    return ["decoder/Sigmoid", "encoder/Sigmoid"]


def vae():
    x = ph(tf.float32, [None, 16], name="x")
    h = L.dense(x, 8, activation=tf.nn.relu)
    mu = L.dense(h, 2, name="mu")
    ls = L.dense(h, 2, name="logvar")
    z = mu + tf.exp(ls / 2) * tf.random_normal(tf.shape(mu))
    lg = L.dense(L.dense(z, 8, activation=tf.nn.relu), 16)
    tf.nn.sigmoid(lg, name="reconstruction")
    rec = tf.reduce_sum(tf.nn.sigmoid_cross_entropy_with_logits(logits=lg, labels=x), 1)
    kl = -0.5 * tf.reduce_sum(1 + ls - tf.square(mu) - tf.exp(ls), 1)
    t.train.AdamOptimizer().minimize(tf.reduce_mean(rec + kl))
    return ["reconstruction", "mu/BiasAdd", "logvar/BiasAdd"]


def multitask():
    x = ph(tf.float32, [None, 16, 16, 3], name="img")
    a = ph(tf.int32, [None], name="age_labels")
    g = ph(tf.int32, [None], name="gender_labels")
    f = L.flatten(L.conv2d(x, 4, 3, activation=tf.nn.relu))
    al = L.dense(f, 10, name="age")
    gl = L.dense(f, 2, name="gender")
    tf.reduce_sum(tf.nn.softmax(al) * np.arange(10.0, dtype="float32"), 1, name="age_out")
    tf.argmax(tf.nn.softmax(gl), 1, name="gender_out")
    ce = tf.nn.sparse_softmax_cross_entropy_with_logits
    t.train.AdamOptimizer().minimize(
        tf.reduce_mean(ce(labels=a, logits=al)) + tf.reduce_mean(ce(labels=g, logits=gl))
    )
    tf.reduce_mean(tf.to_float(tf.nn.in_top_k(gl, g, 1)))
    return ["age_out", "gender_out", "Softmax", "Softmax_1"]


def queue():
    im, lb = t.train.batch([tf.random_uniform([8, 8, 3]), tf.constant(1)], 4)
    h = L.flatten(L.conv2d(im, 4, 3, activation=tf.nn.relu))
    lg = L.dense(h, 3, name="softmax_linear")
    ce = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=lb, logits=lg),
        name="cross_entropy_mean",
    )
    t.add_to_collection("losses", ce)
    tot = tf.add_n(t.get_collection("losses"), name="total_loss")
    t.train.ExponentialMovingAverage(0.9).apply([tot])
    t.train.GradientDescentOptimizer(0.1).minimize(tot)
    tf.nn.in_top_k(lg, lb, 1)
    return ["softmax_linear/BiasAdd"]


def iterator():
    it = (
        t.data.make_initializable_iterator(
            tf.data.Dataset.from_tensor_slices(
                (np.zeros((4, 5), "float32"), np.zeros(4, "int32"))
            ).batch(2)
        )
        if hasattr(t.data, "make_initializable_iterator")
        else tf.data.Dataset.from_tensor_slices((np.zeros((4, 5), "float32"), np.zeros(4, "int32")))
        .batch(2)
        .make_initializable_iterator()
    )
    x, y = it.get_next()
    lg = L.dense(x, 3)
    p = tf.nn.softmax(lg, name="preds")
    loss = t.losses.sparse_softmax_cross_entropy(y, lg)
    t.metrics.accuracy(y, tf.argmax(p, 1))
    t.train.AdamOptimizer().minimize(loss)
    return ["preds"]


def obfuscated():
    x = ph(tf.float32, [None, 4], name="a")
    y = ph(tf.float32, [None, 3], name="b")
    h = tf.nn.relu(tf.matmul(x, t.get_variable("c", [4, 5]), name="d"), name="e")
    o = tf.matmul(h, t.get_variable("f", [5, 3]), name="g")
    p = tf.nn.softmax(o, name="h")
    q = tf.reduce_mean(-tf.reduce_sum(y * tf.log(p, name="i"), 1, name="j"), name="k")
    t.train.GradientDescentOptimizer(0.1, name="l").minimize(q, name="m")
    return ["h"]


def obf_reg():
    x = ph(tf.float32, [None, 4], name="n1")
    y = ph(tf.float32, [None, 1], name="n2")
    o = tf.matmul(
        tf.nn.relu(tf.matmul(x, t.get_variable("n3", [4, 5]), name="n4"), name="n5"),
        t.get_variable("n6", [5, 1]),
        name="n7",
    )
    q = tf.reduce_mean(tf.abs(tf.subtract(y, o, name="n8"), name="n9"), name="n10")
    t.train.AdamOptimizer(0.1, name="n11").minimize(q, name="n12")
    return ["n7"]


def handcost():
    x = ph(tf.float32, [None, 784])
    y_ = ph(tf.float32, [None, 10])
    y = tf.nn.softmax(tf.matmul(x, tf.Variable(tf.zeros([784, 10]))) + tf.Variable(tf.zeros([10])))
    ce = -tf.reduce_sum(y_ * tf.log(y))
    t.train.GradientDescentOptimizer(0.5).minimize(ce)
    tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1)), "float"))
    return [n(y)]


def textcnn():
    x = ph(tf.int32, [None, 10], name="input_x")
    y = ph(tf.float32, [None, 2], name="input_y")
    k = ph(tf.float32, name="dropout_keep_prob")
    l2 = tf.constant(0.0)
    with t.name_scope("embedding"):
        e = tf.expand_dims(tf.nn.embedding_lookup(tf.Variable(t.random_uniform([30, 8])), x), -1)
    with t.name_scope("conv"):
        c = L.conv2d(e, 4, [3, 8])
        f = tf.reshape(tf.reduce_max(c, 1), [-1, 4])
    with t.name_scope("dropout"):
        f = tf.nn.dropout(f, k)
    with t.name_scope("output"):
        W = tf.Variable(tf.zeros([4, 2]))
        l2 += tf.nn.l2_loss(W)
        sc = (
            tf.nn.xw_plus_b(f, W, tf.Variable(tf.zeros([2])), name="scores")
            if hasattr(tf.nn, "xw_plus_b")
            else t.nn.xw_plus_b(f, W, tf.Variable(tf.zeros([2])), name="scores")
        )
        pr = tf.argmax(sc, 1, name="predictions")
    with t.name_scope("loss"):
        loss = (
            tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=sc, labels=y)) + 0.1 * l2
        )
    with t.name_scope("accuracy"):
        tf.reduce_mean(tf.cast(tf.equal(pr, tf.argmax(y, 1)), "float"), name="accuracy")
    g = t.train.AdamOptimizer().compute_gradients(loss)
    for a, v in g:
        t.summary.histogram(v.op.name + "/grad/hist", a) if a is not None else 0
        t.summary.scalar(
            v.op.name + "/grad/sparsity", tf.nn.zero_fraction(a)
        ) if a is not None else 0
    return ["output/predictions", "output/scores"]


def wordvec():
    c = ph(tf.int32, [4], name="train_inputs")
    lb = ph(tf.int32, [4, 1], name="train_labels")
    e = tf.Variable(t.random_uniform([20, 8]), name="embeddings")
    em = tf.nn.embedding_lookup(e, c)
    loss = tf.reduce_mean(
        tf.nn.nce_loss(tf.Variable(tf.zeros([20, 8])), tf.Variable(tf.zeros([20])), lb, em, 3, 20)
    )
    t.train.GradientDescentOptimizer(1.0).minimize(loss)
    nrm = (
        tf.sqrt(tf.reduce_sum(tf.square(e), 1, keep_dims=True))
        if hasattr(tf, "contrib")
        else tf.sqrt(tf.reduce_sum(tf.square(e), 1, keepdims=True))
    )
    ne = e / nrm
    vd = tf.constant([1, 2], name="valid")
    tf.matmul(tf.nn.embedding_lookup(ne, vd), ne, transpose_b=True)
    return [n(em), n(ne)]


def lm():
    x = ph(tf.int32, [2, 5], name="inputs")
    y = ph(tf.int32, [2, 5], name="targets")
    e = tf.nn.embedding_lookup(t.get_variable("e", [20, 8]), x)
    cell = t.nn.rnn_cell.MultiRNNCell([t.nn.rnn_cell.BasicLSTMCell(8)])
    st = cell.zero_state(2, tf.float32)
    o, _fs = t.nn.dynamic_rnn(cell, e, initial_state=st)
    lg = tf.matmul(tf.reshape(o, [-1, 8]), t.get_variable("sw", [8, 20])) + t.get_variable(
        "sb", [20]
    )
    tf.nn.softmax(lg, name="probs")
    cost = (
        tf.reduce_sum(
            tf.nn.sparse_softmax_cross_entropy_with_logits(logits=lg, labels=tf.reshape(y, [-1]))
        )
        / 10
    )
    lr = tf.Variable(0.0, trainable=False)
    tv = t.trainable_variables()
    gr, _ = tf.clip_by_global_norm(tf.gradients(cost, tv), 5)
    t.train.AdamOptimizer(lr).apply_gradients(zip(gr, tv))
    return ["probs"]


def style():
    x = ph(tf.float32, [1, 16, 16, 3], name="X_content")
    p = L.conv2d(x / 255.0, 8, 3, padding="same", activation=tf.nn.relu)
    p = L.conv2d(p, 3, 3, padding="same")
    o = tf.nn.tanh(p) * 150 + 255.0 / 2
    pre = o - np.array([123.0, 116.0, 103.0], "float32")
    f = L.conv2d(pre, 4, 3, name="vgg")
    xc = L.conv2d(x - np.array([123.0, 116.0, 103.0], "float32"), 4, 3, name="vgg", reuse=True)
    cl = 2 * tf.nn.l2_loss(f - xc)
    tv = tf.nn.l2_loss(pre[:, 1:] - pre[:, :15])
    t.train.AdamOptimizer().minimize(
        cl + tv, var_list=[v for v in t.trainable_variables() if "vgg" not in v.name]
    )
    return [n(o)]


def pose():
    x = ph(tf.float32, [None, 16, 16, 3], name="image")
    hm = ph(tf.float32, [None, 8, 8, 19], name="heatmap")
    pf = ph(tf.float32, [None, 8, 8, 38], name="vectmap")
    f = L.conv2d(x, 8, 3, strides=2, padding="same", activation=tf.nn.relu)
    ls = []
    l1 = L.conv2d(f, 38, 1, name="s1_L1")
    l2 = L.conv2d(f, 19, 1, name="s1_L2")
    f2 = tf.concat([l1, l2, f], 3)
    o1 = L.conv2d(f2, 38, 1, name="s2_L1")
    o2 = L.conv2d(f2, 19, 1, name="s2_L2")
    ls = [
        tf.nn.l2_loss(l1 - pf),
        tf.nn.l2_loss(l2 - hm),
        tf.nn.l2_loss(o1 - pf),
        tf.nn.l2_loss(o2 - hm),
    ]
    tf.concat([o2, o1], 3, name="openpose_out")
    t.train.AdamOptimizer().minimize(tf.reduce_mean(ls))
    return ["openpose_out"]


def siamese():
    a = ph(tf.float32, [None, 10], name="x1")
    b = ph(tf.float32, [None, 10], name="x2")
    y = ph(tf.float32, [None], name="y_")

    def f(v, r):
        with t.variable_scope("siamese", reuse=r):
            return L.dense(L.dense(v, 8, activation=tf.nn.relu, name="d1"), 2, name="d2")

    o1 = f(a, False)
    o2 = f(b, True)
    d2 = tf.reduce_sum(tf.pow(o1 - o2, 2), 1)
    d = tf.sqrt(d2 + 1e-6, name="eucd")
    loss = tf.reduce_mean(y * d2 + (1 - y) * tf.pow(tf.maximum(5.0 - d, 0), 2))
    t.train.GradientDescentOptimizer(0.01).minimize(loss)
    return [n(o1), "eucd", n(o2)]


def wide():
    x = ph(tf.float32, [None, 6], name="features")
    y = ph(tf.float32, [None, 1], name="labels")
    w = L.dense(x, 1, name="wide")
    d = L.dense(L.dense(x, 8, activation=tf.nn.relu), 1, name="deep")
    lg = tf.add(w, d, name="logits")
    p = tf.nn.sigmoid(lg, name="pred")
    l = t.losses.log_loss(y, p)
    t.metrics.auc(y, p)
    t.train.FtrlOptimizer(0.1).minimize(l, t.train.get_or_create_global_step())
    return ["pred"]


ALL = [
    ssd,
    yolo,
    segment,
    facenet,
    gan,
    superres,
    ctc,
    seq2seq,
    bert,
    regress,
    dqn,
    a2c,
    ddpg,
    kmeans,
    autoenc,
    vae,
    multitask,
    queue,
    iterator,
    obfuscated,
    obf_reg,
    handcost,
    textcnn,
    wordvec,
    lm,
    style,
    pose,
    siamese,
    wide,
]
