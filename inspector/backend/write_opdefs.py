"""Write ``inspector/graph/data/ops.pb.z``: what each op of the installed TensorFlow declares.

Run ``python -m inspector.backend.write_opdefs`` after a TensorFlow upgrade. Descriptions are
dropped, the rest is an OpList message, sorted by name and compressed with zlib.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session

TARGET = Path(__file__).parent.parent / "graph" / "data" / "ops.pb.z"


def op_list() -> bytes:
    """The serialised OpList of every op registered in this process, sorted by name."""
    buffer = pywrap_tf_session.TF_GetAllOpList()
    registered = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(buffer))
    ops = op_def_pb2.OpList()
    for declared in sorted(registered.op, key=lambda item: item.name):
        op = ops.op.add()
        op.CopyFrom(declared)
        op.ClearField("summary")
        op.ClearField("description")
        for item in (*op.input_arg, *op.output_arg, *op.attr):
            item.ClearField("description")
    return bytes(ops.SerializeToString(deterministic=True))


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(zlib.compress(op_list(), 9))
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")
