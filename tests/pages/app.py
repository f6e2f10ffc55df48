"""The app under Streamlit's AppTest: open a sample, wait for jobs, go to a page."""

from __future__ import annotations

import concurrent.futures
import html
import re
import time

from streamlit.testing.v1 import AppTest

from inspector import locations
from inspector.ui.session.job_links import LinkedJob

PATIENCE_S = 60.0


def started() -> AppTest:
    """The app on its first page."""
    at = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    return settled(at.run())


def settled(at: AppTest) -> AppTest:
    """The app once no job of the session runs any more."""
    end = time.monotonic() + PATIENCE_S
    while jobs := [linked.job for linked in _linked_jobs(at)]:
        assert time.monotonic() < end, "a job of the page does not end"
        concurrent.futures.wait(jobs, PATIENCE_S)  # an earlier run would only wait and run again
        at.run()
    return at


def _linked_jobs(at: AppTest) -> list[LinkedJob]:
    state = at.session_state._state.filtered_state
    return [value for key, value in state.items() if key.startswith("job:")]


def opened(sample: str) -> AppTest:
    """The app with a sample open, on the overview."""
    at = started()
    at.button(key=f"sample_{sample}").click()
    # AppTest does not follow the app's own switch of the page.
    return on(settled(at.run()), "overview")


def on(at: AppTest, page: str) -> AppTest:
    """The app on another page; AppTest runs the page's file alone, without the sidebar."""
    at.switch_page(f"pages/{page}.py")
    return settled(at.run())


def home(at: AppTest) -> AppTest:
    """The app on its first page, with the sidebar."""
    at.switch_page("app.py")
    return settled(at.run())


def texts(at: AppTest) -> str:
    """Everything the page says, as one text."""
    kinds = (
        at.title,
        at.header,
        at.subheader,
        at.markdown,
        at.caption,
        at.info,
        at.error,
        at.success,
    )
    elements = [str(element.value) for kind in kinds for element in kind]
    return "\n".join(elements + names(at))


def names(at: AppTest) -> list[str]:
    """The names that the page shows to be copied."""
    matches = [
        re.search("<code>(.*)</code>", item.proto.body, re.DOTALL) for item in at.get("html")
    ]
    marks = re.compile("<wbr>|</?span>")
    return [html.unescape(marks.sub("", match[1])) for match in matches if match]


def metrics(at: AppTest) -> dict[str, str]:
    """Label to value of each metric on the page."""
    return {metric.label: metric.value for metric in at.metric}
