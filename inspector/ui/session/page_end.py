"""Ends the run of a page early without losing what the user clicked meanwhile."""

from __future__ import annotations

from typing import NoReturn

from streamlit.runtime.scriptrunner import StopException


def end_page() -> NoReturn:
    """End this run of the page.

    `st.stop` also drops the pending request of a click in a fragment, which a run of the whole page
    does not answer until it has ended.
    """
    raise StopException
