"""Files of feeds for the library and the command line; pictures are decoded in a worker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path

from inspector.analysis import class_names, class_scores
from inspector.errors import BadFeed, LimitExceeded, MissingFile
from inspector.graph.tensors import Array
from inspector.jobs import packing
from inspector.jobs.client.ask import Deadline, Terms, ask
from inspector.jobs.tasks.picture_types import PicturesArgs
from inspector.model.model import Model
from inspector.optimisation import feed_files
from inspector.optimisation.feed_source import picture_blob
from inspector.optimisation.feeding import feed_images
from inspector.optimisation.feeds import Slot

MOST_BYTES = 256 << 20
"""Of one picture file."""


def read_feeds(
    path: str | PathLike[str],
    model: Model,
    *,
    signature: str | None = None,
    fit: str = "stretch",
    scale: str | None = None,
    timeout: float | None = None,
) -> dict[str, Array]:
    """The feeds in a file: ``.npz``, ``.csv``, ``.json``, or a picture (``.png``, ``.jpg``).

    A picture goes to the one input that takes pictures, and is decoded in a worker.

    Args:
        path: The keys in it are inputs of a signature, tensors or nodes.
        signature: Whose inputs; by default those of the default signature.
        fit: How a picture gets the input's size: ``stretch``, ``crop`` or ``pad``.
        scale: What its pixels become: ``unit`` (0 to 1), ``symmetric`` (-1 to 1), ``raw`` (0 to
            255), or as Keras names them ``torch`` or ``caffe``; by default ``unit`` for floats.
        timeout: Seconds for decoding.
    Returns: Key to array, as `predict` takes it.
    Raises: MissingFile, BadFeed, LimitExceeded, UnknownSignature, FreezeError for a function that
        cannot be frozen, JobError.
    """
    path = Path(path)
    if path.suffix.lower() not in feed_images.SUFFIXES:
        return feed_files.read_feeds(path, model, signature)
    slot = _picture_slot(feed_files.input_slots(model, signature), path.name)
    try:
        if path.stat().st_size > MOST_BYTES:
            why = f"is larger than {MOST_BYTES >> 20} MiB"
            raise LimitExceeded(path.name, "picture", why)
        data = path.read_bytes()
    except FileNotFoundError:
        raise MissingFile(path.name, "feeds", "there is no such file") from None
    args: PicturesArgs = {
        "key": slot.key,
        "dtype": slot.dtype,
        "shape": [] if slot.shape is None else list(slot.shape),
        "pictures": {"names": [path.name], "fit": fit, "scale": scale},
    }
    terms = Terms(Deadline.after(timeout))
    answer = ask("pictures", args, blobs={picture_blob(0, 0): data}, terms=terms)
    return packing.unpack(answer.blobs["feeds"])


def feed_template(model: Model, suffix: str, signature: str | None = None) -> bytes:
    """The bytes of a file of feeds to fill in: one row of zeros for each input.

    Args:
        signature: As in `read_feeds`.
        suffix: ``.npz`` or ``.csv``.
    Raises: BadFeed for another suffix, and where the inputs do not fit into columns.
    """
    return feed_files.template(feed_files.input_slots(model, signature), suffix)


def top_classes(
    model: Model, outputs: Mapping[str, Array], names: str | PathLike[str] | None = None
) -> dict[str, list[str]]:
    """The likeliest class of each row, for outputs that are scores of classes.

    Args:
        outputs: Those of a `Prediction`.
        names: A file with a name per line; by default the names that the model carries.
    Returns: Output to a name, or a number, for each row.
    Raises: MissingFile, BadFeed.
    """
    listed = () if names is None else class_names.read_class_names(Path(names))
    return class_scores.winners(model, outputs, listed)


def _picture_slot(slots: Iterable[Slot], name: str) -> Slot:
    slots = list(slots)
    taking = [slot for slot in slots if feed_images.takes_pictures(slot.dtype, slot.shape)]
    if len(taking) == 1:
        return taking[0]
    listed = "; ".join(str(slot) for slot in (taking or slots)[:12])
    why = "several inputs take pictures" if taking else "no input takes pictures"
    raise BadFeed(name, "feeds", f"{why}; give an .npz file. The model needs {listed}")
