"""Training graphs that were scored once, before rules were made from their misses."""

import numpy as np
import tensorflow as tf

L = tf.layers
ph = tf.placeholder
cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits


def n(tensor):
    return tensor.op.name


def estimator_regressor():
    columns = {"age": tf.float32, "rooms": tf.float32}
    data = tf.data.TextLineDataset("houses.csv").batch(8).repeat()
    lines = tf.data.make_one_shot_iterator(data).get_next()
    age, rooms, city, price = tf.decode_csv(lines, [[0.0], [0.0], [""], [0.0]])
    feature = tf.feature_column
    towns = feature.categorical_column_with_hash_bucket("city", 20)
    model = tf.estimator.LinearRegressor(
        [*map(feature.numeric_column, columns), towns], optimizer="Ftrl"
    )
    tf.train.get_or_create_global_step()
    features = {"age": age, "rooms": rooms, "city": city}
    model.model_fn(features, price, tf.estimator.ModeKeys.TRAIN, model.config)
    tf.train.Saver()
    return ["linear/linear_model/linear_model/linear_model/weighted_sum"]


def reader_queue():
    names = tf.train.string_input_producer(["a.bin", "b.bin"])
    _, record = tf.FixedLengthRecordReader(1 + 8 * 8 * 3).read(names)
    raw = tf.decode_raw(record, tf.uint8)
    label = tf.cast(tf.strided_slice(raw, [0], [1]), tf.int32)
    image = tf.reshape(tf.strided_slice(raw, [1], [193]), [3, 8, 8])
    image = tf.image.per_image_standardization(tf.cast(tf.transpose(image, [1, 2, 0]), tf.float32))
    image.set_shape([8, 8, 3])
    label.set_shape([1])
    images, labels = tf.train.shuffle_batch([image, label], 4, 20, 10)
    tf.summary.image("images", images)
    with tf.variable_scope("conv1"):
        h = tf.nn.relu(L.conv2d(images, 4, 3))
        tf.summary.histogram("activations", h)
        tf.summary.scalar("sparsity", tf.nn.zero_fraction(h))
    norm = tf.nn.lrn(tf.nn.max_pool(h, [1, 3, 3, 1], [1, 2, 2, 1], "SAME"), name="norm1")
    with tf.variable_scope("softmax_linear"):
        w = tf.get_variable("weights", [36, 10])
        b = tf.get_variable("biases", [10])
        logits = tf.add(tf.matmul(tf.reshape(norm, [4, -1]), w), b, name="softmax_linear")
    per = cross_entropy(labels=tf.reshape(labels, [-1]), logits=logits, name="per_example")
    tf.add_to_collection("losses", tf.reduce_mean(per, name="cross_entropy"))
    total = tf.add_n(tf.get_collection("losses"), name="total_loss")
    averages = tf.train.ExponentialMovingAverage(0.9, name="avg")
    with tf.control_dependencies([averages.apply([total])]):
        opt = tf.train.GradientDescentOptimizer(0.1)
        grads = opt.compute_gradients(total)
    opt.apply_gradients(grads)
    return [n(logits)]


