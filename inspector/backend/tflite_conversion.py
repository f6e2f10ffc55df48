"""TensorFlow's converter to TFLite, on a frozen graph.

The graph goes through a session, which needs the least time and memory. What must be initialised
(tables, variables that stayed) and several signatures in one file need a SavedModel: of a session
the converter writes a table that nothing fills. The converter computes constants with TensorFlow's
kernels and runs the init op, so that a graph with refused ops is not converted.

Source: tensorflow/lite/python/lite.py, convert_phase.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from inspector.backend.loading import translated
from inspector.backend.sessions import quiet_config, reason, to_tensorflow
from inspector.errors import ConversionFailed
from inspector.formats import saved_model_writer
from inspector.formats.tflite.file_edits import with_signature
from inspector.graph import validate
from inspector.model.model import Model
from inspector.optimisation.tflite import conversion_faults
from inspector.optimisation.tflite.conversion_faults import Fault
from inspector.optimisation.tflite.lite_preparation import Ends, has_state
from inspector.safety.reach import blocked_ops, refuse

# Numbers of ConverterErrorData.ErrorCode.
_UNKNOWN, _NEEDS_FLEX = 0, 1


def convert(model: Model, *, flex: bool = False) -> bytes:
    """The TFLite file of a model of `lite_preparation.prepared`, with its signatures.

    Args:
        flex: Keep ops that have no operator; LiteRT needs the Flex delegate to run them.
    Raises: ConversionFailed, which names the nodes; BlockedOp, InvalidGraph; RunFailed where
        TensorFlow does not take the graph.
    """
    validate.refuse(model.graph, model.name)
    if faults := conversion_faults.unknown_ops(model.graph):
        raise _failed(model, faults, flex=flex)
    once = [] if model.init_op is None else [model.init_op]
    refuse(model.name, blocked_ops(model.graph, None, once=once))
    with translated(model, "convert"):
        try:
            if len(model.signatures) > 1 or has_state(model):
                return _from_saved_model(model, flex=flex)
            return _from_session(model, flex=flex)
        except ConverterError as err:
            faults = list(_faults(err.errors))
            if any(fault.op for fault in faults):
                raise _failed(model, faults, flex=flex) from err
            raise ConversionFailed(model.name, "TFLite", reason(err)) from err


def _from_session(model: Model, *, flex: bool) -> bytes:
    ((key, signature),) = model.signatures.items()
    ends = Ends.of(key, signature)
    feeds, fetches = (list(dict.fromkeys(names.values())) for names in (ends.inputs, ends.outputs))
    graph = tf.Graph()
    with graph.as_default():
        tf.compat.v1.import_graph_def(to_tensorflow(model.graph.to_proto()), name="")
    find = graph.get_tensor_by_name
    with tf.compat.v1.Session(graph=graph, config=quiet_config()) as session:
        converter = tf.compat.v1.lite.TFLiteConverter.from_session(
            session, list(map(find, feeds)), list(map(find, fetches))
        )
        data = _converted(converter, flex=flex)
    return with_signature(data, key, _places(ends.inputs, feeds), _places(ends.outputs, fetches))


def _from_saved_model(model: Model, *, flex: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        saved_model_writer.write(model, path)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(path), signature_keys=list(model.signatures)
        )
        return _converted(converter, flex=flex)


def _converted(converter: Any, *, flex: bool) -> bytes:
    if flex:
        sets = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        converter.target_spec.supported_ops = sets
    data: bytes = converter.convert()
    return data


def _places(names: Mapping[str, str], tensors: list[str]) -> dict[str, int]:
    return {name: tensors.index(tensor) for name, tensor in names.items()}


def _faults(errors: Iterable[Any]) -> Iterator[Fault]:
    """The refused nodes of a list of ConverterErrorData, whose text is not read."""
    for error in errors:
        place = error.location.call[0].name if error.location.call else ""
        node, _, function = place.partition("@")
        yield Fault(
            op=error.operator.name.removeprefix("tf."),
            node=node,
            function=function,
            flex=error.error_code == _NEEDS_FLEX,
            early=error.error_code == _UNKNOWN,
        )


def _failed(model: Model, faults: list[Fault], *, flex: bool) -> ConversionFailed:
    key, signature = next(iter(model.signatures.items()))
    why = conversion_faults.sentence(model.graph, key, signature, faults, flex=flex)
    return ConversionFailed(model.name, "TFLite", why)
