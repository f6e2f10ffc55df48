"""Leases of workspace entries that end with the browser session that uses them."""

from __future__ import annotations

from pathlib import Path

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from inspector.jobs.client.default_runner import default_runner
from inspector.jobs.store.entries import Lease


def lease(path: Path) -> Lease | None:
    """Protect a workspace entry from eviction while the Lease exists and its browser is connected.

    Streamlit keeps a disconnected session for minutes; its leases do not count when the workspace
    needs room.

    Returns: None for a path outside of the workspace.
    Raises: MissingFile for a removed entry; WorkspaceError.
    """
    context = get_script_run_ctx()
    session = context.session_id if context is not None else ""

    def is_needed() -> bool:
        return not runtime.exists() or runtime.get_instance().is_active_session(session)

    return default_runner().workspace.lease(path, is_needed)
