"""Changes a TFLite file: its signature, its names, repeated constants, operator codes, outputs.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from inspector.formats.tflite.file import IN_FILE, LiteFile
from inspector.graph.graph import Names

_IDENTIFIER = b"TFL3"
_HEADROOM = 1 << 16
"""Bytes of the builder beside those of the file, so that it need not grow."""

_SHARED = 64
"""Bytes of a constant that is worth to be shared."""
_WORTH = 100
"""A file is written again where it becomes smaller by more than this part."""

_FIELDS, _VERSION, _SIGNATURES = 10, 0, 7
"""Fields of the root table; all but the version are offsets."""
_ALIGNMENT = 64
"""Of the file's parts; the schema asks for 16 at most."""
_HEAD = 2 * _ALIGNMENT
"""Bytes in front of the old file; its root table with all fields takes 76."""


def with_signature(
    data: bytes, key: str, inputs: Mapping[str, int], outputs: Mapping[str, int]
) -> bytes:
    """The file with one signature of its first subgraph, in place of those it had.

    The contents are not written again, which would take five times their size: a new root table in
    front of them points into them, and to the signature behind them. Offsets are relative.

    Args:
        data: A TFLite file that is trusted to be whole, such as one that the converter wrote, with
            its buffers in the flatbuffer.
        inputs, outputs: Name to its place among the subgraph's inputs and outputs, which may
            serve several names.
    Raises: IndexError for a place that there is not.
    """
    graph = schema.Model.GetRootAs(data, 0).Subgraphs(0)
    signature = schema.SignatureDefT(
        inputs=_maps(inputs, graph.InputsAsNumpy().tolist()),
        outputs=_maps(outputs, graph.OutputsAsNumpy().tolist()),
        signatureKey=key.encode(),
        subgraphIndex=0,
    )
    padding = bytes(-len(data) % _ALIGNMENT)
    behind = _HEAD + len(data) + len(padding)
    signatures = _vector(signature)
    target = behind + int.from_bytes(signatures[:4], "little")
    return b"".join((_head(data, target), data, padding, signatures))


def _vector(signature: schema.SignatureDefT) -> bytes:
    """A flatbuffer whose root is the list of this signature."""
    builder = flatbuffers.Builder(_ALIGNMENT)
    offset = signature.Pack(builder)
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(offset)
    builder.Finish(builder.EndVector())
    return bytes(builder.Output())


def _head(data: bytes, signatures: int) -> bytes:
    """The root offset, the identifier, and a root table with the fields of the old one.

    Args:
        data: The old file, which follows.
        signatures: Where the list of signatures begins.
    """
    old = schema.Model.GetRootAs(data, 0)._tab
    head = bytearray(_HEAD)
    slots = struct.pack(f"<{_FIELDS}H", *(4 + 4 * number for number in range(_FIELDS)))
    vtable = struct.pack("<HH", 4 + len(slots), 4 + 4 * _FIELDS) + slots
    start = 8 + len(vtable)
    struct.pack_into("<I4s", head, 0, start, _IDENTIFIER)
    head[8:start] = vtable
    struct.pack_into("<i", head, start, len(vtable))
    for number in range(_FIELDS):
        at = start + 4 + 4 * number
        place = old.Offset(4 + 2 * number)
        if number == _SIGNATURES:
            value = signatures - at
        elif place:
            (value,) = struct.unpack_from("<I", data, old.Pos + place)
            if number != _VERSION:
                value += _HEAD + old.Pos + place - at
        else:
            struct.pack_into("<H", head, 8 + 4 + 2 * number, 0)
            continue
        struct.pack_into("<I", head, at, value)
    return bytes(head)


