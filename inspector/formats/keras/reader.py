"""Keras files: the reader. ``.h5`` and ``.keras``, of Keras 2 and 3, as layers; nothing is built.

The file consists of a config in JSON and weights in HDF5. A ``.keras`` file is a zip archive of
both, which is unpacked like any archive; here it is a folder.

Source: tf_keras/src/saving/legacy/hdf5_format.py; keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, MutableMapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inspector.errors import CorruptModel, LimitExceeded, UnknownFormat
from inspector.files import git_lfs
from inspector.formats.keras import code, hdf5, misfits
from inspector.formats.keras import config as keras_config
from inspector.formats.keras import shapes as keras_shapes
from inspector.formats.keras import weights as keras_weights
from inspector.formats.keras.config import INPUT, Architecture, Layer
from inspector.formats.keras.layer_model import KerasModel, Layers
from inspector.formats.keras.weights import Weight
from inspector.formats.mapped import KERAS_CONFIG, KERAS_METADATA, is_keras_folder, list_files
from inspector.graph import tensors
from inspector.graph.graph import Graph
from inspector.graph.protos import AttrValue, GraphDef, NodeDef, SignatureDef, TensorInfo
from inspector.graph.tensors import Shape
from inspector.model.model import Model, Variable
from inspector.model.signatures import DEFAULT, PREDICT
from inspector.settings import KERAS_CODE

CONFIG, METADATA, WEIGHTS = KERAS_CONFIG, KERAS_METADATA, "model.weights.h5"

_ATTRIBUTE = 4000
_INT64 = 1 << 63
_LISTED = 5
_NO_CODE = (
    "This file would run Python code when the model is built: {0}. It is shown, and neither frozen "
    "nor run, unless the operator allows it ({1}=1)."
)


@dataclass
class Source:
    """What a Keras file holds.

    Attributes:
        config: The model's config; None for a file of weights only.
        weights: The weights, where there is a file of them; `lists_weights` says whether.
    """

    config: dict[str, Any] | None
    version: str = ""
    backend: str = ""
    compiled: bool = False
    weights: list[Weight] = field(default_factory=list)
    optimizer: int = 0
    lists_weights: bool = False
    warnings: list[str] = field(default_factory=list)


def is_archive(names: Set[str]) -> bool:
    """Whether a zip archive with entries of these names is a ``.keras`` file."""
    return {CONFIG, METADATA} <= names


def read(path: Path, data: memoryview, tag_set: Sequence[str] | None = None) -> Model:
    """Read a Keras file; it has no tag-sets, so `tag_set` is ignored.

    Args:
        path: An HDF5 file, or the ``config.json`` of an unpacked ``.keras`` file.
    Raises: UnknownFormat (HDF5 of something else), CorruptModel, UnsupportedModel, LimitExceeded.
    """
    in_folder = path.name == CONFIG and is_keras_folder(path.parent)
    name = path.parent.name if in_folder else path.name
    for part in (CONFIG, METADATA, WEIGHTS) if in_folder else ():
        if (pointer := git_lfs.reason_of(path.parent / part)) is not None:
            raise UnknownFormat(name, part, pointer)
    config, version = _config_of(path.parent, name) if in_folder else (None, "")
    source = Source(config, version)
    architecture = Architecture("")
    with ExitStack() as stack:
        place = path.parent / WEIGHTS if in_folder else path
        file = None
        if place.is_file():
            file = stack.enter_context(hdf5.opened(place, name))
            if not in_folder:
                _from_attributes(file, source, name)
        if source.config is not None:
            architecture = keras_config.architecture(source.config, name)
        if file is not None:
            source.weights, source.optimizer = keras_weights.of_file(file, architecture)
            source.lists_weights = True
    if in_folder and file is None:
        source.warnings.append(f"Its weights are not listed: there is no {WEIGHTS}.")
    if in_folder:
        inside = tuple(entry.name for entry in path.parent.iterdir())
        files = list_files(path.parent, inside)
        source.compiled = bool((config or {}).get("compile_config"))
    else:
        files = [(path.name, path.stat().st_size)]
    return _model(path, name, source, architecture, files)


def _config_of(folder: Path, name: str) -> tuple[dict[str, Any], str]:
    for part in (CONFIG, METADATA):
        if (folder / part).stat().st_size > keras_config.MAX_BYTES:
            raise LimitExceeded(name, part, f"longer than {keras_config.MAX_BYTES >> 20} MiB")
    config = keras_config.parse((folder / CONFIG).read_bytes(), name)
    version = keras_config.parse((folder / METADATA).read_bytes(), name).get("keras_version")
    if "class_name" not in config:
        raise UnknownFormat(name, CONFIG, "no config of a Keras model: it names no class")
    return config, version if isinstance(version, str) else ""


def _from_attributes(file: hdf5.Hdf5File, source: Source, name: str) -> None:
    if not keras_weights.is_keras(file):
        raise UnknownFormat(name, "file", "an HDF5 file that no Keras wrote")
    text = _first(file.attribute("", "model_config"))
    source.config = None if text is None else keras_config.parse(text, name)
    for place in ("", "model_weights"):
        source.version = source.version or _first(file.attribute(place, "keras_version")) or ""
        source.backend = source.backend or _first(file.attribute(place, "backend")) or ""
    source.compiled = file.attribute("", "training_config") is not None


def _first(texts: list[str] | None) -> str | None:
    return texts[0] if texts else None


def _model(
    path: Path, name: str, source: Source, architecture: Architecture, files: list[tuple[str, int]]
) -> Model:
    weights, warnings = source.weights, source.warnings
    facts = Layers(architecture.kind, source.version[:40], source.backend[:40])
    if source.config is None:
        warnings.append(
            "This file holds weights only: the layers and how they are connected are not in it. "
            "Open the file that Keras' model.save() writes."
        )
    elif not architecture.members:
        inner = source.config.get("config")
        inner = inner if isinstance(inner, dict) else {}
        title = str(inner.get("name") or architecture.kind)
        architecture.layers = {title: Layer(title, architecture.kind, inner)}
        warnings.append(
            f"'{architecture.kind}' is a class of the author's own: its calls are Python code, "
            "which the file does not hold. Only its config and its weights can be shown."
        )
    if source.config is not None:
        facts.code = code.find({**source.config, "compile_config": None})
    if facts.code and not KERAS_CODE():
        warnings.append(_NO_CODE.format(_listed_code(facts), KERAS_CODE.name))
    _fill(facts, architecture, weights)
    facts.optimizer, facts.compiled = source.optimizer, source.compiled
    inflated = _inflated(weights)
    if inflated:
        warnings.append(inflated)
    if source.lists_weights:
        facts.misfits = misfits.find(architecture, facts.shapes, weights)
    warnings += misfits.listed(facts.misfits)
    if source.config is not None:
        warnings += misfits.listed(misfits.unknown(architecture, source.config))
    total = sum(size for _, size in files)
    held = sum(weight.data.stored for weight in weights)
    text = json.dumps(source.config) if source.config is not None else ""
    return KerasModel(
        format="Keras",
        name=name,
        path=path,
        graph=_graph(architecture, facts),
        signatures=_signatures(architecture, facts),
        producer=f"keras {source.version[:40]}" if source.version else "",
        variables=[
            Variable(item.name, item.data.dtype, item.data.shape, item.data.bytes)
            for item in weights
        ],
        files=files,
        bytes={"graph": len(text), "variables": held, "assets": 0, "total": total},
        warnings=warnings,
        layers=facts,
    )


def check_weights(model: Model) -> None:
    """Raises: CorruptModel where weights take far more memory than the file has of them."""
    stored = model.bytes["variables"]
    declared = sum(variable.bytes for variable in model.variables)
    if declared > max(hdf5.RATIO_FROM, stored * hdf5.MAX_RATIO):
        why = f"they declare {declared:,} bytes, and the file has {stored:,} of them"
        raise CorruptModel(model.name, "weights", why)


def _inflated(weights: Iterable[Weight]) -> str:
    for weight in weights:
        size, stored = weight.data.bytes, weight.data.stored
        if size > max(hdf5.RATIO_FROM, stored * hdf5.MAX_RATIO):
            return f"'{weight.name[:100]}' declares {size:,} bytes, and the file has {stored:,}."
    return ""


def _listed_code(facts: Layers) -> str:
    uses = [
        f"'{use.layer}' ({use.kind}) {use.why}" if use.layer else f"{use.kind} {use.why}"
        for use in facts.code[:_LISTED]
    ]
    more = f" and {len(facts.code) - _LISTED} more" if len(facts.code) > _LISTED else ""
    return "; ".join(uses) + more


def _fill(facts: Layers, architecture: Architecture, weights: Iterable[Weight]) -> None:
    """Shapes, dtypes, sizes and figures of the layers."""
    facts.shapes = keras_shapes.infer(architecture)
    alone = next(iter(architecture.layers)) if len(architecture.layers) == 1 else ""
    for weight in weights:
        count = math.prod(size or 0 for size in weight.data.shape)
        if owner := weight.layer or alone:
            elements, size = facts.weights.get(owner, (0, 0))
            facts.weights[owner] = (elements + count, size + weight.data.bytes)
        if not keras_weights.is_counted(weight):
            continue
        if keras_weights.is_state(weight, architecture):
            facts.non_trainable += count
        else:
            facts.trainable += count
    for name, layer in architecture.layers.items():
        ports = range(len(facts.shapes.get(name, [])))
        dtypes = [architecture.declared.get((name, port), (None, ""))[1] for port in ports]
        facts.dtypes[name] = [dtype or _dtype(layer) for dtype in dtypes]
    facts.softmax = [
        name
        for name, layer in architecture.layers.items()
        if layer.kind == "Softmax" or _activation(layer) == "softmax"
    ]
    facts.inputs = [_tensor(*ref) for ref in architecture.inputs]
    facts.outputs = list(dict.fromkeys(_tensor(*ref) for ref in architecture.outputs))


def _dtype(layer: Layer) -> str:
    name = keras_config.dtype_of(layer.config)
    try:
        tensors.dtype_enum(name)
    except KeyError:
        return ""
    has_rule = layer.kind == INPUT or layer.kind in keras_shapes.RULES
    return name if has_rule else ""


def _activation(layer: Layer) -> str:
    value = layer.config.get("activation")
    if isinstance(value, Mapping):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name")
    return value.lower() if isinstance(value, str) else ""


def _tensor(name: str, port: int) -> str:
    return f"{name}:{port}" if port else name


def _graph(architecture: Architecture, facts: Layers) -> Graph:
    nodes = []
    for name in keras_shapes.order(architecture):
        layer = architecture.layers[name]
        node = NodeDef(name=_utf8(name), op=_utf8(layer.kind or "Layer"))
        inputs = dict.fromkeys(ref for call in layer.calls for ref in call)
        node.input.extend(_utf8(_tensor(*ref)) for ref in inputs)
        for key, value in layer.config.items():
            if key != "name":
                node.attr[_utf8(key)].CopyFrom(_attribute(value))
        if name in facts.weights:
            node.attr["parameters"].i = min(facts.weights[name][0], _INT64 - 1)
        nodes.append(node)
    return Graph.of(GraphDef(node=nodes))


def _attribute(value: Any) -> AttrValue:
    attribute = AttrValue()
    if isinstance(value, bool):
        attribute.b = value
    elif isinstance(value, int) and -_INT64 <= value < _INT64:
        attribute.i = value
    elif isinstance(value, float):
        attribute.f = value
    elif isinstance(value, str):
        attribute.s = _utf8(value[:_ATTRIBUTE]).encode()
    else:
        attribute.s = json.dumps(value)[:_ATTRIBUTE].encode()
    return attribute


def _signatures(architecture: Architecture, facts: Layers) -> dict[str, SignatureDef]:
    """The only signature: inputs and outputs of the model, keyed by the names of its layers."""
    if not architecture.outputs:
        return {}
    signature = SignatureDef(method_name=PREDICT)
    for name, port in architecture.inputs:
        _add(signature.inputs, name, name, port, facts)
    for key, (name, port) in zip(architecture.output_names, architecture.outputs, strict=True):
        facts.output_keys.append(_add(signature.outputs, key, name, port, facts))
    return {DEFAULT: signature}


def _add(
    side: MutableMapping[str, TensorInfo], key: str, name: str, port: int, facts: Layers
) -> str:
    free, count = _utf8(key), 0
    while free in side:
        count += 1
        free = f"{_utf8(key)}_{count}"
    info = side[free]
    info.name = f"{_utf8(name)}:{port}"
    shapes: Sequence[Shape | None] = facts.shapes.get(name, [])
    dtypes = facts.dtypes.get(name, [])
    dtype = dtypes[port] if port < len(dtypes) else ""
    if dtype:
        info.dtype = tensors.dtype_enum(dtype)
    info.tensor_shape.CopyFrom(tensors.make_shape(shapes[port] if port < len(shapes) else None))
    return free


def _utf8(text: str) -> str:
    """Replace lone surrogates, which JSON allows and protobuf does not."""
    return text.encode("utf-8", "replace").decode()
