"""Open a model in a session: a sample, an upload, a URL, or a path below the allowed folders."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import streamlit as st

from inspector import locations, settings
from inspector.errors import CorruptModel, InspectorError
from inspector.files.paths import is_url
from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.job import JobResult
from inspector.jobs.store.workspace import ModelKey
from inspector.jobs.tasks import fetch
from inspector.ui.server import early_openings, model_links, server_paths
from inspector.ui.server.model_links import ModelLink
from inspector.ui.session import inbox, job_status, leases, recent, state
from inspector.ui.widgets import text
from inspector.view.layout import layout
from inspector.view.state import actions
from inspector.view.tree.hierarchy import Hierarchy

SLOT, FETCH = "open", "fetch"
PENDING = "pending_open"
"""Session key of the model that is being opened: key, extras, lease."""
_START_HANDLED = "start_model_handled"
_fetched_models: dict[Path, str] = {}
"""Folder of a fetch job to the hash of the model that was stored from it."""
_fetched_lock = threading.Lock()


@dataclass(frozen=True)
class Extras:
    """What comes with a model beside its files: a title, rows to feed, transforms."""

    title: str = ""
    feeds: Path | None = None
    transforms: str | None = None
    page: str = "overview"
    """The page to go to once it is open."""
    ref: tuple[str, str] = ("", "")
    """How an address names the model: ``sample``, ``model``, ``path`` or ``start``, and its id."""


def open_sample(sample: dict[str, Any], choice: dict[str, Any] | None = None) -> None:
    """Start to open one of the samples."""
    folder = locations.sample_models()
    feeds = folder / sample["feeds"] if sample.get("feeds") else None
    source = model_links.sample_key(sample)
    transforms = sample.get("try", {}).get("transforms")
    ref = ("sample", str(sample["id"]))
    _start(source, Extras(sample["title"], feeds, transforms, ref=ref), choice)


def path_in_commands(model: state.OpenModel) -> str:
    """The model's path, for a command line that a person copies: no folder of the server."""
    kind, ref_id = model.ref
    if kind == "sample":
        path = next((item["path"] for item in model_links.samples() if item["id"] == ref_id), "")
        return f"{locations.sample_models().name}/{path}"
    return ref_id if kind == "path" else model.name


def feeds_in_commands(model: state.OpenModel) -> str | None:
    """The file of a sample's rows, likewise; None without one."""
    if model.feeds is None:
        return None
    root = locations.sample_models()
    return f"{root.name}/{model.feeds.relative_to(root).as_posix()}"


def open_upload(key: str) -> None:
    """Start to open the model that arrived in an uploader of the page."""
    model = inbox.take(key)
    if model is not None:
        _start_stored(model)


def open_path(
    typed: str, choice: dict[str, Any] | None = None, part: str = "", *, trusted: bool = False
) -> None:
    """Start to open a path of the server.

    Args:
        part: Of a folder or an archive that holds several models: the path of one in it.
        trusted: The operator named it on the command line, so any path is allowed.

    Raises: MissingFile, UnsupportedModel, LimitExceeded: see `server_paths`.
    """
    source = model_links.path_key(typed, part, trusted=trusted)
    ref = ("start", "1") if trusted else ("path", server_paths.relative(source.path))
    _start(source, Extras(ref=ref), choice)


def open_ref(link: ModelLink) -> None:
    """Start to open the model that an address names, as `Extras.ref` has it.

    Raises: MissingFile for a model that is gone; the errors of `open_path`.
    """
    if link.kind == "start" and (target := locations.start_model()) is not None:
        open_path(target, link.choice, link.part, trusted=True)
    elif link.kind == "path":
        open_path(link.ref_id, link.choice, link.part)
    elif link.kind == "sample" and (sample := model_links.sample(link.ref_id)) is not None:
        open_sample(sample, link.choice)
    else:
        _start_stored(model_links.source_of(link), link.choice)


def _start_stored(key: ModelKey, choice: dict[str, Any] | None = None) -> None:
    _start(key, Extras(ref=("model", key.hash)), choice)


def open_url(url: str, *, trusted: bool = False) -> None:
    """Start to fetch a URL; `open_fetched` opens the model.

    Args:
        trusted: The operator named it on the command line, so any URL is allowed.
    Raises: UnsupportedModel for a URL that this server does not fetch.
    """
    url, allowed = url.strip(), None if trusted else settings.URLS()
    fetch.check(url, allowed)
    job_status.fetch(FETCH, url, allowed, f"Fetching {text.escape(fetch.name_of(url), 60)}")


def open_made(path: Path, source: ModelKey) -> None:
    """Start to open a model that a job made from another one, in the workspace.

    Raises: MissingFile where it is not there any more.
    """
    runner = default_runner()
    stored = runner.workspace.add_folder(path)
    runner.policy.allow_derived(stored, source)
    _start_stored(stored)