def faces():
    real = ph(tf.float32, [8, 16, 16, 3], name="real_images")
    z = ph(tf.float32, [8, 10], name="z")

    def generator(z, reuse=False, train=True):
        with tf.variable_scope("generator", reuse=reuse):
            h = tf.reshape(L.dense(z, 4 * 4 * 8, name="g_h0_lin"), [-1, 4, 4, 8])
            h = tf.nn.relu(L.batch_normalization(h, training=train, name="g_bn0"))
            h = L.conv2d_transpose(h, 8, 5, 2, "same", name="g_h1")
            h = tf.nn.relu(L.batch_normalization(h, training=train, name="g_bn1"))
            return tf.nn.tanh(L.conv2d_transpose(h, 3, 5, 2, "same", name="g_h2"))

    def discriminator(image, reuse=False):
        with tf.variable_scope("discriminator", reuse=reuse):
            h = tf.nn.leaky_relu(L.conv2d(image, 8, 5, 2, name="d_h0_conv"))
            h = L.batch_normalization(L.conv2d(h, 8, 3, name="d_h1_conv"), training=True, name="bn")
            logit = L.dense(tf.reshape(tf.nn.leaky_relu(h), [8, -1]), 1, name="d_h2_lin")
            return tf.nn.sigmoid(logit), logit

    tf.summary.histogram("z", z)
    fake = generator(z)
    d_real, d_real_logit = discriminator(real)
    sampler = generator(z, True, False)
    d_fake, d_fake_logit = discriminator(fake, True)
    tf.summary.histogram("d", d_real)
    tf.summary.histogram("d_", d_fake)
    tf.summary.image("G", fake)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    d_loss = tf.reduce_mean(entropy(logits=d_real_logit, labels=tf.ones_like(d_real)))
    d_loss += tf.reduce_mean(entropy(logits=d_fake_logit, labels=tf.zeros_like(d_fake)))
    g_loss = tf.reduce_mean(entropy(logits=d_fake_logit, labels=tf.ones_like(d_fake)))
    own = tf.trainable_variables
    tf.train.AdamOptimizer(2e-4, 0.5).minimize(d_loss, var_list=own("discriminator"))
    tf.train.AdamOptimizer(2e-4, 0.5).minimize(g_loss, var_list=own("generator"))
    return [n(sampler), n(fake)]


def sharper():
    low = ph(tf.float32, [None, None, None, 3], name="t_image")
    high = ph(tf.float32, [None, None, None, 3], name="t_target_image")

    def generator(x):
        with tf.variable_scope("SRGAN_g"):
            h = first = L.conv2d(x, 8, 3, padding="same", activation=tf.nn.relu)
            h = h + L.conv2d(tf.nn.relu(L.conv2d(h, 8, 3, padding="same")), 8, 3, padding="same")
            h = L.conv2d(h, 32, 3, padding="same") + tf.tile(first, [1, 1, 1, 4])
            h = tf.nn.relu(tf.depth_to_space(h, 2))
            return tf.nn.tanh(L.conv2d(h, 3, 1, padding="same"))

    def judge(x, reuse):
        with tf.variable_scope("SRGAN_d", reuse=reuse):
            h = tf.nn.leaky_relu(L.conv2d(x, 8, 4, 2, name="h0"))
            return L.dense(tf.reduce_mean(h, [1, 2]), 1, name="out")

    def vgg(x, reuse):
        with tf.variable_scope("VGG19", reuse=reuse):
            x = tf.image.resize_images((x + 1) / 2, [16, 16]) * 255.0 - [103.9, 116.8, 123.7]
            h = L.conv2d(x, 8, 3, activation=tf.nn.relu, name="conv1_1")
            return L.conv2d(h, 8, 3, activation=tf.nn.relu, name="conv2_1")

    made = generator(low)
    real, fake = judge(high, False), judge(made, True)
    goal, got = vgg(high, False), vgg(made, True)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits
    d_loss = tf.reduce_mean(entropy(labels=tf.ones_like(real), logits=real))
    d_loss += tf.reduce_mean(entropy(labels=tf.zeros_like(fake), logits=fake))
    mse = tf.reduce_mean(tf.squared_difference(made, high))
    g_loss = mse + 2e-6 * tf.reduce_mean(tf.squared_difference(goal, got))
    g_loss += 1e-3 * tf.reduce_mean(entropy(labels=tf.ones_like(fake), logits=fake))
    own = tf.trainable_variables
    tf.train.AdamOptimizer().minimize(mse, var_list=own("SRGAN_g"))
    tf.train.AdamOptimizer().minimize(g_loss, var_list=own("SRGAN_g"))
    tf.train.AdamOptimizer().minimize(d_loss, var_list=own("SRGAN_d"))
    return [n(made)]


