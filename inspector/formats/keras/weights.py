"""The weights of a Keras file: which there are, and which layer each belongs to. No value is read.

Two layouts: that of ``.h5``, where each layer's group lists its weights by name, and that of Keras
3 and ``.keras``, where a layer is a path and its weights are ``vars/0``, ``vars/1`` ...

Source: tf_keras/src/saving/legacy/hdf5_format.py; keras/src/saving/saving_lib.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from inspector.formats.keras.config import Architecture
from inspector.formats.keras.hdf5 import Dataset, Hdf5File

OPTIMIZER = ("optimizer", "optimizer_weights", "metrics")
"""Top groups of what training keeps beside the weights."""

_TOP = "top_level_model_weights"
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
_STATE = re.compile(r"(?:moving_(?:mean|variance)|running_\w+|renorm_\w+)(?::0)?$")
_SEED = "seed_generator"


@dataclass(frozen=True)
class Weight:
    """One weight: its name, where it lies, and the layer it belongs to, empty where unknown."""

    name: str
    data: Dataset
    layer: str


def is_keras(file: Hdf5File) -> bool:
    """Whether Keras wrote this HDF5 file."""
    return (
        any(file.attribute("", name) for name in ("model_config", "keras_version", "layer_names"))
        or file.has_group("model_weights")
        or any(file.has_group(path) for path in (*_CONTAINERS, "vars"))
    )


def of_file(file: Hdf5File, architecture: Architecture) -> tuple[list[Weight], int]:
    """The model's weights, and how many tensors the optimiser keeps.

    Raises: UnsupportedModel, LimitExceeded.
    """
    datasets = file.datasets()
    optimizer = [item for item in datasets if item.path.partition("/")[0] in OPTIMIZER]
    own = {item.path: item for item in datasets if item.path.partition("/")[0] not in OPTIMIZER}
    root = "model_weights" if file.has_group("model_weights") else ""
    layers = file.attribute(root, "layer_names")
    if root or layers is not None:
        return _by_names(file, root, layers or [], own, architecture), len(optimizer)
    return _by_paths(file, own, architecture), len(optimizer)


def _by_names(
    file: Hdf5File,
    root: str,
    layers: Iterable[str],
    own: Mapping[str, Dataset],
    architecture: Architecture,
) -> list[Weight]:
    weights: list[Weight] = []
    listed: set[str] = set()
    prefix = f"{root}/" if root else ""
    for layer in dict.fromkeys([*layers, _TOP]):
        for name in file.attribute(f"{prefix}{layer}", "weight_names") or []:
            path = f"{prefix}{layer}/{name}"
            if path in own and path not in listed:
                listed.add(path)
                weights.append(
                    Weight(_named(layer, name), own[path], _owner(layer, name, architecture))
                )
    # What no list names is there all the same.
    for path, item in own.items():
        if path.startswith(prefix) and path not in listed:
            layer, _, name = path.removeprefix(prefix).partition("/")
            weights.append(Weight(_named(layer, name), item, _owner(layer, name, architecture)))
    return weights


def _named(layer: str, name: str) -> str:
    name = name.removesuffix(":0")
    inside = layer == _TOP or name == layer or name.startswith(f"{layer}/")
    return name if inside else f"{layer}/{name}"


def _owner(layer: str, name: str, architecture: Architecture) -> str:
    """The layer of a weight; of a nested model, that one inside which its name has a part of."""
    if layer in architecture.layers:
        return layer
    scope = layer if layer in architecture.scopes else ""
    for part in name.split("/"):
        inner = f"{scope}/{part}" if scope else part
        if inner in architecture.layers:
            return inner
        if inner in architecture.scopes:
            scope = inner
    return ""


def _by_paths(
    file: Hdf5File, own: Mapping[str, Dataset], architecture: Architecture
) -> list[Weight]:
    container = next((name for name in _CONTAINERS[1:] if file.has_group(name)), _CONTAINERS[0])
    names = _names_of_paths(architecture, container)
    weights = []
    for path, item in own.items():
        parts = path.split("/")
        layer, rest = "", path
        for end in range(len(parts) - 1, 0, -1):
            name = names.get("/".join(parts[:end]))
            if name is not None:
                layer, rest = name, "/".join(parts[end:])
                break
        weights.append(Weight(f"{layer}/{rest}" if layer else path, item, layer))
    return weights


def _names_of_paths(architecture: Architecture, container: str) -> dict[str, str]:
    """``layers/functional/layers/dense_1`` to ``inner/deep``: numbered by class, as Keras does."""
    members: dict[str, list[tuple[str, str]]] = {}
    for scope, name, kind in architecture.members:
        members.setdefault(scope, []).append((name, kind))
    paths: dict[str, str] = {}
    todo = [("", "")]
    while todo:
        scope, path = todo.pop()
        taken: dict[str, int] = {}
        for name, kind in members.get(scope, ()):
            stem = snake_case(kind.rpartition(">")[2])
            count = taken.get(stem, 0)
            taken[stem] = count + 1
            place = f"{path}/" if path else ""
            place += f"{container}/{stem}" + (f"_{count}" if count else "")
            if name in architecture.scopes:
                todo.append((name, place))
            else:
                paths.setdefault(place, name)
    return paths


def snake_case(name: str) -> str:
    """As Keras names a layer's place after its class."""
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def is_state(weight: Weight, architecture: Architecture) -> bool:
    """Whether training leaves a weight to something else than the optimiser."""
    layer = architecture.layers.get(weight.layer)
    if layer is not None and not layer.trainable:
        return True
    if _STATE.search(weight.name) or _SEED in weight.name:
        return True
    kind = "" if layer is None else layer.kind
    if kind == "Normalization":
        return True
    last = weight.name.rpartition("/vars/")[2]
    if "BatchNormalization" in kind and layer is not None and last.isdigit():
        return int(last) >= bool(layer.config.get("scale")) + bool(layer.config.get("center"))
    return False


def is_counted(weight: Weight) -> bool:
    """Whether a weight is a parameter; the state of a random generator is none."""
    return _SEED not in weight.name
