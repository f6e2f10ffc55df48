"""How a page ends early: a click in a fragment that arrives before the end is answered."""

from __future__ import annotations

import ast
from types import SimpleNamespace

import pytest
from streamlit.commands import execution_control
from streamlit.runtime.scriptrunner import StopException
from streamlit.runtime.scriptrunner_utils.script_requests import (
    RerunData,
    ScriptRequests,
    ScriptRequestType,
)

from inspector.ui.session import page_end
from tests.test_rooms import ROOT

SIGN_IN = "inspector/ui/server/sign_in.py"
"""Its page has no fragments, and it lies below the module of `end_page`."""


def test_a_click_in_a_fragment_before_the_end_is_still_pending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = ScriptRequests()
    context = SimpleNamespace(script_requests=requests)
    monkeypatch.setattr(execution_control, "get_script_run_ctx", lambda: context)
    requests.request_rerun(RerunData(fragment_id="progress"))
    with pytest.raises(StopException):
        page_end.end_page()
    pending = requests.on_scriptrunner_ready()
    assert pending.type is ScriptRequestType.RERUN
    assert pending.rerun_data.fragment_id_queue == ["progress"]


def test_no_page_calls_streamlits_own_stop() -> None:
    paths = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "inspector").rglob("*.py")]
    calls = [
        str(path.relative_to(ROOT))
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "st.stop"
    ]
    assert set(calls) <= {SIGN_IN}, "use inspector.ui.session.page_end.end_page"
