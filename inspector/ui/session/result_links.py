"""Results by a short id, so that an address leads to them in any session, also after a restart.

The workspace keeps the answer of an optimise job. A link to it is an entry of its own, of a few
hundred bytes: the model, what was asked, and the key of the answer. Its id is a hash of these, so
an entry that a job wrote is never taken for a link, and a link to the result of another model is
refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from inspector.errors import InspectorError
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.request_types import OptimiseAnswer
from inspector.jobs.requests import REQUESTS
from inspector.jobs.store.answers import StoredResult
from inspector.jobs.typed_json import mismatch
from inspector.optimisation.optimise_options import OptimiseJson
from inspector.ui.session import state

_KIND, _MEASURED = "link to a result", "measured of a result:"
_VERSION = "1"
_MAX_BYTES = 64 << 20
_KEY_LENGTH = 64


@dataclass(frozen=True)
class LinkedResult:
    """What a link leads to."""

    options: OptimiseJson
    """What was asked of the job."""
    answer: StoredResult


def result_key(folder: Path) -> str:
    """The key in the workspace of the result whose files are in `folder`."""
    return folder.parent.name


def keep(model: state.OpenModel, options: OptimiseJson, folder: Path) -> str:
    """Store a link to a result. Returns: Its id; empty where the workspace has no room for it."""
    content = {
        "model": _model_of(model),
        "choice": model.graph_choice,
        "options": options,
        "result": result_key(folder),
    }
    link_id = _id_of(content)
    return link_id if _keep(link_id, content) else ""


def find(model: state.OpenModel, link_id: str) -> LinkedResult | None:
    """The result of this link; None for one that is gone, of another model, or no link at all."""
    content = _stored(link_id)
    if content is None or _id_of(content) != link_id:
        return None
    if (content["model"], content["choice"]) != (_model_of(model), model.graph_choice):
        return None
    answer = default_runner().workspace.result(content["result"])
    if answer is None or answer.folder is None or mismatch(answer.value, OptimiseAnswer):
        return None
    if not REQUESTS["optimise"].blobs <= answer.blobs.keys():
        return None
    return LinkedResult(cast(OptimiseJson, content["options"]), answer)


def _model_of(model: state.OpenModel) -> str:
    """The content of the model's files, and which of the models in them is meant."""
    return "/".join(filter(None, (model.source.hash, model.source.part)))


def keep_measurement(folder: Path, kind: str, value: dict[str, Any]) -> str:
    """Store what a job has measured of a result. Returns: Its id; empty where there is no room.

    Args:
        kind: The kind of the job, e.g. ``compare``.
    """
    key = _measurement_key(folder, kind, value)
    return key if _keep(key, value) else ""


def measurement(folder: Path, kind: str, key: str) -> dict[str, Any] | None:
    """What `keep_measurement` stored of this result under this id, in any session; None without."""
    value = _stored(key)
    if value is None or _measurement_key(folder, kind, value) != key:
        return None
    answer_type = REQUESTS[kind].answer
    return value if answer_type is None or mismatch(value, answer_type) is None else None


def _measurement_key(folder: Path, kind: str, value: dict[str, Any]) -> str:
    content = json.loads(json.dumps(value))  # a tuple is a list once it was stored
    workspace = default_runner().workspace
    return workspace.result_key(result_key(folder), f"{_MEASURED} {kind}", content, _VERSION)


def _id_of(content: dict[str, Any]) -> str:
    content = json.loads(json.dumps(content))  # a tuple is a list once it was stored
    return default_runner().workspace.result_key("", _KIND, content, _VERSION)


def _keep(key: str, value: dict[str, Any]) -> bool:
    workspace = default_runner().workspace
    if workspace.result(key) is not None:
        return True
    try:
        files = workspace.new_result()
        workspace.keep_result(files, key, value, {}, _MAX_BYTES)
    except InspectorError:  # the page goes on; it has no link
        return False
    return workspace.result(key) is not None


def _stored(key: str) -> dict[str, Any] | None:
    if len(key) != _KEY_LENGTH or not set(key) <= set("0123456789abcdef"):
        return None
    stored = default_runner().workspace.result(key)
    return None if stored is None else stored.value
