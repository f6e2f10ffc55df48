"""The result of the optimise job of this session, from the job's answer to the pages."""

from __future__ import annotations

from typing import Any

import streamlit as st

from inspector.errors import InspectorError
from inspector.jobs.job import JobResult
from inspector.optimisation.optimise_options import OptimiseJson
from inspector.ui.session import job_status, leases, result_links, state
from inspector.ui.session.job_links import LinkedJob
from inspector.view.table.node_table import NodeTable
from inspector.view.tree.hierarchy import Hierarchy

SLOT, KIND = "optimise", "optimise"


def receive() -> bool:
    """Store the result of the job once it has finished. Returns: True if there was one."""
    linked: LinkedJob | None = st.session_state.get(f"job:{SLOT}")
    if linked is None or (answer := job_status.finished(SLOT)) is None:
        return False
    model, run = state.model(), linked.job.run
    options: OptimiseJson | None = run.order.args.get("options")
    result = _adopt(answer, options)
    if result is None or model is None:
        return False
    if run.kind != KIND or options is None:
        return True  # a TFLite model: the address keeps its job
    result.link = result_links.keep(model, options, result.folder)
    if result.link:
        job_status.forget(SLOT)  # the address holds the link in place of the job
    return True


def follow(model: state.OpenModel, link: str) -> bool:
    """Store the result of a link; False, and `state.LOST_RESULT` set, where it is gone."""
    linked = result_links.find(model, link)
    result = None
    if linked is not None:
        stored = linked.answer
        result = _adopt(JobResult(stored.value, stored.blobs, stored.folder), linked.options)
    if result is None:
        st.session_state[state.LOST_RESULT] = True
        return False
    result.link, result.is_linked = link, True
    return True


def keep_measurement(
    result: state.Optimised, slot: str, kind: str, what: str, value: dict[str, Any]
) -> None:
    """Keep a job's answer with the result that it measured; the address finds it there.

    Args:
        slot: The slot of the job that has finished.
        kind: The kind of the job.
        what: What was measured; it replaces what was measured of the same name before.
    """
    if key := result_links.keep_measurement(result.folder, kind, value):
        result.measured[what] = key
        job_status.forget(slot)  # the address holds the key in place of the job


def _adopt(answer: JobResult, options: OptimiseJson | None) -> state.Optimised | None:
    """Store a result in the session; None, with an error to show, for one that cannot be read."""
    assert answer.folder is not None
    try:
        lease = leases.lease(answer.folder)
        summary = NodeTable.from_json(answer.blobs["summary"])
        both = Hierarchy.from_json(summary, answer.blobs["hierarchy"])
    except InspectorError as err:
        job_status.fail(SLOT, err)
        return None
    optimised = state.Optimised(
        value=answer.value,
        folder=answer.folder,
        both=both,
        outputs=list(answer.value["outputs"]),
        lease=lease,
        options=options,
    )
    st.session_state[state.RESULT] = optimised
    st.session_state.pop(state.COMPARE_VIEW, None)
    st.session_state.pop(state.LOST_RESULT, None)
    return optimised