def soft_actor():
    s = ph(tf.float32, [None, 3], name="obs")
    a = ph(tf.float32, [None, 1], name="act")
    r = ph(tf.float32, [None], name="rew")
    s2 = ph(tf.float32, [None, 3], name="obs_next")
    done = ph(tf.float32, [None], name="done")

    def dense(x, out):
        return L.dense(L.dense(x, 16, tf.nn.relu), out)

    with tf.variable_scope("policy"):
        h = L.dense(s, 16, tf.nn.relu)
        mu, log_std = L.dense(h, 1), tf.clip_by_value(L.dense(h, 1), -20.0, 2.0)
        u = mu + tf.exp(log_std) * tf.random_normal(tf.shape(mu))
        mean_action, action = tf.tanh(mu), tf.tanh(u)
        logp = -0.5 * tf.square((u - mu) / tf.exp(log_std)) - log_std
        logp = tf.reduce_sum(logp - tf.log(1 - tf.square(action) + 1e-6), 1)
    with tf.variable_scope("value"):
        v = tf.squeeze(dense(s, 1), 1)
    with tf.variable_scope("value_target"):
        v2 = tf.squeeze(dense(s2, 1), 1)
    with tf.variable_scope("critic"):
        q = tf.squeeze(dense(tf.concat([s, a], 1), 1), 1)
    with tf.variable_scope("critic", reuse=True):
        q_pi = tf.squeeze(dense(tf.concat([s, action], 1), 1), 1)
    q_loss = 0.5 * tf.reduce_mean((tf.stop_gradient(r + 0.99 * (1 - done) * v2) - q) ** 2)
    v_loss = 0.5 * tf.reduce_mean((tf.stop_gradient(q_pi - 0.2 * logp) - v) ** 2)
    p_loss = tf.reduce_mean(0.2 * logp - q_pi)
    own = tf.trainable_variables
    tf.train.AdamOptimizer(3e-4).minimize(p_loss, var_list=own("policy"))
    tf.train.AdamOptimizer(3e-4).minimize(q_loss + v_loss, var_list=own("critic") + own("value/"))
    tf.group(
        [tf.assign(b, 0.99 * b + 0.01 * c) for b, c in zip(own("value_target"), own("value/"))]
    )
    return [n(mean_action), n(action)]


def video_candidates():
    history = ph(tf.int32, [None, 10], name="history")
    length = ph(tf.float32, [None, 1], name="history_length")
    age = ph(tf.float32, [None, 1], name="age")
    watched = ph(tf.int64, [None, 1], name="watched")
    table = tf.get_variable("video_embeddings", [100, 8])
    mean = tf.reduce_sum(tf.nn.embedding_lookup(table, history), 1) / length
    h = tf.concat([mean, age, tf.square(age)], 1)
    h = L.dense(h, 32, tf.nn.relu)
    user = L.dense(h, 8, tf.nn.relu, name="user_vector")
    w, b = tf.get_variable("softmax_w", [100, 8]), tf.get_variable("softmax_b", [100])
    loss = tf.nn.sampled_softmax_loss(w, b, watched, user, 10, 100)
    tf.train.AdamOptimizer().minimize(tf.reduce_mean(loss))
    logits = tf.matmul(user, w, transpose_b=True) + b
    values, best = tf.nn.top_k(logits, 5)
    del values
    return [n(best), n(logits), n(user)]


def cooccurrence():
    focal = ph(tf.int32, [32], name="focal_words")
    context = ph(tf.int32, [32], name="context_words")
    count = ph(tf.float32, [32], name="cooccurrence_count")
    f = tf.Variable(tf.random_uniform([60, 8], 1.0, -1.0), name="focal_embeddings")
    c = tf.Variable(tf.random_uniform([60, 8], 1.0, -1.0), name="context_embeddings")
    fb = tf.Variable(tf.random_uniform([60], 1.0, -1.0), name="focal_biases")
    cb = tf.Variable(tf.random_uniform([60], 1.0, -1.0), name="context_biases")
    look = tf.nn.embedding_lookup
    weight = tf.minimum(1.0, tf.pow(count / 100.0, 0.75))
    product = tf.reduce_sum(look(f, focal) * look(c, context), 1)
    gap = tf.square(product + look(fb, focal) + look(cb, context) - tf.log(count))
    total = tf.reduce_sum(weight * gap)
    tf.summary.scalar("GloVe_loss", total)
    tf.train.AdagradOptimizer(0.05).minimize(total)
    both = tf.add(f, c, name="combined_embeddings")
    return [n(both)]


