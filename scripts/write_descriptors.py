"""Write ``inspector/graph/data/descriptors.pb.z``: descriptors of the messages in models.

Run ``python scripts/write_descriptors.py`` after a TensorFlow upgrade. The result is a
FileDescriptorSet, each file after those it imports, without file options (they concern generated
C++, Java and Go code only), compressed with zlib.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "inspector" / "graph" / "data" / "descriptors.pb.z"


def sources() -> tuple[FileDescriptor, ...]:
    """TensorFlow's .proto files of the messages that `inspector.graph.protos` names."""
    from tensorflow.core.framework import op_def_pb2, variable_pb2
    from tensorflow.core.protobuf import saved_model_pb2, tensor_bundle_pb2
    from tensorflow.core.util import saved_tensor_slice_pb2
    from tensorflow.python.training import checkpoint_state_pb2

    modules = (
        saved_model_pb2,
        op_def_pb2,
        variable_pb2,  # no message refers to VariableDef: collections hold it as bytes or as Any
        tensor_bundle_pb2,
        saved_tensor_slice_pb2,
        checkpoint_state_pb2,
    )
    return tuple(module.DESCRIPTOR for module in modules)


def with_imports(files: Iterable[FileDescriptor]) -> list[FileDescriptor]:
    """The files and all that they import, each after its imports, without repetition."""
    ordered: dict[str, FileDescriptor] = {}

    def add(file: FileDescriptor) -> None:
        if file.name not in ordered:
            for dependency in file.dependencies:
                add(dependency)
            ordered[file.name] = file

    for file in files:
        add(file)
    return list(ordered.values())


def descriptor_set() -> bytes:
    """The serialised FileDescriptorSet."""
    result = descriptor_pb2.FileDescriptorSet()
    for file in with_imports(sources()):
        copy = result.file.add()
        file.CopyToProto(copy)
        copy.ClearField("options")
    return result.SerializeToString(deterministic=True)


def main() -> None:
    """Write the file."""
    TARGET.write_bytes(zlib.compress(descriptor_set(), 9))
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
