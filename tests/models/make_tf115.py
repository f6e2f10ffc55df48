"""Models of TensorFlow 1.15: ``python tests/models/make_tf115.py`` with Python 3.7.

The environment: ``pip install tensorflow==1.15.5 "protobuf<3.21" "numpy<1.19"``.
"""

import v1_models
from recording import Corpus

corpus = Corpus(__file__)
for make in v1_models.ALL:
    make(corpus)
corpus.write()