def street_segments():
    image = ph(tf.uint8, [None, None, None, 3], name="ImageTensor")
    label = ph(tf.int32, [None, None, None], name="annotation")
    size = tf.shape(image)[1:3]
    x = tf.cast(image, tf.float32) / 127.5 - 1.0
    h = L.conv2d(x, 8, 3, 2, "same", activation=tf.nn.relu)
    branches = [L.conv2d(h, 8, 3, dilation_rate=rate, padding="same") for rate in (1, 2, 4)]
    pool = L.conv2d(tf.reduce_mean(h, [1, 2], keepdims=True), 8, 1)
    branches.append(tf.image.resize_bilinear(pool, tf.shape(h)[1:3]))
    logits = L.conv2d(tf.nn.relu(tf.concat(branches, 3)), 5, 1, name="logits")
    logits = tf.image.resize_bilinear(logits, size, align_corners=True)
    scores = tf.nn.softmax(logits)
    semantic = tf.argmax(scores, 3)
    known = tf.not_equal(label, 255)
    loss = tf.losses.sparse_softmax_cross_entropy(
        tf.where(known, label, tf.zeros_like(label)), logits, tf.to_float(known)
    )
    decay = tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()]) * 1e-4
    tf.metrics.mean_iou(label, semantic, 5, name="mean_iou")
    tf.train.MomentumOptimizer(0.007, 0.9).minimize(loss + decay)
    return [n(semantic), n(scores), n(logits)]


def focal_detector():
    image = ph(tf.float32, [None, 64, 64, 3], name="image")
    truth = ph(tf.float32, [None, 960, 3], name="cls_targets")
    corners = ph(tf.float32, [None, 960, 4], name="box_targets")
    c1 = L.conv2d(image, 8, 3, 4, "same", activation=tf.nn.relu)
    c2 = L.conv2d(c1, 8, 3, 2, "same", activation=tf.nn.relu)
    p2 = L.conv2d(c2, 8, 1)
    p1 = L.conv2d(c1, 8, 1) + tf.image.resize_nearest_neighbor(p2, [16, 16])
    classes, boxes = [], []
    for level, size in ((p1, 256), (p2, 64)):
        with tf.variable_scope("class_net", reuse=tf.AUTO_REUSE):
            h = L.conv2d(level, 8, 3, padding="same", activation=tf.nn.relu, name="h")
            h = L.conv2d(h, 9, 3, padding="same", name="predict")
            classes.append(tf.reshape(h, [-1, size * 3, 3]))
        with tf.variable_scope("box_net", reuse=tf.AUTO_REUSE):
            h = L.conv2d(level, 8, 3, padding="same", activation=tf.nn.relu, name="h")
            h = L.conv2d(h, 12, 3, padding="same", name="predict")
            boxes.append(tf.reshape(h, [-1, size * 3, 4]))
    cls, box = tf.concat(classes, 1, name="cls_outputs"), tf.concat(boxes, 1, name="box_outputs")
    p = tf.nn.sigmoid(cls)
    right = truth * p + (1 - truth) * (1 - p)
    entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=truth, logits=cls)
    positive = tf.maximum(1.0, tf.reduce_sum(truth))
    cls_loss = tf.reduce_sum(tf.pow(1 - right, 1.5) * entropy) / positive
    box_loss = tf.losses.huber_loss(corners, box)
    tf.train.MomentumOptimizer(0.1, 0.9).minimize(cls_loss + 50 * box_loss)
    return [n(cls), n(box), n(p)]


def pupil():
    x = ph(tf.float32, [None, 8, 8, 1], name="x")
    y = ph(tf.float32, [None, 4], name="y")
    heat = ph(tf.float32, [], name="temperature")
    rate = ph(tf.float32, [], name="keep_prob")

    def net(width, name):
        with tf.variable_scope(name):
            h = L.conv2d(x, width, 3, activation=tf.nn.relu)
            h = tf.nn.dropout(L.dense(L.flatten(h), width, tf.nn.relu), rate)
            return L.dense(h, 4, name="logits")

    big, small = net(16, "teacher"), net(4, "student")
    softened = tf.stop_gradient(tf.nn.softmax(big / heat))
    entropy = tf.nn.softmax_cross_entropy_with_logits_v2
    soft = tf.reduce_mean(entropy(labels=softened, logits=small / heat))
    hard = tf.reduce_mean(entropy(labels=y, logits=small))
    predicted = tf.nn.softmax(small)
    right = tf.equal(tf.argmax(predicted, 1), tf.argmax(y, 1))
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))
    tf.summary.scalar("accuracy", accuracy)
    tf.train.AdamOptimizer().minimize(0.7 * soft + 0.3 * hard, var_list=tf.trainable_variables("s"))
    return [n(predicted), n(small)]


