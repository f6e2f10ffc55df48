"""Open a model in a session: a sample, an upload, or a path below the folders that are allowed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from inspector import locations
from inspector.errors import InspectorError, MissingFile, UnsupportedModel
from inspector.jobs.job import JobResult
from inspector.jobs.runner import default_runner
from inspector.jobs.workspace import ModelKey
from inspector.ui import running, state, text
from inspector.view.hierarchy import Hierarchy
from inspector.view.summary import Summary

SLOT = "open"
ROOTS_SETTING = "INSPECTOR_ROOTS"


@dataclass(frozen=True)
class Extras:
    """What comes with a model beside its files: a sample's title, rows to feed, transforms."""

    title: str = ""
    feeds: Path | None = None
    transforms: str | None = None


@st.cache_data
def samples() -> list[dict[str, Any]]:
    """The manifest of the models that come with Inspector."""
    manifest = json.loads((locations.sample_models() / "manifest.json").read_text("utf-8"))
    found: list[dict[str, Any]] = manifest["samples"]
    return found


def allowed_roots() -> list[Path]:
    """The folders below which a path may be opened: the setting, else where the app was started."""
    setting = os.environ.get(ROOTS_SETTING, "")
    roots = [Path(part) for part in setting.split(os.pathsep) if part] or [Path.cwd()]
    return [root.expanduser().resolve() for root in roots]


def open_sample(sample: dict[str, Any]) -> None:
    """Start to open one of the samples."""
    folder = locations.sample_models()
    feeds = folder / sample["feeds"] if sample.get("feeds") else None
    source = default_runner().workspace.add_folder(folder / sample["path"])
    transforms = sample.get("try", {}).get("transforms")
    _start(source, Extras(sample["title"], feeds, transforms))


def open_upload(uploaded: Sequence[UploadedFile], *, folder: bool) -> None:
    """Start to open uploaded files: one file, or the files of one folder with relative names."""
    workspace = default_runner().workspace
    if not folder:
        _start(workspace.add_file(uploaded[0], Path(uploaded[0].name).name))
        return
    parts = [file.name.replace("\\", "/").partition("/") for file in uploaded]
    shared = len({part[0] for part in parts}) == 1 and all(part[2] for part in parts)
    names = [part[2] if shared else "".join(part) for part in parts]
    title = parts[0][0] if shared else "uploaded_model"
    _start(workspace.add_files(zip(names, uploaded, strict=True), title))


def open_path(typed: str, *, trusted: bool = False) -> None:
    """Start to open a path of the server.

    Args:
        trusted: The operator named it on the command line, so it may lie anywhere.

    Raises: MissingFile; UnsupportedModel outside of the allowed folders. Both read the same for
        what exists and what does not, so that nobody can feel their way around the server.
    """
    path = Path(typed).expanduser()
    resolved = (allowed_roots()[0] / path).resolve()
    if not trusted and not any(resolved.is_relative_to(root) for root in allowed_roots()):
        why = f"only paths below the folders of {ROOTS_SETTING} may be opened"
        raise UnsupportedModel(text.shorten(path.name or "path"), "path", why)
    if not resolved.exists():
        raise MissingFile(
            text.shorten(path.name or "path"), "path", "there is no such file or folder"
        )
    _start(ModelKey(_stat_key(resolved), resolved.name, resolved, 0))


def reopen(model: state.OpenModel, tag_set: list[str]) -> None:
    """Start to open the same files with another tag-set."""
    _start(model.source, Extras(model.name, model.feeds, model.transforms), tag_set)


def adopt(answer: JobResult) -> None:
    """Take in what the job found as this session's open model."""
    key, extras = st.session_state.pop("opening")
    facts = answer.value["facts"]
    running.clear()
    summary = Summary.from_json(answer.blobs["summary"])
    state.set_model(
        state.OpenModel(
            key=f"{key.hash}:{','.join(facts['tag_set'])}",
            name=extras.title or key.name,
            source=key,
            tag_set=list(facts["tag_set"]),
            facts=facts,
            operations=pd.DataFrame(json.loads(answer.blobs["operations"])),
            summary=summary,
            hierarchy=Hierarchy.from_json(summary, answer.blobs["hierarchy"]),
            feeds=extras.feeds,
            transforms=extras.transforms,
        )
    )


def close() -> None:
    """Close the model; what still runs for it stops."""
    running.clear()
    state.close_model()


def attempt(action: Callable[..., None], *args: Any, **options: Any) -> None:
    """Run one of the functions above and the page anew, or show its error on the page."""
    try:
        action(*args, **options)
    except InspectorError as err:
        state.error(err)
    else:
        st.rerun()


def _start(key: ModelKey, extras: Extras | None = None, tag_set: list[str] | None = None) -> None:
    extras = extras or Extras()
    st.session_state["opening"] = (key, extras)
    title = text.escape(extras.title or key.name, 60)
    running.start(SLOT, "open", {"tag_set": tag_set}, key, f"Opening {title}")


def _stat_key(path: Path) -> str:
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files[:10_000]]
    return hashlib.sha256(repr(stats).encode()).hexdigest()