def without_repeated_buffers(data: bytes) -> bytes:
    """The file with one buffer for constants of the same bytes, as those of several functions.

    Args:
        data: As of `with_signature`.
    """
    file = schema.Model.GetRootAs(data, 0)
    numbers: dict[bytes, int] = {}
    repeated: dict[int, int] = {}
    spared = 0
    for number in range(file.BuffersLength()):
        buffer = file.Buffers(number)
        if buffer.DataLength() >= _SHARED:
            digest = hashlib.sha256(buffer.DataAsNumpy()).digest()
            first = numbers.setdefault(digest, number)
            if first != number:
                repeated[number] = first
                spared += buffer.DataLength()
    if spared <= len(data) // _WORTH:
        return data
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = repeated.get(tensor.buffer, tensor.buffer)
    for number in repeated:
        model.buffers[number].data = None
    return packed(model, len(data))


def with_short_names(data: bytes) -> bytes:
    """The file with a short name for each tensor but the inputs and outputs of its signatures.

    The names of the other subgraphs go too: operators refer to both by number.

    Args:
        data: As of `with_signature`.
    """
    model = unpacked(data)
    ends: dict[int, set[int]] = {
        at: {*graph.inputs, *graph.outputs} if at == 0 else set()
        for at, graph in enumerate(model.subgraphs)
    }
    for signature in model.signatureDefs or ():
        maps = (*(signature.inputs or ()), *(signature.outputs or ()))
        ends[signature.subgraphIndex].update(item.tensorIndex for item in maps)
    for at, graph in enumerate(model.subgraphs):
        tensors = graph.tensors
        names = Names((tensors[number].name or b"").decode(errors="replace") for number in ends[at])
        for number, tensor in enumerate(tensors):
            if number not in ends[at]:
                tensor.name = names.free(f"t{number}").encode()
        if at and not ends[at]:
            graph.name = f"g{at}".encode()
    return packed(model, len(data))


def modernised(data: bytes, file: LiteFile, key: str | None = None) -> bytes:
    """The file as the tools of today read it; the same bytes where there is nothing to do.

    TensorFlow 1 wrote operator codes in a field of 8 bits that today's tools pass over, so that
    they take each operator for an ADD. Tensors without a name get one.

    Args:
        file: What `data` holds, checked by its reader.
        key: Give the first subgraph a signature of this key, where the file has none; its inputs
            and outputs go by the names of their tensors.
    """
    unnamed = any(not tensor.name for graph in file.subgraphs for tensor in graph.tensors)
    if not (unnamed or key is not None or has_old_codes(data, file)):
        return data
    model = unpacked(data)
    for code in model.operatorCodes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    for graph, before in zip(model.subgraphs, file.subgraphs, strict=True):
        names = Names(tensor.name for tensor in before.tensors if tensor.name)
        for tensor, old in zip(graph.tensors, before.tensors, strict=True):
            if not old.name:
                tensor.name = names.free(old.label).encode()
    if key is not None:
        main = file.subgraphs[0]
        sides = (main.inputs, main.outputs)
        inputs, outputs = (
            _maps({main.tensors[number].label: at for at, number in enumerate(side)}, side)
            for side in sides
        )
        model.signatureDefs = [schema.SignatureDefT(inputs, outputs, key.encode(), 0)]
    return packed(model, len(data))


def with_float_outputs(data: bytes, before: LiteFile) -> bytes:
    """A quantised file with outputs of float32 under their old names, as `before` has them.

    The quantiser can keep outputs in float, but where an operator also reads such a tensor, it
    then gives that operator float32 in place of whole numbers: the result is noise, or a crash.
    So outputs are quantised like the rest, and get their own operator here.
    """
    model = unpacked(data)
    for at, (graph, old_graph) in enumerate(zip(model.subgraphs, before.subgraphs, strict=True)):
        for place, number in enumerate(old_graph.outputs):
            old, index = old_graph.tensors[number], graph.outputs[place]
            if old.type == "FLOAT32" and graph.tensors[index].type != schema.TensorType.FLOAT32:
                graph.outputs[place] = _dequantised(model, graph, index)
            _rename(graph, graph.outputs[place], old.label)
        # The quantiser leaves a signature at the whole numbers where it adds an operator itself.
        now = dict(zip(old_graph.outputs, graph.outputs, strict=True))
        outputs = {item.key: item.outputs for item in before.signatures if item.subgraph == at}
        for signature in model.signatureDefs or ():
            numbers = outputs.get(signature.signatureKey.decode(), {})
            for item in signature.outputs or ():
                number = numbers.get(item.name.decode(), item.tensorIndex)
                item.tensorIndex = now.get(number, item.tensorIndex)
    return packed(model, len(data))