def deep_speech():
    audio = ph(tf.float32, [None, None, 20], name="inputs")
    length = ph(tf.int32, [None], name="input_lengths")
    text = tf.sparse_placeholder(tf.int32, name="labels")
    h = L.conv1d(audio, 16, 5, padding="same", activation=tf.nn.relu)
    cell = tf.nn.rnn_cell.LSTMCell
    (fw, bw), _ = tf.nn.bidirectional_dynamic_rnn(
        cell(8), cell(8), h, sequence_length=length, dtype=tf.float32
    )
    logits = L.dense(tf.concat([fw, bw], 2), 29)
    major = tf.transpose(logits, [1, 0, 2])
    loss = tf.reduce_mean(tf.nn.ctc_loss(text, major, length))
    decoded, _ = tf.nn.ctc_beam_search_decoder(major, length, 10, merge_repeated=False)
    error = tf.reduce_mean(tf.edit_distance(tf.cast(decoded[0], tf.int32), text))
    tf.summary.scalar("ler", error)
    grads, names = zip(*tf.train.AdamOptimizer().compute_gradients(loss))
    clipped, _ = tf.clip_by_global_norm(grads, 5.0)
    tf.train.AdamOptimizer().apply_gradients(zip(clipped, names))
    chances = tf.nn.softmax(logits)
    return [n(decoded[0]), n(chances), n(logits), n(major)]


def named_entities():
    words = ph(tf.int32, [None, 20], name="sentence")
    tags = ph(tf.int32, [None, 20], name="tag_ids")
    h = tf.nn.embedding_lookup(tf.get_variable("char_emb", [50, 8]), words)
    length = tf.reduce_sum(tf.sign(words), 1)
    cell = tf.nn.rnn_cell.GRUCell
    (fw, bw), _ = tf.nn.bidirectional_dynamic_rnn(cell(8), cell(8), h, length, dtype=tf.float32)
    scores = L.dense(tf.concat([fw, bw], 2), 7, name="emissions")
    likely, moves = tf.contrib.crf.crf_log_likelihood(scores, tags, length)
    path, best = tf.contrib.crf.crf_decode(scores, moves, length)
    loss = tf.reduce_mean(-likely)
    tf.train.RMSPropOptimizer(0.01).minimize(loss)
    right = tf.to_float(tf.equal(path, tags)) * tf.sequence_mask(length, 20, dtype=tf.float32)
    tf.identity(tf.reduce_sum(right) / tf.to_float(tf.reduce_sum(length)), name="tag_accuracy")
    del best
    return [n(path), n(scores)]


def translator():
    src = ph(tf.int32, [None, 12], name="x")
    tgt = ph(tf.int32, [None, 12], name="y")

    def attend(q, kv, name, causal=False):
        with tf.variable_scope(name):
            a = tf.matmul(L.dense(q, 8), L.dense(kv, 8), transpose_b=True) / np.sqrt(8.0)
            if causal:
                mask = tf.linalg.LinearOperatorLowerTriangular(tf.ones([12, 12])).to_dense()
                a = tf.where(tf.equal(tf.tile(mask[None], [tf.shape(a)[0], 1, 1]), 0),
                             tf.ones_like(a) * -1e9, a)  # fmt: skip
            out = q + tf.matmul(tf.nn.softmax(a), L.dense(kv, 8))
            return tf.contrib.layers.layer_norm(out)

    table = tf.get_variable("lookup_table", [40, 8])
    enc = tf.nn.embedding_lookup(table, src) * 8**0.5 + tf.get_variable("pos", [12, 8])
    enc = attend(enc, enc, "encoder")
    shifted = tf.concat([tf.ones_like(tgt[:, :1]) * 2, tgt[:, :-1]], 1)
    dec = tf.nn.embedding_lookup(table, shifted)
    dec = attend(attend(dec, dec, "self", True), enc, "vanilla")
    logits = L.dense(dec, 40)
    preds = tf.to_int32(tf.argmax(logits, -1))
    real = tf.to_float(tf.not_equal(tgt, 0))
    hits = tf.to_float(tf.equal(preds, tgt)) * real
    tf.summary.scalar("acc", tf.reduce_sum(hits) / tf.reduce_sum(real))
    smooth = 0.9 * tf.one_hot(tgt, 40) + 0.1 / 40
    loss = tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=smooth)
    mean = tf.reduce_sum(loss * real) / tf.reduce_sum(real)
    tf.train.AdamOptimizer(1e-4, 0.9, 0.98, 1e-8).minimize(mean)
    return [n(preds), n(logits)]


