"""The figures of a TFLite model that `describe` adds to those of all formats.

Figures of subgraphs use TFLite's own names (``FLOAT32``, a shape and its signature); placeholders
and signatures are as for every other format.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from inspector.formats.tflite.file import LiteFile, Quantisation, Subgraph, Tensor
from inspector.formats.tflite.graph import LiteGraph

LISTED_TENSORS = 5_000
"""Most tensors in the JSON; each subgraph states how many it has."""

LISTED_CHANNELS = 4_096
"""Most scales listed for one tensor."""

RUNNABLE = frozenset(("AudioSpectrogram", "Mfcc", "NumericVerify", "TFLite_Detection_PostProcess"))
"""Custom ops that LiteRT has kernels for."""

_LISTED_FAULTS = 5
_SHOWN_SIZES = 8
_FLEX = "Flex"
_FLOATS = ("FLOAT", "BFLOAT", "COMPLEX")
_ITEM_BITS = {"INT2": 2, "INT4": 4, "UINT4": 4, "FLOAT16": 16, "BFLOAT16": 16, "INT16": 16}
_ITEM_BITS |= {"UINT16": 16, "INT8": 8, "UINT8": 8, "BOOL": 8, "FLOAT32": 32, "INT32": 32}
_ITEM_BITS |= {"UINT32": 32, "INT64": 64, "UINT64": 64, "FLOAT64": 64, "COMPLEX64": 64}
_ITEM_BITS |= {"COMPLEX128": 128, "FLOAT8_E4M3FN": 8, "FLOAT8_E5M2": 8}


def facts(lite: LiteGraph) -> dict[str, Any]:
    """Entries of the JSON of ``describe`` for TFLite alone."""
    file = lite.file
    return {
        "subgraphs": [_subgraph(graph) for graph in file.subgraphs],
        "signature_defs": [
            {
                "key": item.key,
                "subgraph": item.subgraph,
                "inputs": [list(pair) for pair in item.inputs.items()],
                "outputs": [list(pair) for pair in item.outputs.items()],
            }
            for item in file.signatures
        ],
        "tflite_schema_version": file.version,
        "model_description": file.description,
        "min_runtime_version": min_runtime_version(file),
        "operator_codes": [code.op for code in file.codes],
        "custom_ops": sorted({code.op for code in file.codes if code.is_custom}),
        "metadata_names": [name for name, _ in file.metadata],
        "buffers": len(file.buffers),
        "buffer_bytes": buffer_bytes(file),
        "tensors": list(islice(tensors(lite), LISTED_TENSORS)),
    }


def signatures(file: LiteFile) -> dict[str, Any]:
    """Each signature with its tensors under the names that they have in the file."""
    return {
        item.key: {
            "method_name": "",
            **{
                side: {
                    key: tensor_dict(file.subgraphs[item.subgraph].tensors[numbers[key]])
                    for key in sorted(numbers)
                }
                for side, numbers in (("inputs", item.inputs), ("outputs", item.outputs))
            },
        }
        for item in sorted(file.signatures, key=lambda item: item.key)
    }


def tensor_dict(tensor: Tensor) -> dict[str, Any]:
    """Name, dtype and shape, as of any format."""
    return {"name": tensor.label, "dtype": tensor.dtype, "shape": tensor.dims}


def tensors(lite: LiteGraph) -> Iterator[dict[str, Any]]:
    """The table of tensors: type, shape, quantisation, bytes, and the node that outputs each."""
    for number, graph in enumerate(lite.file.subgraphs):
        for index in range(len(graph.tensors)):
            yield _row(lite, number, index)


def of_node(lite: LiteGraph, name: str, limit: int) -> list[dict[str, Any]]:
    """The rows of a node's output tensors, then of its operator's inputs."""
    tensors = list(lite.outputs[name])
    if name in lite.operators:
        number, at = lite.operators[name]
        inputs = lite.file.subgraphs[number].operators[at].inputs
        tensors += [(number, index) for index in inputs if index >= 0]
    return [_row(lite, number, index) for number, index in dict.fromkeys(tensors[:limit])]


def _row(lite: LiteGraph, number: int, index: int) -> dict[str, Any]:
    graph = lite.file.subgraphs[number]
    tensor = graph.tensors[index]
    return {
        "subgraph": number,
        "index": index,
        "name": tensor.label,
        "dtype": tensor.dtype,
        "shape": tensor.dims,
        "kind": _kind(lite, number, tensor),
        "bytes": len(lite.file.buffer(tensor.buffer)),
        "node": lite.source.get((number, index), ""),
        "sparse": tensor.is_sparse,
        **quantisation(tensor.quantisation),
    }


def quantisation(scheme: Quantisation | None) -> dict[str, Any]:
    """Scales, zero points, the axis and the number of channels; None where there is none."""
    if scheme is None:
        return {"scale": None, "zero_point": None, "axis": None, "channels": None}
    return {
        "scale": scheme.scale[:LISTED_CHANNELS].tolist(),
        "zero_point": scheme.zero_point[:LISTED_CHANNELS].tolist(),
        "axis": scheme.axis if len(scheme.scale) > 1 else None,
        "channels": len(scheme.scale),
    }


def buffer_bytes(file: LiteFile) -> int:
    """Bytes of all buffers."""
    return sum(length for _, length in file.buffers)


def parameters(file: LiteFile) -> int:
    """Elements of the constants that are real numbers, quantised or not, and no scalars.

    One that several tensors or subgraphs share counts once.
    """
    counted: dict[int, int] = {}
    for graph in file.subgraphs:
        for tensor in graph.tensors:
            is_real = tensor.type.startswith(_FLOATS) or tensor.quantisation is not None
            if is_real and tensor.shape and file.is_constant(tensor) and fits(file, tensor):
                counted[tensor.buffer] = tensor.elements or 0
    return sum(counted.values())


def constants(file: LiteFile, graph: Subgraph) -> int:
    """Tensors of a subgraph whose values are in the file."""
    return sum(file.is_constant(tensor) for tensor in graph.tensors)


def fits(file: LiteFile, tensor: Tensor) -> bool:
    """True where a constant has as many bytes as its shape needs, or where that is unknown."""
    bits = _ITEM_BITS.get(tensor.type)
    if bits is None or tensor.is_sparse:
        return True
    if (elements := tensor.elements) is None:
        return False
    return len(file.buffer(tensor.buffer)) == (elements * bits + 7) // 8


def faults(file: LiteFile) -> list[str]:
    """One clause for each tensor with an impossible shape: which it is, and why."""
    graphs = enumerate(file.subgraphs)
    tensors = ((number, tensor) for number, graph in graphs for tensor in graph.tensors)
    checked = ((number, tensor, tensor.fault) for number, tensor in tensors)
    return [
        f"tensor {tensor.index} ('{tensor.label[:100]}') of subgraph {number} has the shape "
        f"{_shape_text(tensor)}: {fault}"
        for number, tensor, fault in checked
        if fault is not None
    ]


def _shape_text(tensor: Tensor) -> str:
    more = ", ..." if len(tensor.shape) > _SHOWN_SIZES else ""
    return f"[{', '.join(map(str, tensor.shape[:_SHOWN_SIZES]))}{more}]"


def flagged(file: LiteFile) -> list[dict[str, Any]]:
    """Operators that LiteRT cannot run here, as in the JSON of ``describe``."""
    counts = sum((graph.op_counts() for graph in file.subgraphs), Counter[str]())
    why = {code.op: _why_not(code.op, code.is_custom) for code in file.codes}
    return [
        {"op": op, "count": counts[op], "why": why[op], "severity": "block"}
        for op in sorted(counts)
        if why.get(op)
    ]


def _why_not(op: str, is_custom: bool) -> str:
    if is_custom and op.startswith(_FLEX):
        return "needs TensorFlow's Flex delegate, which LiteRT does not have; cannot be run here"
    if is_custom and op not in RUNNABLE:
        return "is a custom op: needs a library of its own, cannot be run here"
    if not is_custom and op.startswith("BUILTIN_"):
        return "is no operator that this LiteRT knows; cannot be run here"
    return ""


def warnings(file: LiteFile) -> list[str]:
    """One sentence each on what is wrong with the model."""
    wrong = faults(file)
    sentences = [f"LiteRT cannot load the model: {text}." for text in wrong[:_LISTED_FAULTS]]
    if len(wrong) > _LISTED_FAULTS:
        sentences.append(f"{len(wrong) - _LISTED_FAULTS:,} more tensors have such a shape.")
    sentences += [
        f"The shape signature of tensor '{tensor.label[:100]}' holds a size below -1; it is taken "
        "for one that may vary."
        for graph in file.subgraphs
        for tensor in graph.tensors
        if tensor.signature is not None and min(tensor.signature) < -1
    ][:_LISTED_FAULTS]
    odd = [
        tensor.label
        for graph in file.subgraphs
        for tensor in graph.tensors
        if file.is_constant(tensor) and tensor.fault is None and not fits(file, tensor)
    ]
    if odd:
        whose = "s do not fit their shapes" if len(odd) > 1 else " do not fit its shape"
        sentences.append(
            f"The bytes of {len(odd):,} constant tensor{whose}, e.g. of '{odd[0][:100]}'."
        )
    if file.external:
        sentences.append(f"{file.external:,} buffers lie in other files, which are not read.")
    if file.version != 3:
        sentences.append(f"The file is of schema version {file.version}; LiteRT reads version 3.")
    return sentences


def min_runtime_version(file: LiteFile) -> str | None:
    """The oldest TensorFlow that can run it, as the converter noted; None without a note."""
    for name, number in file.metadata:
        if name == "min_runtime_version":
            text = bytes(file.buffer(number)[:64]).split(b"\0")[0].decode("utf-8", "replace")
            return text.strip() or None
    return None


def _subgraph(graph: Subgraph) -> dict[str, Any]:
    return {
        "name": graph.name,
        "tensors": len(graph.tensors),
        "operators": len(graph.operators),
        "ops": dict(sorted(graph.op_counts().items())),
        "tensor_types": dict(sorted(Counter(tensor.type for tensor in graph.tensors).items())),
        "inputs": [_end(graph.tensors[number]) for number in graph.inputs],
        "outputs": [_end(graph.tensors[number]) for number in graph.outputs],
    }


def _end(tensor: Tensor) -> dict[str, Any]:
    numbers: Mapping[str, Any] = quantisation(tensor.quantisation)
    return {
        "index": tensor.index,
        "name": tensor.name,
        "dtype": tensor.type,
        "shape": tensor.shape,
        "shape_signature": tensor.signature,
        "scale": numbers["scale"],
        "zero_point": numbers["zero_point"],
    }


def _kind(lite: LiteGraph, number: int, tensor: Tensor) -> str:
    if (number, tensor.index) in lite.inputs:
        return "input"
    if (number, tensor.index) in lite.results:
        return "output"
    if lite.file.is_constant(tensor):
        return "constant"
    return "variable" if tensor.is_variable else "intermediate"