def with_outputs(data: bytes, subgraph: int, tensors: Sequence[int]) -> bytes:
    """The file with these tensors as the outputs of a subgraph, in place of its own.

    Its only signature has the keys that the tensors' numbers are, of inputs too.

    Args:
        data: Checked by its reader.
    """
    model = unpacked(data)
    graph = model.subgraphs[subgraph]
    graph.outputs = list(tensors)
    inputs, outputs = (
        [schema.TensorMapT(str(index).encode(), index) for index in dict.fromkeys(map(int, side))]
        for side in ([] if graph.inputs is None else graph.inputs, tensors)
    )
    model.signatureDefs = [schema.SignatureDefT(inputs, outputs, b"by_number", subgraph)]
    return packed(model, len(data))


def _dequantised(model: schema.ModelT, graph: schema.SubGraphT, index: int) -> int:
    """The number of a new tensor of float32, which a new operator at the end computes."""
    tensor, dequantize = graph.tensors[index], schema.BuiltinOperator.DEQUANTIZE
    version = 3 if tensor.type == schema.TensorType.INT16 else 2
    model.operatorCodes.append(
        schema.OperatorCodeT(
            builtinCode=dequantize, deprecatedBuiltinCode=dequantize, version=version
        )
    )
    graph.tensors.append(
        schema.TensorT(
            shape=tensor.shape,
            shapeSignature=tensor.shapeSignature,
            hasRank=tensor.hasRank,
            name=tensor.name + b"_float",
        )
    )
    new = len(graph.tensors) - 1
    code = len(model.operatorCodes) - 1
    graph.operators.append(schema.OperatorT(opcodeIndex=code, inputs=[index], outputs=[new]))
    return new


def _rename(graph: schema.SubGraphT, index: int, name: str) -> None:
    """Give a tensor a name, and the one that has it another."""
    encoded = name.encode()
    if graph.tensors[index].name == encoded:
        return
    names = Names((tensor.name or b"").decode(errors="replace") for tensor in graph.tensors)
    for tensor in graph.tensors:
        if tensor.name == encoded:
            tensor.name = names.free(f"{name}_quantised").encode()
    graph.tensors[index].name = encoded


def has_old_codes(data: bytes, file: LiteFile) -> bool:
    """Whether operator codes stand only where TensorFlow 1 wrote them."""
    model = schema.Model.GetRootAs(data, 0)
    codes = (model.OperatorCodes(i) for i in range(len(file.codes)))
    return any(code.DeprecatedBuiltinCode() > code.BuiltinCode() for code in codes)


def unpacked(data: bytes) -> schema.ModelT:
    """The file as objects, with what lies behind the flatbuffer in them, as the quantiser puts it.

    Args:
        data: Checked by its reader, so that these places are in the file.
    """
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for buffer in model.buffers or ():
        if buffer.offset > IN_FILE:
            buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    for graph in model.subgraphs:
        graph.outputs = [] if graph.outputs is None else list(graph.outputs)
        for operator in graph.operators or ():
            if start := operator.largeCustomOptionsOffset:
                size = operator.largeCustomOptionsSize
                operator.customOptions = np.frombuffer(data, np.uint8, size, start)
                operator.largeCustomOptionsOffset = operator.largeCustomOptionsSize = 0
    return model


def packed(model: schema.ModelT, size: int) -> bytes:
    """The file of these objects, whose buffers hold `size` bytes."""
    builder = flatbuffers.Builder(size + _HEADROOM)
    builder.Finish(model.Pack(builder), _IDENTIFIER)
    return bytes(builder.Output())


def _maps(names: Mapping[str, int], tensors: list[int]) -> list[schema.TensorMapT]:
    return [schema.TensorMapT(name.encode(), tensors[at]) for name, at in names.items()]
