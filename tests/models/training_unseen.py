"""Training graphs that no rule of the ranking was made with; see make_training.py."""

import numpy as np
import tensorflow as tf

L = tf.layers
ph = tf.placeholder
entropy = tf.nn.sigmoid_cross_entropy_with_logits
sparse_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits


def n(tensor):
    return tensor.op.name


def conditional_gan():
    z = ph(tf.float32, [None, 8], name="z")
    y = ph(tf.float32, [None, 4], name="y")
    x = ph(tf.float32, [None, 36], name="x_image")
    with tf.variable_scope("", use_resource=True):

        def gen(z, y):
            with tf.variable_scope("generator"):
                h = L.dense(tf.concat([z, y], 1), 32, tf.nn.relu)
                return L.dense(h, 36, tf.nn.sigmoid)

        def disc(x, y):
            with tf.variable_scope("discriminator", reuse=tf.AUTO_REUSE):
                h = L.dense(tf.concat([x, y], 1), 32, tf.nn.leaky_relu, name="h")
                return L.dense(h, 1, name="o")

        fake = gen(z, y)
        real_score, fake_score = disc(x, y), disc(fake, y)
    d = tf.reduce_mean(tf.nn.relu(1 - real_score)) + tf.reduce_mean(tf.nn.relu(1 + fake_score))
    g = -tf.reduce_mean(fake_score)
    for loss, scope in ((d, "discriminator"), (g, "generator")):
        tf.train.RMSPropOptimizer(1e-4).minimize(loss, var_list=tf.trainable_variables(scope))
    return [n(fake)]


def equilibrium_gan():
    x = ph(tf.float32, [None, 8, 8, 3], name="x")
    z = ph(tf.float32, [None, 6], name="z")
    k = tf.Variable(0.0, trainable=False, name="k_t")

    def decode(h, scope, reuse=False):
        with tf.variable_scope(scope, reuse=reuse):
            h = tf.reshape(L.dense(h, 4 * 4 * 4, name="fc"), [-1, 4, 4, 4])
            h = tf.nn.elu(L.conv2d(h, 8, 3, padding="same", name="c1"))
            h = tf.image.resize_nearest_neighbor(h, [8, 8])
            return L.conv2d(h, 3, 3, padding="same", name="c2")

    def judge(x, reuse):
        with tf.variable_scope("D", reuse=reuse):
            h = tf.nn.elu(L.conv2d(x, 8, 3, 2, "same", name="c1"))
            code = L.dense(tf.reshape(h, [-1, 4 * 4 * 8]), 6, name="code")
        return decode(code, "D_decode", reuse)

    made = decode(z, "G")
    back, back_made = judge(x, False), judge(made, True)
    real, fake = tf.reduce_mean(tf.abs(back - x)), tf.reduce_mean(tf.abs(back_made - made))
    own = tf.trainable_variables
    tf.train.AdamOptimizer(1e-4).minimize(real - k * fake, var_list=own("D"))
    tf.train.AdamOptimizer(1e-4).minimize(fake, var_list=own("G"))
    tf.assign(k, tf.clip_by_value(k + 0.001 * (0.5 * real - fake), 0, 1))
    tf.summary.image("G", tf.clip_by_value((made + 1) * 127.5, 0, 255))
    return [n(made)]


def stacked_keypoints():
    image = ph(tf.float32, [None, 32, 32, 3], name="input_images")
    truth = ph(tf.float32, [None, 2, 16, 16, 5], name="gt_maps")
    training = ph(tf.bool, [], name="is_training")
    h = L.conv2d(image, 8, 7, 2, "same")
    h = tf.nn.relu(L.batch_normalization(h, training=training))
    outs = []
    for stack in range(2):
        with tf.variable_scope("stack_%d" % stack):
            low = L.conv2d(L.max_pooling2d(h, 2, 2), 8, 3, padding="same", activation=tf.nn.relu)
            up = tf.image.resize_nearest_neighbor(low, [16, 16]) + L.conv2d(h, 8, 1)
            out = L.conv2d(up, 5, 1, name="heatmaps")
            h = h + L.conv2d(up, 8, 1) + L.conv2d(out, 8, 1)
            outs.append(out)
    output = tf.stack(outs, 1, name="final_output")
    per = entropy(logits=output, labels=truth)
    loss = tf.reduce_mean(per, name="cross_entropy_loss")
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        tf.train.RMSPropOptimizer(2.5e-4).minimize(loss)
    return [n(output), n(outs[-1])]


