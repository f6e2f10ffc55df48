"""Keras files for the tests: written by hand with h5py, or by the Keras of the version meant."""

from __future__ import annotations

import base64
import json
import marshal
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Json = dict[str, Any]
Weights = Mapping[str, Mapping[str, Any]]


def dense(name: str, units: int, **more: Any) -> Json:
    """A Dense layer as Keras 2 puts it down."""
    config = {"name": name, "trainable": True, "units": units, "activation": "linear", **more}
    return {"class_name": "Dense", "config": config}


def sequential(*layers: Json, name: str = "chain") -> Json:
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


def write_h5(
    path: Path, config: Json | None, weights: Weights | None = None, version: str = "2.2.4"
) -> Path:
    """A file as Keras 2 writes it.

    Args:
        weights: Per layer, its weights by name.
    """
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version.encode()
        file.attrs["backend"] = b"tensorflow"
        if config is not None:
            file.attrs["model_config"] = json.dumps(config).encode()
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = [name.encode() for name in weights or {}]
        for layer, named in (weights or {}).items():
            below = group.create_group(layer)
            below.attrs["weight_names"] = [name.encode() for name in named]
            for name, value in named.items():
                below[name] = value
    return path


def write_keras(path: Path, config: Json, version: str = "3.15.1") -> Path:
    """A ``.keras`` file without weights."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
        archive.writestr("config.json", json.dumps(config))
    return path


def payload(marker: Path) -> Json:
    """A function as Keras puts a lambda down; it makes a file when it is run."""
    source = f"lambda x: (open({str(marker)!r}, 'w').close(), x)[1]"
    code = eval(source).__code__
    return {
        "class_name": "__lambda__",
        "config": {
            "code": base64.b64encode(marshal.dumps(code)).decode(),
            "defaults": None,
            "closure": None,
        },
    }


def old_lambda(marker: Path, name: str = "hook") -> Json:
    """A Lambda layer of Keras 2 that makes a file when it is run."""
    inner = payload(marker)["config"]
    config = {
        "name": name,
        "function": [inner["code"], None, None],
        "function_type": "lambda",
        "output_shape": None,
        "output_shape_type": "raw",
        "arguments": {},
    }
    return {"class_name": "Lambda", "config": config}


@contextmanager
def quiet() -> Iterator[None]:
    """Keras warns of its own old forms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def random(shape: tuple[int, ...], seed: int = 7) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)
