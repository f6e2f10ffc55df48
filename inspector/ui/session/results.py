"""The result of the optimise job of this session, from the job's answer to the pages."""

from __future__ import annotations

import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.job import JobResult
from inspector.ui.session import job_status, leases, state
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import Hierarchy

SLOT = "optimise"


def receive() -> bool:
    """Store the result of the job once it has finished. Returns: True if there was one."""
    if (answer := job_status.finished(SLOT)) is None:
        return False
    return _adopt(answer)


def _adopt(answer: JobResult) -> bool:
    """Store a result in the session; False, with an error to show, for one that cannot be read."""
    assert answer.folder is not None
    try:
        lease = leases.lease(answer.folder)
        summary = NodeTable.from_json(answer.blobs["summary"])
        both = Hierarchy.from_json(summary, answer.blobs["hierarchy"])
    except InspectorError as err:
        job_status.fail(SLOT, err)
        return False
    optimised = state.Optimised(
        value=answer.value,
        folder=answer.folder,
        both=both,
        outputs=list(answer.value["outputs"]),
        lease=lease,
    )
    st.session_state[state.RESULT] = optimised
    st.session_state.pop(state.COMPARE_VIEW, None)
    return True