def retrained():
    image = ph(tf.float32, [None, 16, 16, 3], name="Placeholder")
    with tf.variable_scope("module"):
        h = L.conv2d(image, 8, 3, activation=tf.nn.relu6, trainable=False)
        h = tf.reduce_mean(h, [1, 2])
    with tf.name_scope("input"):
        neck = tf.placeholder_with_default(h, [None, 8], "BottleneckInputPlaceholder")
        truth = ph(tf.int64, [None], name="GroundTruthInput")
    with tf.name_scope("final_retrain_ops"):
        with tf.name_scope("weights"):
            w = tf.Variable(tf.truncated_normal([8, 5], stddev=0.001), name="final_weights")
            tf.summary.histogram("histogram", w)
        b = tf.Variable(tf.zeros([5]), name="final_biases")
        with tf.name_scope("Wx_plus_b"):
            logits = tf.matmul(neck, w) + b
            tf.summary.histogram("pre_activations", logits)
    final = tf.nn.softmax(logits, name="final_result")
    tf.summary.histogram("activations", final)
    with tf.name_scope("cross_entropy"):
        mean = tf.losses.sparse_softmax_cross_entropy(labels=truth, logits=logits)
    tf.summary.scalar("cross_entropy", mean)
    with tf.name_scope("train"):
        tf.train.GradientDescentOptimizer(0.01).minimize(mean)
    with tf.name_scope("accuracy"):
        with tf.name_scope("correct_prediction"):
            right = tf.equal(tf.argmax(final, 1), truth)
        tf.summary.scalar("accuracy", tf.reduce_mean(tf.cast(right, tf.float32)))
    return [n(final)]


def mixture():
    x = ph(tf.float32, [None, 1], name="x")
    y = ph(tf.float32, [None, 1], name="y")
    h = tf.nn.tanh(tf.matmul(x, tf.Variable(tf.random_normal([1, 12]))))
    out = tf.matmul(h, tf.Variable(tf.random_normal([12, 18]))) + tf.Variable(tf.zeros([18]))
    pi, sigma, mu = tf.split(out, 3, 1)
    top = tf.exp(pi - tf.reduce_max(pi, 1, keepdims=True))
    pi = top * tf.reciprocal(tf.reduce_sum(top, 1, keepdims=True))
    sigma = tf.exp(sigma)
    normal = tf.exp(-tf.square((y - mu) * tf.reciprocal(sigma)) / 2)
    normal = normal * tf.reciprocal(sigma) / np.sqrt(2 * np.pi)
    loss = tf.reduce_mean(-tf.log(tf.reduce_sum(normal * pi, 1, keepdims=True)))
    tf.train.AdamOptimizer().minimize(loss)
    return [n(pi), n(sigma), n(mu)]


