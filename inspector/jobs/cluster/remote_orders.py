"""The order of a job as it goes to another machine, and the answer as it comes back.

Paths mean nothing there: each path that the job reads stands for files, which the other machine
puts in its own workspace, and every argument that is such a path is replaced by the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inspector.errors import InspectorError, LimitExceeded, MissingFile, from_dict
from inspector.files import paths
from inspector.jobs import protocol
from inspector.jobs.cluster import input_files, parcels
from inspector.jobs.cluster.code_digest import code_digest
from inspector.jobs.cluster.input_files import Input
from inspector.jobs.cluster.shared_store import SharedStore
from inspector.jobs.exchange import Answer
from inspector.jobs.job import Order
from inspector.jobs.requests import Limits, check_answer
from inspector.jobs.store import names
from inspector.jobs.watching import most_entries

ERROR, LACKS = "error", "lacks"
"""The fields of an answer without a result: what the job raised; inputs that could not be read."""
_LOG_CHARACTERS = 16 << 10


def inputs_of(order: Order) -> dict[str, Input]:
    """What each path that a job reads stands for. Raises: MissingFile, LimitExceeded."""
    return {path: input_files.of_path(Path(path)) for path in order.access.reads}


def parcel(order: Order, inputs: Mapping[str, Input], run: str, topic: str, url: str) -> bytes:
    """The order as bytes.

    Args:
        run: The name of the run in the store.
        topic: Where Dask hands on reports of progress.
        url: Of the shared store.
    """
    model = order.model
    value = {
        "code": code_digest(),
        "run": run,
        "topic": topic,
        "store": url,
        "kind": order.request.kind,
        "args": order.args,
        "limits": order.limits.to_dict(),
        "inputs": {path: source.to_json() for path, source in inputs.items()},
        "model": None if model is None else str(model.path),
    }
    return parcels.pack(value, order.blobs)


def with_paths(value: Any, places: Mapping[str, str]) -> Any:
    """JSON with other paths: every text that is one of these paths is replaced."""
    if isinstance(value, str):
        return places.get(value, value)
    if isinstance(value, list):
        return [with_paths(item, places) for item in value]
    if isinstance(value, dict):
        return {key: with_paths(item, places) for key, item in value.items()}
    return value


def limits_from(value: Mapping[str, Any]) -> Limits:
    """What `Limits.to_dict` gave."""
    return Limits(**value)


def answer_place(run: str) -> str:
    """Where in the store an answer lies that is too large for Dask."""
    return f"runs/{run}/answer"


def order_place(run: str) -> str:
    """Where in the store an order lies that is too large for Dask."""
    return f"runs/{run}/order"


def file_place(run: str, token: str, number: int) -> str:
    """Where in the store a file of a result lies."""
    return f"runs/{run}/{token}/{number}"


def read_answer(
    order: Order, message: object, store: SharedStore, run: str, folder: Path
) -> tuple[Answer, str] | list[str]:
    """The answer and the end of the log; or the hashes of inputs that could not be read there.

    It is checked as that of a local worker is: its type, its sizes, the names of its files.

    Args:
        folder: Empty; what the job wrote is written to it.
    Raises: what the job raised; JobFailed and WireError for an answer that breaks the rules.
    """
    limits = order.limits
    most = limits.value_bytes + limits.result_bytes
    value, blobs = parcels.unpack(parcels.receive(message, store, answer_place(run), most))
    match value:
        case {"error": dict(error)}:
            raise from_dict(error)
        case {"lacks": list(lacks)}:
            return [str(digest) for digest in lacks]
        case {"value": dict(answer), "files": list(files), "token": str(token), "log": str(log)}:
            pass
        case _:
            raise protocol.WireError("the answer has not the fields of one")
    if sum(map(len, blobs.values())) > limits.result_bytes:
        raise protocol.WireError("the answer is larger than its limit")
    check_answer(order.request, answer, blobs)
    _take_files(files, store, run, token, folder, limits.folder_bytes)
    return Answer(answer, blobs), log[-_LOG_CHARACTERS:]


def _take_files(
    files: list[Any], store: SharedStore, run: str, token: str, folder: Path, most: int
) -> None:
    """Write the files of a result. Raises: WireError; LimitExceeded; UnsupportedModel."""
    if not (len(token) == 32 and set(token) <= set("0123456789abcdef")):
        raise protocol.WireError("the token of the answer is none")
    stored = [parcels.stored_file(entry) for entry in files]
    if len(stored) > most_entries():
        raise LimitExceeded("result", "files", f"more than {most_entries():,} files")
    if sum(file.bytes for file in stored) > most:
        raise LimitExceeded("result", "files", f"more than {most:,} bytes")
    for number, file in enumerate(stored):
        path = folder / names.safe_relative(file.relative)
        if paths.exists(path):
            raise protocol.WireError("two files have the same name")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as target:
            for chunk in store.chunks(file_place(run, token, number), file):
                target.write(chunk)


def error_parcel(error: InspectorError) -> bytes:
    """The answer of a job that raised."""
    return parcels.pack({ERROR: error.to_dict()}, {})


def lacks_parcel(digests: list[str]) -> bytes:
    """The answer where inputs are not in the store, or are damaged there."""
    return parcels.pack({LACKS: digests}, {})


def damaged(kind: str) -> MissingFile:
    """The error for inputs that cannot be read though they were sent twice."""
    return MissingFile(kind, "shared store", "files that were sent to it cannot be read from it")
