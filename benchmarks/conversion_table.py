"""Which models become TFLite models, by signature: ours, and TensorFlow's converter on the file.

    python -m benchmarks.conversion_table [FOLDER ..]

By default the samples and the corpus of the tests. Every result runs in LiteRT and is compared with
TensorFlow on random rows; *agrees* is a difference of at most 1e-5 of the largest value. Where a
loop needs a fixed batch, ours is converted again with one. TensorFlow's converter reads the
original SavedModel or Keras file, in a process of its own.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import inspector
from inspector.errors import InspectorError
from inspector.graph import tensors
from inspector.model import signatures
from inspector.model.model import Model, Runtime
from inspector.model.signatures import serving_keys
from inspector.optimisation import check_feeds, feeds
from inspector.optimisation.feeds import Slot
from inspector.optimisation.tflite.lite_preparation import Ends

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT / "sample_models", ROOT / "tests" / "models")
NEAR = 1e-5
BATCH = 2
_FILES = (".pb", ".pbtxt", ".h5", ".hdf5", ".keras", ".meta")


@dataclass
class Result:
    """What came of one conversion.

    Attributes:
        why: What was raised; empty for a file.
        difference: Of the largest value of an output; None where it could not be compared.
        note: What else there is to say.
    """

    why: str = ""
    difference: float | None = None
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether there is a file, which runs and agrees."""
        return not self.why and self.difference is not None and self.difference <= NEAR

    def __str__(self) -> str:
        if self.why:
            return f"no: {self.why}"
        apart = "not compared" if self.difference is None else f"{self.difference:.0e}"
        return f"{'yes' if self.agrees else 'DIFFERS'}, {apart}{self.note}"


def main(places: list[str]) -> None:
    import tensorflow as tf  # before the forks, so that each does not import it again

    assert tf
    counts: Counter[str] = Counter()
    for path in _models([Path(place) for place in places] or list(PLACES)):
        try:
            model = inspector.open_model(path)
            rows = list(_rows(model, path))
        except InspectorError as err:
            print(f"| {_name(path)} | | does not open: {err} | |", flush=True)
            continue
        for key, frozen, theirs in rows:
            ours = Result(why=f"does not freeze: {frozen}")
            if isinstance(frozen, Model):
                ours = _ours(frozen)
                counts["freeze"] += 1
                counts["ours"] += ours.agrees
            counts["endpoints"] += 1
            counts["theirs"] += theirs is not None and theirs.agrees
            counts["theirs of"] += theirs is not None
            print(f"| {_name(path)} | {key} | {ours} | {theirs or '–'} |", flush=True)
    print(dict(counts))


def _rows(model: Model, path: Path) -> Iterator[tuple[str, Model | str, Result | None]]:
    """Signature, what freezes of it or why not, and TensorFlow's own conversion of the file."""
    if model.runs_with is Runtime.LITERT:
        return
    suggested = inspector.describe(model).to_dict()["suggested_outputs"][:1]
    named = [item["name"] for item in suggested] if not model.signatures else None
    for key in serving_keys(model.signatures) or [""]:
        frozen: Model | str
        try:
            frozen = inspector.optimise(
                model, outputs=named, transforms="", signature=key or None
            ).model
        except InspectorError as err:
            frozen = str(err)
        theirs = None
        if model.format in ("SavedModel", "Keras") and (key or model.format == "Keras"):
            data = _forked(lambda key=key: _converted(model, path, key))  # type: ignore[misc]
            theirs = data if isinstance(data, Result) else None
            if isinstance(data, bytes):
                theirs = _compared(data, frozen) if isinstance(frozen, Model) else Result()
        yield key, frozen, theirs


def _ours(frozen: Model) -> Result:
    try:
        return _compare(frozen, inspector.convert(frozen))
    except InspectorError as err:
        why = str(err).removeprefix(f"{frozen.name}: ")
    if "fix the batch" in why:
        try:
            lite = inspector.convert(frozen, batch=BATCH)
        except InspectorError as err:
            return Result(why=str(err))
        done = _compare(frozen, lite)
        done.note = f", batch {BATCH}"
        return done
    return Result(why=why)


def _compared(data: bytes, frozen: Model) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.tflite"
        path.write_bytes(data)
        try:
            return _compare(frozen, inspector.open_model(path))
        except InspectorError as err:
            return Result(why=f"the file does not open: {err}")