def digits_vae():
    x = ph(tf.float32, [None, 64], name="target_img")
    noisy = ph(tf.float32, [None, 64], name="input_img")
    keep = ph(tf.float32, name="keep_prob")
    latent = ph(tf.float32, [None, 2], name="latent_variable")

    def decode(z, reuse):
        with tf.variable_scope("bernoulli_MLP_decoder", reuse=reuse):
            h = tf.nn.dropout(L.dense(z, 16, tf.nn.tanh, name="h"), keep)
            return tf.sigmoid(L.dense(h, 64, name="o"))

    with tf.variable_scope("gaussian_MLP_encoder"):
        h = tf.nn.dropout(L.dense(noisy, 16, tf.nn.elu), keep)
        out = L.dense(h, 4)
        mu, sigma = out[:, :2], 1e-6 + tf.nn.softplus(out[:, 2:])
    z = mu + sigma * tf.random_normal(tf.shape(mu), 0, 1, dtype=tf.float32)
    y = tf.clip_by_value(decode(z, False), 1e-8, 1 - 1e-8)
    fit = tf.reduce_mean(tf.reduce_sum(x * tf.log(y) + (1 - x) * tf.log(1 - y), 1))
    gap = tf.square(mu) + tf.square(sigma) - tf.log(1e-8 + tf.square(sigma)) - 1
    loss = -(fit - tf.reduce_mean(0.5 * tf.reduce_sum(gap, 1)))
    tf.train.AdamOptimizer(1e-3).minimize(loss)
    drawn = decode(latent, True)
    return [n(y), n(drawn), n(z), "bernoulli_MLP_decoder/Sigmoid"]


def many_gates():
    row = (np.zeros((6, 5), "float32"), np.zeros(6, "float32"), np.zeros(6, "float32"))
    data = tf.data.Dataset.from_tensor_slices(row).shuffle(10).batch(3).repeat()
    x, click, buy = tf.data.make_initializable_iterator(data).get_next()
    experts = tf.stack([L.dense(x, 8, tf.nn.relu, name="expert_%d" % i) for i in range(3)], 1)
    answers = []
    for task in ("ctr", "cvr"):
        gate = tf.nn.softmax(L.dense(x, 3, name=task + "_gate"))
        mixed = tf.reduce_sum(experts * gate[:, :, None], 1)
        logit = L.dense(L.dense(mixed, 8, tf.nn.relu), 1, name=task + "_logit")
        answers.append((logit, tf.nn.sigmoid(logit, name=task + "_pred")))
    (a, ctr), (b, cvr) = answers
    loss = tf.losses.sigmoid_cross_entropy(click[:, None], a)
    loss += tf.losses.sigmoid_cross_entropy(buy[:, None], b)
    tf.metrics.auc(click[:, None], ctr, name="ctr_auc")
    tf.train.AdamOptimizer().minimize(loss, tf.train.get_or_create_global_step())
    return [n(ctr), n(cvr)]


def policy_gradient():
    seen = ph(tf.float32, [None, 4], name="observations")
    acts = ph(tf.int32, [None], name="actions_num")
    value = ph(tf.float32, [None], name="actions_value")
    with tf.name_scope("inputs"):
        h = L.dense(seen, 10, tf.nn.tanh, name="fc1")
    every = L.dense(h, 3, name="fc2")
    chances = tf.nn.softmax(every, name="act_prob")
    with tf.name_scope("loss"):
        minus = cross_entropy(logits=every, labels=acts)
        loss = tf.reduce_mean(minus * value)
    with tf.name_scope("train"):
        tf.train.AdamOptimizer(0.02).minimize(loss)
    return [n(chances)]


def same_question():
    left = ph(tf.int32, [None, 15], name="input_x1")
    right = ph(tf.int32, [None, 15], name="input_x2")
    same = ph(tf.float32, [None], name="input_y")
    table = tf.get_variable("embedding", [60, 8])

    def side(x, reuse):
        with tf.variable_scope("side", reuse=reuse):
            cell = tf.nn.rnn_cell.BasicLSTMCell(8)
            h, _ = tf.nn.dynamic_rnn(cell, tf.nn.embedding_lookup(table, x), dtype=tf.float32)
            return L.dense(h[:, -1], 8, name="out")

    a, b = side(left, False), side(right, True)
    gap = tf.sqrt(tf.reduce_sum(tf.square(a - b), 1))
    both = tf.sqrt(tf.reduce_sum(tf.square(a), 1)) + tf.sqrt(tf.reduce_sum(tf.square(b), 1))
    distance = tf.div(gap, both, name="distance")
    loss = same * tf.square(distance) + (1 - same) * tf.square(tf.maximum(1 - distance, 0))
    loss = tf.reduce_sum(loss) / 2 / 32.0
    right_ones = tf.equal(tf.subtract(1.0, tf.rint(distance), name="temp_sim"), same)
    tf.reduce_mean(tf.cast(right_ones, "float"), name="accuracy")
    opt = tf.train.AdamOptimizer(1e-3)
    opt.apply_gradients(opt.compute_gradients(loss))
    return [n(distance), n(a), n(b), "temp_sim"]


