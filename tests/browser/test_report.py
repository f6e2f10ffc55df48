"""A report opened from the disk: it loads nothing, its picture is alive, and it prints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

import inspector
from inspector.reporting.html_page import html
from inspector.reporting.pictures import diff_picture
from inspector.reporting.report_contents import ReportContents
from inspector.view.state.union import Difference, union
from inspector.view.table.builder import NodeTableBuilder
from inspector.view.tree.hierarchy import build
from tests.passes.text import graph_def

pytestmark = pytest.mark.browser

HOSTILE = 'x"onload=alert(1)></script><script>document.title="run"</script>'
TEXT = "x = Placeholder(shape=[-1,2])\na/b/r = Relu(x)\na/b/s = Exp(a/b/r)\na/y = Neg(a/b/s)\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report about two graphs, the second with a node of a hostile name."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "a.pb").write_bytes(graph_def(TEXT).SerializeToString())
    second = graph_def(TEXT)
    second.node[-1].op = "Abs"
    node = second.node.add(name=HOSTILE, op="Neg", input=["a/y"])
    node.attr["T"].CopyFrom(second.node[-2].attr["T"])
    (folder / "b.pb").write_bytes(second.SerializeToString())
    models = [inspector.open_model(folder / name) for name in ("a.pb", "b.pb")]
    delta = inspector.diff(*models).to_dict()
    difference = Difference.of(delta)
    before, after = (NodeTableBuilder(model).node_table() for model in models)
    picture = diff_picture(build(union(before, after, difference.renamed)), difference)
    facts = [inspector.describe(model).to_dict() for model in models]
    contents = ReportContents((HOSTILE, "b"), (facts[0], facts[1]), delta)
    path = folder / "report.html"
    path.write_text(html(contents, picture), encoding="utf-8")
    return path


@pytest.fixture
def page(chromium: Any, file: Path) -> Iterator[Any]:
    """The report; ends with no request past the file and no message in the console."""
    context = chromium.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    requests: list[str] = []
    messages: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.goto(file.as_uri())
    expect(page.locator("#report-canvas .node").first).to_be_visible()
    yield page
    context.close()
    assert requests == [file.as_uri()]
    assert messages == []


def test_the_picture_is_alive(page: Any) -> None:
    boxes = page.locator("#report-canvas .node")
    before = boxes.count()
    page.get_by_role("button", name="First picture").click()
    page.get_by_role("button", name="Open one level").click()
    expect(page.locator("#report-canvas .cluster").first).to_be_visible()
    page.get_by_role("button", name="First picture").click()
    expect(boxes).to_have_count(before)
    hostile = page.locator("#report-canvas .node", has_text="onload").first
    hostile.click()
    expect(page.locator("#report-selection")).to_have_text(f"{HOSTILE}: added")


def test_names_of_the_model_are_text(page: Any) -> None:
    expect(page.locator("h1")).to_have_text(f"{HOSTILE} → b")
    assert page.title() != "run"


def test_it_prints(page: Any) -> None:
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="print")
    expect(page.locator(".paper svg").first).to_be_visible()
    expect(page.locator("#report-canvas")).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(page: Any, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    assert ink != paper
    assert (paper == "rgb(255, 255, 255)") == (theme == "light")