def open_fetched(answer: JobResult) -> None:
    """Move a fetched model into the workspace and start to open it."""
    assert answer.folder is not None
    workspace = default_runner().workspace
    with _fetched_lock:  # sessions that fetch the same URL share one job and its folder
        stored = workspace.model(_fetched_models.get(answer.folder, "0"))
        if stored is None:
            stored = workspace.add_folder(answer.folder / answer.value["name"])
            workspace.discard(answer.folder)
            _fetched_models[answer.folder] = stored.hash
    _start_stored(stored)


def open_start_once() -> None:
    """Start to open the model of the command line, once per session."""
    target = locations.start_model()
    if target is not None and _START_HANDLED not in st.session_state:
        skip_start()
        attempt(_open_start, target)


def skip_start() -> None:
    """Do not open the model of the command line in this session: a link takes precedence."""
    st.session_state[_START_HANDLED] = True


def _open_start(target: str) -> None:
    if is_url(target):
        open_url(target, trusted=True)
    else:
        open_path(target, trusted=True)


def open_part(part: str) -> None:
    """Start to open one of the models that were found in place of one, see `job_status.parts`."""
    extras: Extras = st.session_state[PENDING][1]
    kind, ref_id = extras.ref
    open_ref(ModelLink(kind, ref_id, part, {}))


def switch_part(model: state.OpenModel, part: str) -> None:
    """Start to open another model of the same folder or archive; the Open page shows its error."""
    kind, ref_id = model.ref
    try:
        open_ref(ModelLink(kind, ref_id, part, {}))
    except InspectorError as err:
        job_status.fail(SLOT, err)


def reopen(model: state.OpenModel, choice: dict[str, Any], page: str) -> None:
    """Start to open the same files with another tag-set or signature.

    Args:
        choice: ``tag_set`` and ``signature``, as in `OpenModel.graph_choice`.
        page: The page to come back to.
    """
    extras = Extras(model.name, model.feeds, model.transforms, page, model.ref)
    _start(model.source, extras, choice)


def adopt(answer: JobResult) -> str | None:
    """Make the job's answer this session's open model.

    Returns: The page to go to; None, with an error to show, for a malformed answer.
    """
    key, extras, lease = st.session_state.pop(PENDING)
    facts, signature = answer.value["facts"], answer.value["signature"]
    job_status.clear()
    try:
        summary, tree = early_openings.tables(answer)
    except CorruptModel as err:
        job_status.fail(SLOT, err)
        return None
    opened = state.OpenModel(
        key=f"{key.hash}:{key.part}:{','.join(facts['tag_set'])}:{signature}",
        name=extras.title or _name_of(key),
        source=key,
        tag_set=list(facts["tag_set"]),
        signature=signature,
        facts=facts,
        contents=answer.value["contents"],
        beside=answer.blobs["operations"],
        summary=summary,
        hierarchy=tree,
        feeds=extras.feeds,
        transforms=extras.transforms,
        ref=extras.ref,
        lease=lease,
    )
    state.set_model(opened)
    recent.remember(opened)
    return f"pages/{extras.page}.py"


def _name_of(key: ModelKey) -> str:
    """The model's name; of several in one archive the path that a command line takes."""
    return f"{key.name}/{key.part}" if key.part else key.name


def go_to(page: str) -> NoReturn:
    """Show a page of the open model; a thread lays out its first picture meanwhile."""
    model = state.model()
    if model is not None:
        lay_out = threading.Thread(
            target=_lay_out_first, args=(model.hierarchy,), name="first picture", daemon=True
        )
        lay_out.start()
    st.switch_page(page)


def _lay_out_first(tree: Hierarchy) -> None:
    with contextlib.suppress(InspectorError):  # the Graph page reports it
        layout.picture_of(tree, actions.first(tree).opened)


def close() -> None:
    """Close the model and cancel its jobs."""
    job_status.clear()
    state.close_model()


def attempt(action: Callable[..., None], *args: Any, **options: Any) -> None:
    """Run one of the functions above, store its error for the page, and rerun the page."""
    for slot in (SLOT, FETCH):
        job_status.forget(slot)
    try:
        action(*args, **options)
    except InspectorError as err:
        job_status.fail(SLOT, err)
    st.rerun()


def _start(
    key: ModelKey, extras: Extras | None = None, choice: dict[str, Any] | None = None
) -> None:
    extras = extras or Extras()
    try:
        st.session_state[PENDING] = (key, extras, leases.lease(key.path))
    except InspectorError as err:
        job_status.fail(SLOT, err)
        return
    kind, ref_id = extras.ref
    named = {kind: ref_id} | ({model_links.PART: key.part} if key.part else {})
    if kind and any(
        st.query_params.get(param, "") != named.get(param, "") for param in (kind, model_links.PART)
    ):
        st.query_params.from_dict(named)  # so that a reload finds the job that opens it
    title = text.escape(extras.title or _name_of(key), 60)
    choice = {"tag_set": None, "signature": None, **(choice or {})}
    job_status.start(SLOT, "open", choice, key, f"Opening {title}")
