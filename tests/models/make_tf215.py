"""Models of TensorFlow 2.15: ``python tests/models/make_tf215.py`` with Python 3.11.

The environment: ``pip install "tensorflow==2.15.*"``.
"""

import tensorflow as tf
import v1_models
import v2_models
from recording import Corpus

cpus = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpus[0], [tf.config.LogicalDeviceConfiguration()] * 2)
corpus = Corpus(__file__)
for make in (*v2_models.ALL, v2_models.distributed, v1_models.ragged, v1_models.sparse):
    make(corpus)
corpus.write()
