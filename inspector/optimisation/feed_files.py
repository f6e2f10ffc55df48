"""Files of feeds for the library and the command line."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from inspector.analysis.describe import describe
from inspector.errors import BadFeed, MissingFile
from inspector.graph.tensors import Array
from inspector.model.model import Model
from inspector.optimisation import feeds


def read_feeds(path: str | PathLike[str], model: Model) -> dict[str, Array]:
    """The feeds in a file: arrays of a ``.npz`` file by key, or columns of a ``.csv`` file.

    Never unpickles. Columns go to the placeholders of the model and to the inputs of its
    signatures; see `feeds.from_csv`.

    Raises: MissingFile, BadFeed, LimitExceeded.
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        return feeds.from_npz(path, path.name)
    facts = describe(model).to_dict()
    drawn = facts.get("serving") or facts
    slots = feeds.placeholder_slots(drawn["placeholders"])
    for signature in facts["signatures"].values():
        slots += feeds.signature_slots(signature["inputs"])
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise MissingFile(path.name, "feeds", "there is no such file") from None
    except (OSError, UnicodeDecodeError) as err:
        raise BadFeed(path.name, "feeds", "is no text in UTF-8 that can be read") from err
    by_key = {slot.key: slot for slot in reversed(slots)}
    return feeds.from_csv(text, list(reversed(by_key.values())), path.name)
