"""Training graphs in the styles of TensorFlow 1: ``python tests/models/make_training.py``.

The environment is that of make_tf115.py. Without weights and without a signature, each with the
outputs that its author would name: benchmarks/outputs.py asks for these. The ``.meta`` files go
into training/graphs.zip, the answers into training/truth.json. The rules were made with the group
``tuned``; ``looked_at`` was written to measure with, and rules were made from its misses later;
``unseen`` is only measured with.
"""

import collections
import json
import os
import zipfile

import tensorflow as tf
import training_graphs
import training_held_out
import training_more
import training_second
import training_unseen

GROUPS = (
    ("tuned", training_graphs),
    ("tuned", training_more),
    ("looked_at", training_held_out),
    ("looked_at", training_second),
    ("unseen", training_unseen),
)
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "training")


def main():
    os.makedirs(HERE, exist_ok=True)
    truth = collections.OrderedDict()
    with zipfile.ZipFile(os.path.join(HERE, "graphs.zip"), "w", zipfile.ZIP_LZMA) as archive:
        for group, module in GROUPS:
            for make in module.ALL:
                with tf.Graph().as_default():
                    outputs = make()
                    meta = tf.train.export_meta_graph(strip_default_attrs=True)
                meta.meta_info_def.ClearField("stripped_op_list")
                info = zipfile.ZipInfo("%s.meta" % make.__name__)
                info.compress_type = zipfile.ZIP_LZMA
                archive.writestr(info, meta.SerializeToString())
                truth[make.__name__] = {"group": group, "outputs": outputs}
                print(make.__name__, flush=True)
    with open(os.path.join(HERE, "truth.json"), "w") as file:
        json.dump(truth, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
