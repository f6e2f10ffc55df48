"""TensorFlow's converter to TFLite, on a frozen graph.

The converter takes the bytes of the graph as they are: `TFLiteConverter.from_session` freezes it
again, runs Grappler over it and packs the result three times, which takes twice the time and
600 MB more for ResNet50. What must be initialised (tables, variables that stayed) and several
signatures in one file need a SavedModel: of a graph the converter writes a table that nothing
fills. The converter computes constants with TensorFlow's kernels and runs the init op, so that a
graph with refused ops is not converted.

Source: tensorflow/lite/python/lite.py, convert.py, convert_phase.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf
from tensorflow.compiler.mlir.lite import model_flags_pb2
from tensorflow.lite.python import convert as converting
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.lite.python.util import get_tensor_name

from inspector.backend.loading import translated
from inspector.backend.sessions import reason, to_tensorflow
from inspector.errors import ConversionFailed
from inspector.formats import saved_model_writer
from inspector.formats.tflite.file_edits import with_signature, without_repeated_buffers
from inspector.graph import validate
from inspector.graph.graph import Graph, control_inputs
from inspector.graph.protos import GraphDef
from inspector.model.model import Model
from inspector.optimisation.tflite import conversion_faults
from inspector.optimisation.tflite.conversion_faults import Fault
from inspector.optimisation.tflite.lite_preparation import Ends, has_state
from inspector.safety.reach import blocked_ops, refuse

# Numbers of ConverterErrorData.ErrorCode.
_UNKNOWN, _NEEDS_FLEX = 0, 1
_LARGE = 4096
"""Bytes of a constant whose values no op reads to tell its shapes."""
_LISTED = 10_000
"""Nodes that an error lists."""


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
            return _from_graph(model, flex=flex)
        except ConverterError as err:
            faults = list(_faults(err.errors))
            if any(fault.op for fault in faults):
                raise _failed(model, faults, flex=flex) from err
            raise ConversionFailed(model.name, "TFLite", reason(err)) from err


def _from_graph(model: Model, *, flex: bool) -> bytes:
    ((key, signature),) = model.signatures.items()
    ends = Ends.of(key, signature)
    feeds, fetches = (list(dict.fromkeys(names.values())) for names in (ends.inputs, ends.outputs))
    flags = converting.build_model_flags()
    with tf.Graph().as_default() as graph:
        # The converter would take the process down with some of what the importer refuses.
        tf.compat.v1.import_graph_def(to_tensorflow(_without_values(model.graph)), name="")
        for tensor in map(graph.get_tensor_by_name, feeds):
            flags.input_arrays.append(_input(tensor))
        for tensor in map(graph.get_tensor_by_name, fetches):
            flags.output_arrays.append(get_tensor_name(tensor))
    settings = tf.compat.v1.lite.TFLiteConverter(None, [], [])
    _allow(settings, flex=flex)
    arguments = settings._get_base_converter_args()
    arguments |= dict.fromkeys(("inference_type", "inference_input_type"), tf.float32)
    options = converting.build_conversion_flags(**arguments)
    data = converting.convert(flags, options, model.graph.to_bytes())
    data = without_repeated_buffers(data)
    return with_signature(data, key, _places(ends.inputs, feeds), _places(ends.outputs, fetches))


def _without_values(graph: Graph) -> GraphDef:
    """The graph with a Placeholder in place of each large constant."""
    proto = GraphDef(versions=graph.versions, library=graph.library)
    for node in graph:
        if node.op != "Const" or node.attr["value"].ByteSize() < _LARGE:
            proto.node.append(node)
            continue
        stand_in = proto.node.add(name=node.name, op="Placeholder", input=control_inputs(node))
        stand_in.attr["dtype"].CopyFrom(node.attr["dtype"])
        stand_in.attr["shape"].shape.CopyFrom(node.attr["value"].tensor.tensor_shape)
    return proto


def _input(tensor: Any) -> Any:
    """A tensor as the converter's list of inputs has it."""
    kind = converting.convert_tensor_tf_type_to_tflite_type(
        tensor.dtype, usage="input of the model"
    )
    array = model_flags_pb2.InputArray(name=get_tensor_name(tensor), data_type=kind)
    array.shape.unknown_rank = tensor.shape.rank is None
    if not array.shape.unknown_rank:
        sizes = tensor.shape.as_list()
        array.shape.dims.extend(-1 if size is None else size for size in sizes)
    return array


def _from_saved_model(model: Model, *, flex: bool) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        saved_model_writer.write(model, path)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(path), signature_keys=list(model.signatures)
        )
        _allow(converter, flex=flex)
        data: bytes = converter.convert()
        return data


def _allow(converter: Any, *, flex: bool) -> None:
    if flex:
        sets = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
        converter.target_spec.supported_ops = sets


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
    nodes = [fault.to_dict() for fault in faults[:_LISTED] if fault.node]
    return ConversionFailed(model.name, "TFLite", why, nodes)