def forecast():
    seen = ph(tf.float32, [None, 10, 3], name="inputs")
    goal = ph(tf.float32, [None, 1], name="targets")
    rate = ph(tf.float32, None, name="learning_rate")
    cells = [tf.nn.rnn_cell.LSTMCell(8, state_is_tuple=True) for _ in range(2)]
    h, _ = tf.nn.dynamic_rnn(tf.nn.rnn_cell.MultiRNNCell(cells), seen, dtype=tf.float32)
    last = tf.gather(tf.transpose(h, [1, 0, 2]), 9, name="last_lstm_output")
    w = tf.Variable(tf.truncated_normal([8, 1]), name="w")
    b = tf.Variable(tf.constant(0.1, shape=[1]), name="b")
    guess = tf.matmul(last, w) + b
    loss = tf.reduce_mean(tf.square(guess - goal), name="loss_mse_train")
    tf.train.RMSPropOptimizer(rate).minimize(loss, name="rmsprop_optim")
    tf.summary.histogram("pred", guess)
    return [n(guess)]


def many_labels():
    words = ph(tf.int32, [None, 30], name="input_x")
    tags = ph(tf.float32, [None, 12], name="input_y")
    keep = ph(tf.float32, name="dropout_keep_prob")
    e = tf.nn.embedding_lookup(tf.get_variable("W", [80, 8]), words)
    h = tf.reduce_mean(e, 1)
    h = tf.nn.dropout(L.dense(h, 16, tf.nn.relu), keep)
    with tf.name_scope("output"):
        logits = tf.nn.xw_plus_b(
            h, tf.get_variable("out_w", [16, 12]), tf.get_variable("out_b", [12]), name="logits"
        )
        scores = tf.sigmoid(logits, name="scores")
    with tf.name_scope("loss"):
        losses = tf.reduce_mean(tf.reduce_sum(entropy(labels=tags, logits=logits), axis=1))
        decay = tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()]) * 0.01
        loss = tf.add(losses, decay, name="loss")
    picked = tf.cast(scores > 0.5, tf.float32)
    tf.metrics.precision(tags, picked)
    tf.metrics.recall(tags, picked)
    tf.train.AdamOptimizer(1e-3).minimize(loss)
    return [n(scores), n(logits), n(picked)]


def interest():
    rows = (
        np.zeros((8, 6), "int32"), np.zeros(8, "int32"), np.zeros(8, "int32"),
        np.zeros((8, 1), "float32"),
    )  # fmt: skip
    data = tf.data.Dataset.from_tensor_slices(rows).repeat().batch(4)
    history, item, user, click = tf.data.make_initializable_iterator(data).get_next()
    items = tf.get_variable("item_emb", [40, 8])
    keys = tf.nn.embedding_lookup(items, history)
    query = tf.nn.embedding_lookup(items, item)
    wide = tf.tile(query[:, None], [1, 6, 1])
    both = tf.concat([wide, keys, wide - keys, wide * keys], -1)
    weights = L.dense(L.dense(both, 16, tf.nn.sigmoid, name="f1"), 1, name="f2")
    weights = tf.nn.softmax(tf.squeeze(weights, 2) / 8**0.5)
    liked = tf.reduce_sum(keys * weights[:, :, None], 1)
    who = tf.nn.embedding_lookup(tf.get_variable("user_emb", [30, 8]), user)
    h = L.dense(tf.concat([who, liked, query], 1), 16, tf.nn.sigmoid)
    logit = L.dense(h, 1) + tf.nn.embedding_lookup(tf.get_variable("item_b", [40, 1]), item)
    chance = tf.sigmoid(logit)
    loss = tf.reduce_mean(entropy(logits=logit, labels=click))
    step = tf.train.get_or_create_global_step()
    grads, _ = tf.clip_by_global_norm(tf.gradients(loss, tf.trainable_variables()), 5)
    opt = tf.train.GradientDescentOptimizer(1.0)
    opt.apply_gradients(zip(grads, tf.trainable_variables()), global_step=step)
    return [n(chance), n(logit)]


def combined_estimator():
    def examples():
        rows = {"age": np.zeros(6, "float32"), "job": np.array(["a"] * 6)}
        data = tf.data.Dataset.from_tensor_slices((rows, np.zeros(6, "int64")))
        return tf.data.make_one_shot_iterator(data.batch(2).repeat()).get_next()

    column = tf.feature_column
    job = column.categorical_column_with_vocabulary_list("job", ["a", "b"])
    age = column.numeric_column("age")
    features, labels = examples()
    model = tf.estimator.DNNLinearCombinedClassifier(
        linear_feature_columns=[job, column.bucketized_column(age, [20, 40])],
        dnn_feature_columns=[column.embedding_column(job, 4), age],
        dnn_hidden_units=[8, 4],
    )
    tf.train.get_or_create_global_step()
    model.model_fn(features, labels, tf.estimator.ModeKeys.TRAIN, model.config)
    tf.train.Saver()
    return ["head/predictions/logistic", "head/predictions/probabilities", "add"]


