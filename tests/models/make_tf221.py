"""Models of TensorFlow 2.21: ``.venv/bin/python tests/models/make_tf221.py``."""

import tensorflow as tf
import v1_models
import v2_models
from recording import Corpus

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
corpus = Corpus(__file__)
for make in (
    *v2_models.ALL,
    v2_models.distributed,
    v2_models.sharded_saving,
    v1_models.ragged,
    v1_models.tables,
    v1_models.sharded,
):
    make(corpus)
corpus.write()
