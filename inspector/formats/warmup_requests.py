"""Example data of a SavedModel: the requests that TensorFlow Serving runs when it loads the model.

Source: tensorflow_serving/apis/prediction_log.proto, predict.proto, model.proto; TensorFlow's
lib/io/record_reader.h for the records.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from inspector.errors import CorruptModel, LimitExceeded
from inspector.formats.checkpoint.sstable import masked_crc
from inspector.graph import tensors, wire
from inspector.graph.protos import TensorProto, parse
from inspector.graph.tensors import Array

PLACE = Path("assets.extra", "tf_serving_warmup_requests")
MOST_BYTES = 256 << 20
MOST_REQUESTS = 10_000

_DEFAULT = "serving_default"
_HEAD, _CRC = struct.Struct("<QI"), struct.Struct("<I")
# Numbers of the fields on the way down.
_PREDICT_LOG, _REQUEST, _SPEC, _INPUTS, _SIGNATURE_NAME = 6, 1, 1, 2, 3
_KEY, _VALUE = 1, 2


def rows(folder: Path, signature: str) -> dict[str, Array] | None:
    """The inputs of all requests for a signature, one behind the other.

    Args:
        folder: Of the SavedModel.
    Returns: Input key to rows; None where there are no requests for this signature, or where they
        have different inputs or shapes.
    Raises: CorruptModel, LimitExceeded.
    """
    path = folder / PLACE
    # A link must not lead out of the model.
    if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
        return None
    if path.stat().st_size > MOST_BYTES:
        raise LimitExceeded(path.name, "requests", f"more than {MOST_BYTES >> 20} MiB")
    requests = []
    try:
        for record in _records(path.read_bytes(), path.name):
            name, inputs = _request(record, path.name)
            if name == signature and inputs:
                requests.append(inputs)
    except wire.WireError as err:
        raise CorruptModel(path.name, "requests", f"is no PredictionLog: {err}") from err
    shapes = {tuple((key, array.shape[1:]) for key, array in sorted(r.items())) for r in requests}
    if len(shapes) != 1 or any(array.ndim == 0 for array in requests[0].values()):
        return None
    return {key: np.concatenate([request[key] for request in requests]) for key in requests[0]}


def _records(data: bytes, name: str) -> Iterator[bytes]:
    """The records of a TFRecord file, with their checksums compared."""
    at = count = 0
    while at < len(data):
        if len(data) - at < _HEAD.size + _CRC.size:
            raise CorruptModel(name, "records", "the file is cut short")
        size, checksum = _HEAD.unpack_from(data, at)
        start, end = at + _HEAD.size, at + _HEAD.size + size
        if masked_crc(data[at : at + 8]) != checksum or end + _CRC.size > len(data):
            raise CorruptModel(name, f"record {count}", "its length is damaged, or it is cut short")
        if masked_crc(data[start:end]) != _CRC.unpack_from(data, end)[0]:
            raise CorruptModel(name, f"record {count}", "its checksum is wrong")
        yield data[start:end]
        at, count = end + _CRC.size, count + 1
        if count > MOST_REQUESTS:
            raise LimitExceeded(name, "records", f"more than {MOST_REQUESTS:,}")


def _request(record: bytes, name: str) -> tuple[str, dict[str, Array]]:
    """Signature and inputs of a predict request; no inputs for a request of another kind."""
    signature, inputs = _DEFAULT, {}
    for log in _messages(record, _PREDICT_LOG):
        for request in _messages(log, _REQUEST):
            for spec in _messages(request, _SPEC):
                for text in _messages(spec, _SIGNATURE_NAME):
                    signature = text.decode("utf-8", "replace") or _DEFAULT
            for entry in _messages(request, _INPUTS):
                key = b"".join(_messages(entry, _KEY)).decode("utf-8", "replace")
                value = b"".join(_messages(entry, _VALUE))
                proto = parse(TensorProto, value, name, f"input '{key}'")
                inputs[key] = tensors.to_numpy(proto, where=key, max_bytes=MOST_BYTES)
    return signature, inputs


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    """The fields of this number whose value is bytes."""
    for field in wire.fields(data):
        if field.number == number and field.wire == wire.BYTES:
            yield data[field.start : field.end]
