"""Models of TensorFlow 2.4: ``python tests/models/make_tf24.py`` with Python 3.8.

The environment: ``pip install "tensorflow==2.4.*" "protobuf<3.21"``.
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
