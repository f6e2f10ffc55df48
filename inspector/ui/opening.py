"""Open a model in a session: a sample, an upload, or a path below the folders that are allowed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from inspector import locations, server_paths, settings
from inspector.errors import InspectorError, MissingFile
from inspector.jobs import fetching
from inspector.jobs.job import JobResult
from inspector.jobs.runner import default_runner
from inspector.jobs.workspace import ModelKey
from inspector.paths import is_url
from inspector.ui import running, state, text
from inspector.view import actions, layout
from inspector.view.hierarchy import Hierarchy
from inspector.view.summary import Summary

SLOT, FETCH = "open", "fetch"
_HASH = re.compile("[0-9a-f]{64}").fullmatch


@dataclass(frozen=True)
class Extras:
    """What comes with a model beside its files: a sample's title, rows to feed, transforms."""

    title: str = ""
    feeds: Path | None = None
    transforms: str | None = None
    page: str = "overview"
    """Where to go when it is open."""
    ref: tuple[str, str] = ("", "")
    """How an address names the model: ``sample``, ``model``, ``path`` or ``start``, and which."""


@st.cache_data
def samples() -> list[dict[str, Any]]:
    """The manifest of the models that come with Inspector."""
    manifest = json.loads((locations.sample_models() / "manifest.json").read_text("utf-8"))
    found: list[dict[str, Any]] = manifest["samples"]
    return found


def open_sample(sample: dict[str, Any], meant: dict[str, Any] | None = None) -> None:
    """Start to open one of the samples."""
    folder = locations.sample_models()
    feeds = folder / sample["feeds"] if sample.get("feeds") else None
    source = default_runner().workspace.add_folder(folder / sample["path"])
    transforms = sample.get("try", {}).get("transforms")
    ref = ("sample", str(sample["id"]))
    _start(source, Extras(sample["title"], feeds, transforms, ref=ref), meant)


def open_upload(uploaded: Sequence[UploadedFile], *, folder: bool) -> None:
    """Start to open uploaded files: one file, or the files of one folder with relative names."""
    workspace = default_runner().workspace
    if not folder:
        _start_kept(workspace.add_file(uploaded[0], Path(uploaded[0].name).name))
        return
    parts = [file.name.replace("\\", "/").partition("/") for file in uploaded]
    shared = len({part[0] for part in parts}) == 1 and all(part[2] for part in parts)
    names = [part[2] if shared else "".join(part) for part in parts]
    title = parts[0][0] if shared else "uploaded_model"
    _start_kept(workspace.add_files(zip(names, uploaded, strict=True), title))


def open_path(typed: str, meant: dict[str, Any] | None = None, *, trusted: bool = False) -> None:
    """Start to open a path of the server.

    Args:
        trusted: The operator named it on the command line, so it may lie anywhere.

    Raises: MissingFile, UnsupportedModel, LimitExceeded: see `server_paths`.
    """
    path = Path(typed).expanduser().resolve() if trusted else server_paths.resolve(typed)
    files = server_paths.check(path, trusted=trusted)
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in sorted(files)]
    key = hashlib.sha256(repr(stats).encode()).hexdigest()
    ref = ("start", "1") if trusted else ("path", typed)
    _start(
        ModelKey(key, path.name, path, sum(size for _, size, _ in stats)), Extras(ref=ref), meant
    )


def open_ref(kind: str, which: str, meant: dict[str, Any]) -> None:
    """Start to open the model that an address names, as `Extras.ref` has it.

    Args:
        meant: ``tag_set`` and ``signature``, as in `OpenModel.meant`.
    Raises: MissingFile for what is no more there; what `open_path` raises.
    """
    start = locations.start_model()
    sample = next((item for item in samples() if item["id"] == which), None)
    kept = default_runner().workspace.model(which) if kind == "model" and _HASH(which) else None
    if kind == "sample" and sample is not None:
        open_sample(sample, meant)
    elif kind == "start" and start is not None:
        open_path(start, meant, trusted=True)
    elif kind == "path":
        open_path(which, meant)
    elif kept is not None:
        _start_kept(kept, meant)
    else:
        why = "the model of this link is not on this server any more: open it anew"
        raise MissingFile("link", text.shorten(which, 24), why)


