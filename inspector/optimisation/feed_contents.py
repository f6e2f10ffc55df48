"""Encoded texts that a graph decodes: sound, images, numbers and serialised ``tf.Example``.

A random word fails in ``DecodeWav`` or ``ParseExample``; so what is generated for a string input is
what its reader decodes. Some readers take bytes whose form the graph does not say (``DecodeRaw``):
nothing that fits can be generated for them, and the caller has to give it.

Source: tensorflow/core/ops/audio_ops.cc, image_ops.cc, parsing_ops.cc.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from inspector.errors import InspectorError
from inspector.graph import opdefs, tensors
from inspector.graph.functions import function_names
from inspector.graph.graph import Graph, data_inputs, node_name, split_input
from inspector.graph.op_sets import ENTERS, EXAMPLE_PARSERS, EXITS, MERGES, SWITCHES
from inspector.graph.protos import NodeDef
from inspector.optimisation import tf_examples
from inspector.optimisation.tf_examples import Feature

WORDS = (b"alpha", b"beta", b"gamma", b"delta", b"epsilon")
_SIDE = 64
"""Width and height of a generated image."""
_SAMPLES, _RATE = 16_000, 16_000
"""Of a generated sound: one second in one channel."""
MOST_NODES = 5_000
_MOST_COLUMNS = 10_000
_MOST_PARTS = 100
"""Text features of a message whose readers are looked for."""

# 16 x 16 pixels each; encoding them takes a library.
_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarYqMyP/L"
    "2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4"
    "+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAQABADASIAAhEBAxEB/8QAFAABAAAAAAAAAAAAAAAAAAAABP/EABoQAAIDAQEAAAAAAAAA"
    "AAAAAAADAQIRQTH/xAAVAQEBAAAAAAAAAAAAAAAAAAAAAv/EABcRAAMBAAAAAAAAAAAAAAAAAAABAxL/2gAMAwEAAhEDEQA/"
    "AALRvBNERHBC05HgiicJ0khGx//Z"
)
_GIF = base64.b64decode(
    "R0lGODdhEAAQAIIAAODg4MDAwKCgoICAgGBgYEBAQCAgIAAAACwAAAAAEAAQAEAIYAAPHDBgoEABAgQGDBAgIEAAAAAEEjSI"
    "UCFDhxAlFjyYcGHDhxEHbqzoEWPIiRwtfswokmLHiyA1ulRpUmbKkjFb3oTJEiVJnidHvlwZdCbOnkJp5vQ5tKbOn0RtQjUZ"
    "EAA7"
)

_SAME_SHAPE = frozenset({"Identity", "PlaceholderWithDefault"}) | SWITCHES | MERGES | ENTERS | EXITS
_CARRIES = _SAME_SHAPE | {
    *("Reshape", "Squeeze", "ExpandDims", "EnsureShape", "Gather", "GatherV2", "StridedSlice"),
    *("Slice", "Unpack", "Split", "TensorArrayScatterV3", "TensorArrayReadV3", "DecodeBase64"),
    *("TensorListFromTensor", "TensorListGetItem", "StringStrip"),
}
"""Ops through which a text reaches what decodes it."""
_OPAQUE = frozenset(
    {
        *("DecodeRaw", "DecodePaddedRaw", "ParseTensor", "DecodeProtoV2", "DecodeCompressed"),
        *("DecodeJSONExample", "ParseSequenceExample", "ParseSequenceExampleV2"),
        *("ParseSingleSequenceExample", "DecodeZlib"),
    }
)
"""Ops that decode texts whose form their node does not say."""


_NUMERIC = frozenset({"Cast", "Identity", "RealDiv", "Div", "Mul", "Sub", "Add", "AddV2"})
_MOST_STEPS, _MOST_NUMBERS, _MOST_SIZES = 50, 1 << 20, 64


@dataclass(frozen=True)
class Content:
    """What a text input holds.

    Attributes:
        reader: The op that decodes it.
        features: Of a ``tf.Example``.
        below: Whole numbers of its features are smaller than this.
        parts: What its features hold that the graph decodes too, by their key.
        columns: Of a line of CSV: the value of each column.
        in_base64: It is decoded from base64 first.
        is_single: The text is a scalar: no op takes one row out of several.
        size: Of plain numbers: their bytes; 0 where the graph does not say.
    """

    reader: str
    features: tuple[Feature, ...] = ()
    columns: tuple[bytes, ...] = ()
    in_base64: bool = False
    is_single: bool = False
    size: int = 0
    below: int = tf_examples.BELOW
    parts: Mapping[bytes, Content] = field(default_factory=dict)

    @property
    def is_opaque(self) -> bool:
        """True where nothing can be generated that the reader takes."""
        if self.reader in _OPAQUE and not self.size:
            return True
        return any(part.is_opaque for part in self.parts.values())

    def text(self, rng: np.random.Generator) -> bytes:
        """One text with random values."""
        data = self._plain(rng)
        return base64.urlsafe_b64encode(data).rstrip(b"=") if self.in_base64 else data

    def _plain(self, rng: np.random.Generator) -> bytes:
        if self.reader in EXAMPLE_PARSERS:
            return tf_examples.message(self.features, rng, self._text_of, self.below)
        if self.reader == "DecodeCSV":
            return b",".join(self.columns)
        if self.size:
            return rng.bytes(self.size)
        make = _MAKERS.get(self.reader)
        return _word(rng) if make is None else make(rng)

    def _text_of(self, feature: Feature, rng: np.random.Generator) -> bytes:
        part = self.parts.get(feature.key)
        return _word(rng) if part is None else part.text(rng)


def decoded(graph: Graph, tensor: str, most: int = MOST_NODES, depth: int = 0) -> Content | None:
    """What a text tensor holds, by the op that decodes it; None where no op does.

    Args:
        most: Nodes that are looked at.
        depth: How many messages it lies in; a message inside of a message holds words.
    """
    for node, in_base64, is_single in _readers(graph, tensor, most):
        takes_one = node.op in _TAKES_ONE and is_single
        if node.op in EXAMPLE_PARSERS:
            features = tf_examples.features_of(graph, node)
            if features is not None:
                parts = {} if depth else _parts(graph, node.name, features)
                return Content(node.op, features, (), in_base64, takes_one, parts=parts)
        elif node.op == "DecodeCSV":
            columns = tuple(_column(graph, text) for text in node.input[1:_MOST_COLUMNS])
            return Content(node.op, (), columns, in_base64, is_single=False)
        elif node.op in _MAKERS or node.op in _OPAQUE:
            size = _raw_size(graph, node) if node.op == "DecodeRaw" else 0
            return Content(node.op, (), (), in_base64, takes_one, size)
        elif (reader := _inside(graph, node)) is not None:
            return Content(reader, (), (), in_base64, is_single=False)
    return None


def _parts(graph: Graph, parser: str, features: Sequence[Feature]) -> dict[bytes, Content]:
    """What the text features of a message hold, by their key."""
    texts = [feature for feature in features if feature.dtype == "string"]
    contents = {
        feature.key: decoded(graph, f"{parser}:{feature.port}", depth=1)
        for feature in texts[:_MOST_PARTS]
    }
    return {key: content for key, content in contents.items() if content is not None}


def _readers(graph: Graph, tensor: str, most: int) -> Iterator[tuple[NodeDef, bool, bool]]:
    """Nodes that a text reaches; whether it is base64 there, and whether it has its shape."""
    name, port, _ = split_input(tensor)
    source_node = graph.get(name)
    has_ports = source_node is not None and source_node.op in EXAMPLE_PARSERS
    todo, visited = [(name, False, True)], {name}
    while todo and len(visited) < most:
        source, in_base64, is_single = todo.pop(0)
        for reader in graph.consumers(source):
            node = graph.node(reader)
            # Not all inputs are split: 20,000 placeholders may lead into one node.
            first = next((text for text in node.input if not text.startswith("^")), "")
            is_carried = node.op in _CARRIES
            if has_ports and source == name and not _reads(node, name, port):
                continue
            if reader in visited or not (is_carried or node_name(first) == source or _calls(node)):
                continue
            visited.add(reader)
            yield node, in_base64, is_single
            if is_carried:
                base = in_base64 or node.op == "DecodeBase64"
                same = node.op in _SAME_SHAPE or node.op == "DecodeBase64"
                todo.append((reader, base, is_single and same))


def _reads(node: NodeDef, name: str, port: int) -> bool:
    """Whether a node reads this output of another."""
    return any(split_input(text)[:2] == (name, port) for text in node.input[:_MOST_COLUMNS])


def _raw_size(graph: Graph, node: NodeDef) -> int:
    """The bytes of one text for DecodeRaw, by the Reshape behind it; 0 where there is none."""
    dtypes = opdefs.output_dtypes(node)
    todo, visited = [node.name], {node.name}
    while todo and dtypes and len(visited) < _MOST_STEPS:
        for reader in map(graph.node, graph.consumers(todo.pop(0))):
            if reader.op == "Reshape":
                sizes = whole_numbers(graph, data_inputs(reader)[-1])
                count = math.prod(size for size in sizes if size > 0) if sizes else 0
                return count * tensors.itemsize(dtypes[0]) if 0 < count <= _MOST_NUMBERS else 0
            if reader.op in _NUMERIC and reader.name not in visited:
                visited.add(reader.name)
                todo.append(reader.name)
    return 0


def whole_numbers(graph: Graph, text: str) -> list[int]:
    """The elements of a small constant of whole numbers; empty for what is none."""
    node = graph.get(node_name(text))
    if node is None or node.op != "Const" or "value" not in node.attr:
        return []
    tensor = node.attr["value"].tensor
    if tensor.dtype not in (tensors.INT32, tensors.INT64) or tensors.elements(tensor) > _MOST_SIZES:
        return []
    try:
        return list(map(int, tensors.to_numpy(tensor).ravel()))
    except InspectorError:
        return []


def _calls(node: NodeDef) -> bool:
    return any(True for _ in function_names(node))


def _inside(graph: Graph, node: NodeDef) -> str | None:
    """The op that decodes texts in the functions of a node, as ``tf.map_fn`` makes them."""
    functions = {item.signature.name: item for item in graph.library.function}
    todo, visited = list(function_names(node)), set[str]()
    while todo and len(visited) < MOST_NODES:
        name = todo.pop()
        function = functions.get(name)
        if function is None or name in visited:
            continue
        visited.add(name)
        for item in function.node_def:
            if item.op in _MAKERS or item.op in _OPAQUE:
                return item.op
            todo += [item.op] if item.op in functions else function_names(item)
    return None


def _column(graph: Graph, text: str) -> bytes:
    """A value for a column of CSV, by the dtype of its default."""
    node = graph.get(node_name(text))
    dtypes = None if node is None else opdefs.output_dtypes(node)
    return WORDS[0] if dtypes and dtypes[0] == tensors.STRING else b"1"


def _word(rng: np.random.Generator) -> bytes:
    return WORDS[int(rng.integers(0, len(WORDS)))]


def _wav(rng: np.random.Generator) -> bytes:
    """Noise: 16 bits, one channel."""
    samples = (rng.standard_normal(_SAMPLES) * 4000).clip(-32_768, 32_767).astype("<i2").tobytes()
    head = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _RATE, 2 * _RATE, 2, 16)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(head) + len(data), b"WAVE") + head + data


def _png(rng: np.random.Generator) -> bytes:
    """Random colours: 8 bits, three channels."""
    pixels = rng.integers(0, 256, (_SIDE, _SIDE * 3), np.uint8)
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    size = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _bmp(rng: np.random.Generator) -> bytes:
    """Random colours: 8 bits, three channels."""
    pixels = rng.integers(0, 256, _SIDE * _SIDE * 3, np.uint8).tobytes()
    info = struct.pack("<IiiHHIIiiII", 40, _SIDE, _SIDE, 1, 24, 0, len(pixels), 2835, 2835, 0, 0)
    head = struct.pack("<2sIHHI", b"BM", 14 + len(info) + len(pixels), 0, 0, 14 + len(info))
    return head + info + pixels


def _number(rng: np.random.Generator) -> bytes:
    return str(int(rng.integers(0, 10))).encode()


_MAKERS: Mapping[str, Callable[[np.random.Generator], bytes]] = {
    "DecodeWav": _wav,
    "DecodePng": _png,
    "DecodeImage": _png,
    "DecodeBmp": _bmp,
    "DecodeJpeg": lambda _rng: _JPEG,
    "DecodeAndCropJpeg": lambda _rng: _JPEG,
    "ExtractJpegShape": lambda _rng: _JPEG,
    "DecodeGif": lambda _rng: _GIF,
    "StringToNumber": _number,
}
"""Op to what makes a text that it decodes."""
_TAKES_ONE: Sequence[str] = [
    *(op for op in _MAKERS if op != "StringToNumber"),
    *("ParseTensor", "ParseSingleSequenceExample", "ParseSingleExample"),
]
"""Ops that take a scalar."""