def painted():
    content = ph(tf.float32, [1, 16, 16, 3], name="content")
    style = ph(tf.float32, [1, 16, 16, 3], name="style")
    kernels = [np.zeros((3, 3, 3, 8), "float32"), np.zeros((3, 3, 8, 8), "float32")]

    def vgg(x):
        found = []
        for k in kernels:
            x = tf.nn.relu(tf.nn.conv2d(x, tf.constant(k), [1, 1, 1, 1], "SAME"))
            found.append(x)
        return found

    def gram(x):
        flat = tf.reshape(x, [-1, 8])
        return tf.matmul(flat, flat, transpose_a=True) / 256.0

    with tf.variable_scope("transform"):
        h = tf.nn.relu(L.conv2d(content / 255.0, 8, 9, padding="same"))
        h = h + L.conv2d(tf.nn.relu(L.conv2d(h, 8, 3, padding="same")), 8, 3, padding="same")
        painting = tf.nn.tanh(L.conv2d(h, 3, 9, padding="same")) * 150 + 127.5
        painting = tf.clip_by_value(painting, 0.0, 255.0, name="painting")
    got, wanted, look = vgg(painting - 120.0), vgg(content - 120.0), vgg(style - 120.0)
    loss = tf.nn.l2_loss(got[1] - wanted[1])
    loss += 5 * tf.add_n([tf.nn.l2_loss(gram(a) - gram(b)) for a, b in zip(got, look)])
    loss += 1e-3 * tf.reduce_sum(tf.image.total_variation(painting))
    tf.train.AdamOptimizer(1e-3).minimize(loss)
    return [n(painting)]


def clipped_policy():
    def net(name, obs):
        with tf.variable_scope(name):
            with tf.variable_scope("policy_net"):
                h = L.dense(L.dense(obs, 20, tf.tanh), 20, tf.tanh)
                chances = L.dense(h, 3, tf.nn.softmax)
            with tf.variable_scope("value_net"):
                value = L.dense(L.dense(obs, 20, tf.tanh), 1)
            act = tf.reshape(tf.multinomial(tf.log(chances), 1), [-1])
            best = tf.argmax(chances, axis=1)
        return chances, value, act, best

    obs = ph(tf.float32, [None, 4], name="obs")
    acts = ph(tf.int32, [None], name="actions")
    rewards = ph(tf.float32, [None], name="rewards")
    next_value = ph(tf.float32, [None], name="v_preds_next")
    gains = ph(tf.float32, [None], name="gaes")
    new, old = net("policy", obs), net("old_policy", obs)
    hot = tf.one_hot(acts, 3)
    p_new, p_old = tf.reduce_sum(new[0] * hot, 1), tf.reduce_sum(old[0] * hot, 1)
    ratio = tf.exp(tf.log(tf.clip_by_value(p_new, 1e-10, 1.0)) - tf.log(p_old + 1e-10))
    clipped = tf.minimum(gains * ratio, gains * tf.clip_by_value(ratio, 0.8, 1.2))
    loose = -tf.reduce_sum(new[0] * tf.log(tf.clip_by_value(new[0], 1e-10, 1.0)), axis=1)
    value_loss = tf.reduce_mean(tf.squared_difference(rewards + 0.95 * next_value, new[1]))
    loss = -(tf.reduce_mean(clipped) - value_loss + 0.01 * tf.reduce_mean(loose))
    tf.train.AdamOptimizer(1e-4).minimize(loss, var_list=tf.trainable_variables("policy"))
    pairs = zip(tf.trainable_variables("old_policy"), tf.trainable_variables("policy"))
    tf.group([tf.assign(a, b) for a, b in pairs])
    return [n(new[0]), n(new[2]), n(new[3])]


