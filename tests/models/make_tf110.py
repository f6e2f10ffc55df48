"""Models of TensorFlow 1.10: ``python tests/models/make_tf110.py`` with Python 3.6.

The environment: ``pip install tensorflow==1.10 "protobuf<3.18" "numpy<1.17"``.
"""

import v1_models
from recording import Corpus

corpus = Corpus(__file__)
for make in v1_models.ALL:
    make(corpus)
corpus.write()
