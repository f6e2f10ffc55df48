"""Files of feeds that hold numbers and texts, and templates of them."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from inspector.analysis.describe import describe
from inspector.errors import BadFeed, MissingFile
from inspector.graph.tensors import Array
from inspector.model.callables import with_callables
from inspector.model.model import Model
from inspector.optimisation import feeds
from inspector.optimisation.feeding import feed_text
from inspector.optimisation.feeds import Slot


def read_feeds(
    path: str | PathLike[str], model: Model, signature: str | None = None
) -> dict[str, Array]:
    """The feeds in a file: arrays of a ``.npz``, columns of a ``.csv``, lists of a ``.json`` file.

    Never unpickles. Columns go to the placeholders of the model and to the inputs of its
    signatures, without a header to those of the given or the default signature; see
    `feeds.from_csv`. JSON is an object of key to lists, also as ``inputs`` of one,
    or a list ``instances`` of objects, one a row, as TensorFlow Serving takes them.

    Raises: MissingFile, BadFeed, LimitExceeded, UnknownSignature.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".json":
        return feed_text.from_json(_text(path), path.name)
    if suffix != ".csv":
        return feeds.from_npz(path, path.name)
    facts = describe(model).to_dict()
    drawn = facts.get("serving") or facts
    slots = feeds.placeholder_slots(drawn["placeholders"])
    for item in facts["signatures"].values():
        slots += feeds.signature_slots(item["inputs"])
    by_key = {slot.key: slot for slot in reversed(slots)}
    every = list(reversed(by_key.values()))
    return feeds.from_csv(_text(path), every, path.name, input_slots(model, signature))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingFile(path.name, "feeds", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as err:
        raise BadFeed(path.name, "feeds", "is no text in UTF-8 that can be read") from err


def input_slots(model: Model, signature: str | None = None) -> list[Slot]:
    """The inputs of a signature or of a function that has none, else the placeholders.

    Raises: UnknownSignature; FreezeError for a function that cannot be frozen.
    """
    model = with_callables(model, signature)
    facts = describe(model).to_dict()
    key = model.key(signature)
    if key in facts["signatures"]:
        return feeds.signature_slots(facts["signatures"][key]["inputs"])
    return feeds.placeholder_slots((facts.get("serving") or facts)["placeholders"])


def template(slots: list[Slot], suffix: str) -> bytes:
    """A file of feeds to fill in, ``.npz`` or ``.csv``: one row of zeros, or of words.

    Raises: BadFeed for another suffix, and where the inputs do not fit into columns.
    """
    if suffix == ".npz":
        return feed_text.npz_template(slots)
    text = feed_text.csv_template(slots) if suffix == ".csv" else None
    if text is None:
        why = "give .npz or .csv" if suffix != ".csv" else "the inputs are no columns; give .npz"
        raise BadFeed("template", suffix or "no suffix", why)
    return text.encode()