def captions():
    image = ph(tf.float32, [None, 16, 16, 3], name="images")
    words = ph(tf.int32, [None, 9], name="sentences")
    masks = ph(tf.float32, [None, 8], name="masks")
    seen = L.conv2d(image, 8, 3, 2, activation=tf.nn.relu)
    seen = L.dense(tf.reduce_mean(seen, [1, 2]), 8, name="image_embedding")
    table = tf.get_variable("word_embedding", [30, 8])
    cell = tf.nn.rnn_cell.BasicLSTMCell(8)
    with tf.variable_scope("lstm"):
        _, state = cell(seen, cell.zero_state(tf.shape(image)[0], tf.float32))
        tf.get_variable_scope().reuse_variables()
        h, _ = tf.nn.dynamic_rnn(
            cell, tf.nn.embedding_lookup(table, words[:, :-1]), initial_state=state
        )
    logits = L.dense(h, 30, name="logits")
    chances = tf.nn.softmax(logits, name="softmax")
    per = sparse_entropy(labels=words[:, 1:], logits=logits) * masks
    loss = tf.div(tf.reduce_sum(per), tf.reduce_sum(masks), name="batch_loss")
    tf.losses.add_loss(loss)
    total = tf.losses.get_total_loss()
    rate = tf.train.exponential_decay(0.1, tf.train.get_or_create_global_step(), 100, 0.5)
    opt = tf.contrib.layers.optimize_loss(
        total, tf.train.get_global_step(), rate, "SGD", clip_gradients=5.0
    )
    del opt
    return [n(chances), n(logits), "logits/BiasAdd"]


def masked_words():
    rows = tuple(np.zeros(s, "int32") for s in ((4, 12), (4, 12), (4, 3), (4, 3), (4,)))
    data = tf.data.Dataset.from_tensor_slices(rows).repeat().batch(2)
    ids, kinds, places, truth, follows = tf.data.make_one_shot_iterator(data).get_next()
    with tf.variable_scope("bert"):
        table = tf.get_variable("word_embeddings", [40, 8])
        h = tf.gather(table, ids) + tf.gather(tf.get_variable("type_embeddings", [2, 8]), kinds)
        a = tf.nn.softmax(tf.matmul(L.dense(h, 8), L.dense(h, 8), transpose_b=True))
        h = tf.contrib.layers.layer_norm(h + tf.matmul(a, L.dense(h, 8)), begin_norm_axis=-1)
        pooled = L.dense(h[:, 0], 8, tf.tanh, name="pooler")
    with tf.variable_scope("cls/predictions"):
        at = tf.reshape(places + tf.range(0, tf.shape(ids)[0])[:, None] * 12, [-1])
        g = L.dense(tf.gather(tf.reshape(h, [-1, 8]), at), 8, tf.nn.relu, name="transform")
        bias = tf.get_variable("output_bias", [40], initializer=tf.zeros_initializer())
        words = tf.nn.bias_add(tf.matmul(g, table, transpose_b=True), bias)
        log = tf.nn.log_softmax(words, axis=-1)
        word_loss = tf.reduce_mean(
            -tf.reduce_sum(log * tf.one_hot(tf.reshape(truth, [-1]), 40), axis=[-1])
        )
    with tf.variable_scope("cls/seq_relationship"):
        pair = L.dense(pooled, 2)
        pair_log = tf.nn.log_softmax(pair, axis=-1)
        pair_loss = tf.reduce_mean(-tf.reduce_sum(tf.one_hot(follows, 2) * pair_log, axis=-1))
    loss = word_loss + pair_loss
    grads, _ = tf.clip_by_global_norm(tf.gradients(loss, tf.trainable_variables()), 1.0)
    tf.train.AdamOptimizer().apply_gradients(zip(grads, tf.trainable_variables()))
    return [n(log), n(pair_log), n(words), n(pair), n(h), n(pooled)]


def waves():
    audio = ph(tf.float32, [None, None, 1], name="audio_batch")
    codes = tf.cast((tf.clip_by_value(audio, -1, 1) + 1) / 2 * 31 + 0.5, tf.int32)
    hot = tf.one_hot(codes[:, :, 0], 32)
    with tf.variable_scope("wavenet"):
        h = L.conv1d(tf.pad(hot[:, :-1], [[0, 0], [1, 0], [0, 0]]), 8, 2, name="causal")
        skips = []
        for rate in (1, 2, 4):
            p = tf.pad(h, [[0, 0], [rate, 0], [0, 0]])
            a = L.conv1d(p, 8, 2, dilation_rate=rate, name="filter_%d" % rate)
            b = L.conv1d(p, 8, 2, dilation_rate=rate, name="gate_%d" % rate)
            out = tf.tanh(a) * tf.sigmoid(b)
            skips.append(L.conv1d(out, 8, 1))
            h = h + L.conv1d(out, 8, 1)
        h = L.conv1d(tf.nn.relu(tf.add_n(skips)), 8, 1, activation=tf.nn.relu)
        raw = L.conv1d(h, 32, 1)
    flat = tf.reshape(raw, [-1, 32])
    chance = tf.cast(tf.nn.softmax(tf.cast(flat, tf.float64)), tf.float32)
    with tf.name_scope("loss"):
        goal = tf.reshape(hot[:, 1:], [-1, 32])
        per = tf.nn.softmax_cross_entropy_with_logits_v2(logits=flat[1:], labels=goal)
        loss = tf.reduce_mean(per)
    tf.train.MomentumOptimizer(0.01, 0.9).minimize(loss, var_list=tf.trainable_variables())
    return [n(chance), n(flat), n(raw), "Softmax"]


