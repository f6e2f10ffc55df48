"""The app under Streamlit's AppTest: open a sample, wait for jobs, go to a page."""

from __future__ import annotations

import html
import re
import time

from streamlit.testing.v1 import AppTest

from inspector import locations

PATIENCE_S = 60.0


def started() -> AppTest:
    """The app on its first page."""
    at = AppTest.from_file(str(locations.app_root() / "app.py"), default_timeout=60)
    return settled(at.run())


def settled(at: AppTest) -> AppTest:
    """The app once no job of the session runs any more."""
    end = time.monotonic() + PATIENCE_S
    while any(key.startswith("job:") for key in at.session_state._state.filtered_state):
        assert time.monotonic() < end, "a job of the page does not end"
        time.sleep(0.1)
        at.run()
    return at


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
        at.subheader,
        at.markdown,
        at.caption,
        at.info,
        at.error,
        at.success,
    )
    said = [str(element.value) for kind in kinds for element in kind]
    return "\n".join(said + names(at))


def names(at: AppTest) -> list[str]:
    """The names that the page shows to be copied."""
    found = [re.search("<code>(.*)</code>", item.proto.body, re.DOTALL) for item in at.get("html")]
    return [html.unescape(match[1]) for match in found if match]


def metrics(at: AppTest) -> dict[str, str]:
    """Label to value of each metric on the page."""
    return {metric.label: metric.value for metric in at.metric}
