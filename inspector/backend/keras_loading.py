"""Loads a Keras file with the Keras that wrote it: Keras 3 or tf_keras, with a repaired config.

Keras 3 reads no model of Keras 2, so the version in the file decides: before 3 it is tf_keras.
Nothing is built before the config was searched for code (`formats.keras_code`), and what Keras gets
is a private copy.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inspector.errors import BlockedOp, CorruptModel, InspectorError, UnsupportedModel
from inspector.formats.keras import config as keras_config
from inspector.formats.keras import reader
from inspector.formats.keras.layer_model import KerasModel, keras_model
from inspector.model.model import Model
from inspector.settings import KERAS_CODE


@contextmanager
def loaded(model: Model) -> Iterator[Any]:
    """The model that Keras builds from a file; any failure of Keras becomes UnsupportedModel.

    Raises: BlockedOp (code that may not run), UnsupportedModel, CorruptModel.
    """
    keras_file = keras_model(model)
    _check(keras_file)
    assert model.path is not None
    keras_api = _keras(keras_file)
    with tempfile.TemporaryDirectory(prefix="inspector-") as folder:
        place = _copied(model.path, Path(folder))
        try:
            yield keras_api.models.load_model(str(place), compile=False, safe_mode=not KERAS_CODE())
        except (InspectorError, MemoryError):
            raise
        except Exception as err:  # the many ways in which Keras says that it cannot
            if keras_file.layers.misfits:
                misfit = keras_file.layers.misfits[0]
                raise CorruptModel(model.name, "weights", misfit) from err
            why = " ".join(str(err).split()).replace(folder, "") or type(err).__name__
            raise UnsupportedModel(model.name, f"keras {keras_api.__version__}", why) from err


def _check(model: KerasModel) -> None:
    layers = model.layers
    if model.path is None:
        raise UnsupportedModel(model.name, "model", "is no Keras file")
    if not layers.kind:
        why = "it holds weights only: without the layers there is nothing to build"
        raise UnsupportedModel(model.name, "file", why)
    if layers.code and not KERAS_CODE():
        use = layers.code[0]
        where = f"layer '{use.layer}'" if use.layer else "config"
        why = f"{use.kind} {use.why}; it is not built unless {KERAS_CODE.name}=1 allows it"
        raise BlockedOp(model.name, where, why)
    reader.check_weights(model)


def _keras(model: KerasModel) -> Any:
    """The Keras for a file's version. Raises: UnsupportedModel where it is not installed."""
    version = model.layers.keras_version
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's own keras.json says
    if version.partition(".")[0] not in ("0", "1", "2", ""):
        import keras

        return keras
    try:
        import tf_keras
    except ImportError as err:
        why = (
            "Keras 3 does not read files of Keras 2; the package tf_keras does: "
            "pip install 'tf-graph-inspector[keras2]'"
        )
        raise UnsupportedModel(model.name, f"keras {version or '2'}", why) from err
    return tf_keras


def _copied(path: Path, folder: Path) -> Path:
    """A copy of the file under a safe name, with a config that Keras can load."""
    if path.name == reader.CONFIG:
        place = folder / "model.keras"
        with zipfile.ZipFile(place, "w") as archive:
            for file in sorted(path.parent.rglob("*")):
                name = file.relative_to(path.parent).as_posix()
                if name == reader.CONFIG:
                    config = mended(json.loads(file.read_bytes()))
                    archive.writestr(name, json.dumps(config))
                elif file.is_file():
                    archive.write(file, name)
        return place
    import h5py

    place = folder / "model.h5"
    with h5py.File(path, "r", locking=False) as file:
        text = file.attrs["model_config"]
    config = json.loads(text)
    better = mended(config)
    if better == config:
        shutil.copyfile(path, place)  # a job can make no link
    else:
        shutil.copyfile(path, place)
        with h5py.File(place, "r+") as file:
            file.attrs["model_config"] = json.dumps(better)
    return place


def mended(config: Any) -> Any:
    """The config without parts that stop Keras from building it and do not affect predictions.

    Compile configs of nested models name losses of the author's own; numbers that TensorFlow 1
    wrote as arrays are numbers.
    """
    root: list[Any] = [config]
    todo: list[tuple[Any, Any]] = [(root, 0)]
    while todo:
        holder, key = todo.pop()
        value = holder[key]
        if isinstance(value, Mapping) and value.get("type") == "ndarray" and "value" in value:
            value = value["value"]
        if isinstance(value, Mapping):
            value = {name: item for name, item in value.items() if name != "compile_config"}
            todo += [(value, name) for name in value]
        elif isinstance(value, list):
            value = [_named(item, number) for number, item in enumerate(value)]
            todo += [(value, number) for number in range(len(value))]
        holder[key] = value
    return root[0]


def _named(entry: Any, number: int) -> Any:
    """A Sequential that is a plain list, with the name that `formats.keras_config` gives it."""
    if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), list):
        return entry
    if entry.get("class_name") != keras_config.SEQUENTIAL:
        return entry
    inner = {"name": f"layer_{number}", "layers": entry["config"]}
    return {**entry, "config": inner}