def _start_kept(key: ModelKey, meant: dict[str, Any] | None = None) -> None:
    _start(key, Extras(ref=("model", key.hash)), meant)


def open_url(url: str, *, trusted: bool = False) -> None:
    """Start to fetch a URL; `fetched` opens what came.

    Args:
        trusted: The operator named it on the command line, so it may be any.
    Raises: UnsupportedModel for a URL that this server does not fetch.
    """
    url, allowed = url.strip(), None if trusted else settings.URLS()
    fetching.check(url, allowed)
    running.fetch(FETCH, url, allowed, f"Fetching {text.escape(fetching.name_of(url), 60)}")


def fetched(answer: JobResult) -> None:
    """Take what was fetched into the workspace, and start to open it."""
    assert answer.folder is not None
    place = answer.folder / answer.value["name"]
    _start_kept(default_runner().workspace.add_folder(place))
    default_runner().workspace.discard(answer.folder)


def open_start(named: str) -> None:
    """Start to open the model that the operator named on the command line."""
    if is_url(named):
        open_url(named, trusted=True)
    else:
        open_path(named, trusted=True)


def reopen(model: state.OpenModel, meant: dict[str, Any], page: str) -> None:
    """Start to open the same files with another tag-set or signature.

    Args:
        meant: ``tag_set`` and ``signature``, as in `OpenModel.meant`.
        page: The page to come back to.
    """
    extras = Extras(model.name, model.feeds, model.transforms, page, model.ref)
    _start(model.source, extras, meant)


def adopt(answer: JobResult) -> str:
    """Take in what the job found as this session's open model; gives the page to go to."""
    key, extras = st.session_state.pop("opening")
    facts, signature = answer.value["facts"], answer.value["signature"]
    running.clear()
    summary = Summary.from_json(answer.blobs["summary"])
    tree = Hierarchy.from_json(summary, answer.blobs["hierarchy"])
    state.set_model(
        state.OpenModel(
            key=f"{key.hash}:{','.join(facts['tag_set'])}:{signature}",
            name=extras.title or key.name,
            source=key,
            tag_set=list(facts["tag_set"]),
            signature=signature,
            facts=facts,
            contents=answer.value["contents"],
            columns=answer.blobs["operations"],
            summary=summary,
            hierarchy=tree,
            feeds=extras.feeds,
            transforms=extras.transforms,
            ref=extras.ref,
        )
    )
    return f"pages/{extras.page}.py"


def lay_out_ahead(tree: Hierarchy) -> None:
    """Make the first picture while another page is read; it is kept with the other layouts."""
    threading.Thread(target=_lay_out, args=(tree,), name="first picture", daemon=True).start()


def _lay_out(tree: Hierarchy) -> None:
    with contextlib.suppress(InspectorError):  # the Graph page tells it
        layout.picture_of(tree, actions.first(tree).opened)


def close() -> None:
    """Close the model; what still runs for it stops."""
    running.clear()
    state.close_model()


def attempt(action: Callable[..., None], *args: Any, **options: Any) -> None:
    """Run one of the functions above, and the page anew, which shows the last error if any."""
    for slot in (SLOT, FETCH):
        running.forget(slot)
    try:
        action(*args, **options)
    except InspectorError as err:
        running.fail(SLOT, err)
    st.rerun()


def _start(
    key: ModelKey, extras: Extras | None = None, meant: dict[str, Any] | None = None
) -> None:
    extras = extras or Extras()
    st.session_state["opening"] = (key, extras)
    title = text.escape(extras.title or key.name, 60)
    running.start(SLOT, "open", meant or {"tag_set": None}, key, f"Opening {title}")