def tied():
    clean = ph(tf.float32, [None, 20], name="input-clean")
    noisy = ph(tf.float32, [None, 20], name="input-corrupted")
    w = tf.Variable(tf.random_uniform([20, 6], -0.1, 0.1), name="enc-w")
    h = tf.nn.sigmoid(tf.matmul(noisy, w) + tf.Variable(tf.zeros([6])))
    back = tf.nn.sigmoid(tf.matmul(h, tf.transpose(w)) + tf.Variable(tf.zeros([20])))
    kept = tf.clip_by_value(back, 1e-10, 1 - 1e-10)
    cost = -tf.reduce_mean(clean * tf.log(kept) + (1 - clean) * tf.log(1 - kept))
    tf.train.AdagradOptimizer(0.1).minimize(cost)
    return [n(back), n(kept), n(h)]


def prototypes():
    shown = ph(tf.float32, [None, None, 8, 8, 1], name="x")
    asked = ph(tf.float32, [None, None, 8, 8, 1], name="q")
    truth = ph(tf.int64, [None, None], name="y")
    hot = tf.one_hot(truth, 5)
    ways, shots = tf.shape(shown)[0], tf.shape(shown)[1]

    def encode(x, reuse):
        with tf.variable_scope("encoder", reuse=reuse):
            h = tf.nn.relu(L.conv2d(x, 8, 3, padding="same", name="c1"))
            h = L.conv2d(L.max_pooling2d(h, 2, 2), 4, 3, padding="same", name="c2")
            return tf.reshape(h, [-1, 64])

    a = encode(tf.reshape(shown, [-1, 8, 8, 1]), False)
    centre = tf.reduce_mean(tf.reshape(a, [ways, shots, 64]), 1)
    b = encode(tf.reshape(asked, [-1, 8, 8, 1]), True)
    far = tf.reduce_mean(tf.square(b[:, None] - centre[None]), 2)
    log = tf.reshape(tf.nn.log_softmax(-far), [5, -1, 5])
    loss = -tf.reduce_mean(tf.reshape(tf.reduce_sum(hot * log, -1), [-1]))
    right = tf.to_float(tf.equal(tf.argmax(log, -1), truth))
    tf.reduce_mean(right)
    tf.train.AdamOptimizer().minimize(loss)
    return [n(log), n(a), n(b), n(far), "LogSoftmax"]


def citations():
    x = ph(tf.float32, [20, 12], name="features")
    near = tf.sparse_placeholder(tf.float32, [20, 20], name="support")
    truth = ph(tf.float32, [20, 4], name="labels")
    mask = ph(tf.int32, [20], name="labels_mask")
    drop = tf.placeholder_with_default(0.0, [], name="dropout")
    with tf.variable_scope("gcn"):
        w1, w2 = tf.get_variable("weights_0", [12, 8]), tf.get_variable("weights_1", [8, 4])
        h = tf.nn.dropout(x, 1 - drop)
        h = tf.nn.relu(tf.sparse_tensor_dense_matmul(near, tf.matmul(h, w1)))
        h = tf.nn.dropout(h, 1 - drop)
        out = tf.sparse_tensor_dense_matmul(near, tf.matmul(h, w2))
    weight = tf.cast(mask, tf.float32)
    weight /= tf.reduce_mean(weight)
    loss = 5e-4 * tf.nn.l2_loss(w1)
    per = tf.nn.softmax_cross_entropy_with_logits(logits=out, labels=truth)
    loss += tf.reduce_mean(per * weight)
    right = tf.cast(tf.equal(tf.argmax(out, 1), tf.argmax(truth, 1)), tf.float32)
    tf.reduce_mean(right * weight)
    tf.train.AdamOptimizer(0.01).minimize(loss)
    return [n(out)]


ALL = (
    conditional_gan, equilibrium_gan, stacked_keypoints, forecast, many_labels, interest,
    combined_estimator, painted, clipped_policy, captions, masked_words, waves, tied, prototypes,
    citations,
)  # fmt: skip
