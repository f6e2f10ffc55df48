"""TFLite models built with the schema's own classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FLOAT, INT32, INT8, STRING, BOOL = (
    schema.TensorType.FLOAT32,
    schema.TensorType.INT32,
    schema.TensorType.INT8,
    schema.TensorType.STRING,
    schema.TensorType.BOOL,
)


class Builder:
    """Builds a TFLite model: collects buffers, operator codes and subgraphs."""

    def __init__(self) -> None:
        self.model = schema.ModelT(version=3, description="made by a test")
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.model.subgraphs = []
        self.model.metadata = []
        self.model.signatureDefs = []

    def buffer(self, data: bytes) -> int:
        """The number of a new buffer."""
        self.model.buffers.append(schema.BufferT(data=np.frombuffer(data, np.uint8)))
        return len(self.model.buffers) - 1

    def tensor(
        self,
        name: str | None,
        shape: Sequence[int] = (1, 2),
        type: int = FLOAT,
        data: bytes | None = None,
        **more: Any,
    ) -> Any:
        """A tensor; with bytes, a constant."""
        item = schema.TensorT(shape=list(shape), type=type, name=name, **more)
        item.buffer = 0 if data is None else self.buffer(data)
        return item

    def code(self, op: str, custom: str | None = None) -> int:
        """The number of an operator code."""
        number = getattr(schema.BuiltinOperator, op)
        code = schema.OperatorCodeT(
            deprecatedBuiltinCode=min(number, 127), builtinCode=number, customCode=custom, version=1
        )
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def operator(
        self,
        op: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        options: Any = None,
        custom: str | None = None,
    ) -> Any:
        """An operator with its options, an object of the schema."""
        item = schema.OperatorT(
            opcodeIndex=self.code(op, custom), inputs=list(inputs), outputs=list(outputs)
        )
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            item.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            item.builtinOptions = options
        return item

    def subgraph(
        self,
        name: str | None,
        tensors: Sequence[Any],
        operators: Sequence[Any],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> None:
        """Add a subgraph."""
        self.model.subgraphs.append(
            schema.SubGraphT(
                name=name,
                tensors=list(tensors),
                operators=list(operators),
                inputs=list(inputs),
                outputs=list(outputs),
            )
        )

    def signature(self, key: str, subgraph: int, inputs: Any, outputs: Any) -> None:
        """Add a signature; key to number of a tensor on both sides."""
        sides = [
            [schema.TensorMapT(name=name, tensorIndex=index) for name, index in side.items()]
            for side in (inputs, outputs)
        ]
        self.model.signatureDefs.append(
            schema.SignatureDefT(
                signatureKey=key, subgraphIndex=subgraph, inputs=sides[0], outputs=sides[1]
            )
        )

    def metadata(self, name: str, data: bytes) -> None:
        """Add an entry of metadata."""
        self.model.metadata.append(schema.MetadataT(name=name, buffer=self.buffer(data)))

    def bytes(self) -> bytes:
        """The file."""
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