def _compare(frozen: Model, lite: Model) -> Result:
    """Both on the same rows: those that fit the graph, and zeros where it does not take them."""
    ((key, signature), *_others) = frozen.signatures.items()
    ends = Ends.of(key, signature)
    fetches = list(ends.outputs.values())
    result = Result()
    for values in _rows_for(frozen, ends):
        try:
            expected = inspector.predict(frozen, values, fetches=fetches).outputs
            lite_key = key if key in lite.signatures else next(iter(lite.signatures), None)
            inputs = {} if lite_key is None else lite.signatures[lite_key].inputs
            pairs = _paired(inputs, ends.inputs)
            fed = {name: values[tensor] for name, tensor in pairs.items()}
            answers = inspector.predict(lite, fed, signature=lite_key).outputs
        except InspectorError as err:
            result = Result(note=f": {err}")
            continue
        outputs = _paired(answers, ends.outputs)
        if outputs.keys() != answers.keys():
            return Result(note=", other names")
        apart = [_apart(answers[name], expected[tensor]) for name, tensor in outputs.items()]
        return Result(difference=max(apart, default=0.0))
    return result


def _paired(names: Iterable[str], tensors: Mapping[str, str]) -> dict[str, str]:
    """Name in a file to our tensor; one that is alone has any name."""
    listed = list(names)
    if len(listed) == len(tensors) == 1:
        return dict(zip(listed, tensors.values(), strict=True))
    return {name: tensors[name] for name in listed if name in tensors}


def _rows_for(frozen: Model, ends: Ends) -> Iterator[dict[str, Any]]:
    """Tensor name to values for every input."""
    every: list[Slot] = []
    for tensor in ends.inputs.values():
        info = signatures.tensor_info(frozen.graph, tensor)
        if info is not None:
            shape = tensors.shape_of(info.tensor_shape)
            every.append(Slot(tensor, tensors.dtype_name(info.dtype), shape))
    plain = feeds.random_feeds(every, BATCH)
    slots = check_feeds.slots_to_feed(frozen.graph, ends.inputs.values(), ends.outputs.values())
    yield plain | feeds.random_feeds(slots.values(), BATCH)
    yield {
        name: np.zeros_like(value) if value.dtype.kind in "iu" else value
        for name, value in plain.items()
    }


def _apart(a: Any, b: Any) -> float:
    if a.shape != b.shape:
        return float("inf")
    if a.dtype.kind not in "fc":
        return 0.0 if [str(x) for x in a.flat] == [str(x) for x in b.flat] else float("inf")
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return float("inf")
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    return float(np.abs(a - b).max(initial=0.0) / max(np.abs(b).max(initial=0.0), 1e-30))


def _forked(work: Callable[[], bytes]) -> bytes | Result:
    """The bytes of a piece of work in a child of this process, or how it ended."""
    with tempfile.TemporaryDirectory() as folder:
        good, bad = Path(folder) / "file", Path(folder) / "error"
        child = os.fork()
        if child == 0:
            with Path(os.devnull).open("w") as nowhere:
                os.dup2(nowhere.fileno(), 1)
                os.dup2(nowhere.fileno(), 2)
            try:
                good.write_bytes(work())
            except BaseException as err:
                lines = [line for line in str(err).splitlines() if line.strip()]
                bad.write_text(f"{type(err).__name__}: {(lines or [''])[0]}"[:150])
            os._exit(0)
        _pid, status = os.waitpid(child, 0)
        with contextlib.suppress(FileNotFoundError):
            return good.read_bytes()
        return Result(why=bad.read_text() if bad.is_file() else f"signal {status & 127}")


def _converted(model: Model, path: Path, key: str) -> bytes:
    """The original file by TensorFlow's converter."""
    import tensorflow as tf

    if model.format == "Keras":
        import keras
        import tf_keras

        try:
            loaded = keras.models.load_model(path, compile=False)
        except Exception:  # it is of Keras 2
            loaded = tf_keras.models.load_model(path, compile=False)
        converter = tf.lite.TFLiteConverter.from_keras_model(loaded)
    else:
        folder = path if path.is_dir() else path.parent
        converter = tf.lite.TFLiteConverter.from_saved_model(
            str(folder), signature_keys=[key], tags=set(model.tag_set)
        )
    data: bytes = converter.convert()
    return data


def _models(places: list[Path]) -> Iterator[Path]:
    """Folders of SavedModels, and files of other formats outside them."""
    for place in places:
        if (place / "saved_model.pb").is_file() or (place / "saved_model.pbtxt").is_file():
            yield place
        elif place.is_dir() and place.name not in ("hostile", "training", "__pycache__"):
            yield from _models(sorted(place.iterdir()))
        elif place.suffix in _FILES or place.name.endswith(".index"):
            yield place.with_suffix("") if place.suffix == ".index" else place


def _name(path: Path) -> str:
    return "/".join(path.parts[-3:])


if __name__ == "__main__":
    main(sys.argv[1:])