def unrolled_words():
    raw = tf.convert_to_tensor(np.arange(200), tf.int32)
    data = tf.reshape(raw[:160], [4, 40])
    i = tf.train.range_input_producer(7, shuffle=False).dequeue()
    x = tf.strided_slice(data, [0, i * 5], [4, (i + 1) * 5])
    y = tf.strided_slice(data, [0, i * 5 + 1], [4, (i + 1) * 5 + 1])
    x.set_shape([4, 5])
    y.set_shape([4, 5])
    with tf.variable_scope("Model"):
        h = tf.nn.embedding_lookup(tf.get_variable("embedding", [30, 8]), x)
        cell = tf.nn.rnn_cell.BasicLSTMCell(8)
        state = cell.zero_state(4, tf.float32)
        outs = []
        with tf.variable_scope("RNN"):
            for step in range(5):
                if step:
                    tf.get_variable_scope().reuse_variables()
                out, state = cell(h[:, step], state)
                outs.append(out)
        flat = tf.reshape(tf.concat(outs, 1), [-1, 8])
        logits = tf.nn.xw_plus_b(
            flat, tf.get_variable("softmax_w", [8, 30]), tf.get_variable("softmax_b", [30])
        )
        logits = tf.reshape(logits, [4, 5, 30])
        loss = tf.contrib.seq2seq.sequence_loss(
            logits, y, tf.ones([4, 5]), average_across_timesteps=False, average_across_batch=True
        )
        cost = tf.reduce_sum(loss)
        grads, _ = tf.clip_by_global_norm(tf.gradients(cost, tf.trainable_variables()), 5)
        rate = tf.Variable(0.0, trainable=False)
        tf.train.GradientDescentOptimizer(rate).apply_gradients(
            zip(grads, tf.trainable_variables())
        )
        tf.assign(rate, ph(tf.float32, [], name="new_learning_rate"))
    return [n(logits), "Model/xw_plus_b", "Model/Reshape_1"]


def averaged_cross():
    dense = ph(tf.float32, [None, 6], name="dense_inputs")
    ids = ph(tf.int32, [None, 3], name="sparse_inputs")
    clicked = ph(tf.float32, [None, 1], name="clicked")
    training = ph(tf.bool, [], name="is_training")
    e = tf.reshape(tf.nn.embedding_lookup(tf.get_variable("emb", [30, 4]), ids), [-1, 12])
    x0 = tf.concat([dense, e], 1)
    x = x0
    for layer in range(2):
        w = tf.get_variable("cross_w_%d" % layer, [18, 1])
        x = x0 * tf.matmul(x, w) + tf.get_variable("cross_b_%d" % layer, [18]) + x
    deep = tf.nn.relu(L.batch_normalization(L.dense(x0, 16), training=training))
    deep = L.dropout(L.dense(deep, 8, tf.nn.relu), 0.5, training=training)
    logit = L.dense(tf.concat([x, deep], 1), 1)
    chance = tf.sigmoid(logit)
    loss = tf.losses.log_loss(clicked, chance)
    loss += 1e-4 * tf.add_n([tf.nn.l2_loss(v) for v in tf.trainable_variables()])
    with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
        train = tf.train.AdamOptimizer().minimize(loss)
    average = tf.train.ExponentialMovingAverage(0.999)
    with tf.control_dependencies([train]):
        average.apply(tf.trainable_variables())
    return [n(chance)]


ALL = (
    estimator_regressor, reader_queue, faces, sharper, soft_actor, video_candidates, cooccurrence,
    street_segments, focal_detector, pupil, deep_speech, named_entities, translator, retrained,
    mixture, digits_vae, many_gates, policy_gradient, same_question, unrolled_words, averaged_cross,
)  # fmt: skip
