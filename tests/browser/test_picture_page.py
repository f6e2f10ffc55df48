"""The Graph page and the picture of Compare in Chromium, on a model whose names are hostile.

One page goes the whole way, for each page costs seconds: search, picks, what is kept, back and
forward, the link, the files, before and after.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks.support import serving
from inspector.graph.protos import GraphDef

pytestmark = pytest.mark.browser

HTML, QUOTES, BACKSLASH = "<img src=x onerror=alert(1)>", "quo\"te's`$", "back\\slash\\n"
RTL, TURNED, HIDDEN, LINE = "שלום_עולם", "exe\u202egnp.cod", "zero\u200bwidth", "new\nline"
LONG, COLONS = "very_" * 140, "colon:0:1"
CHAIN = ["x", HTML, QUOTES, BACKSLASH, RTL, TURNED, HIDDEN, LINE, LONG, "größe-日本語", "_end"]
SHUT = "deep <b>/er/"
PATIENCE_MS = 60_000


def hostile() -> bytes:
    """A chain that begins inside of scopes, with two identities, and side branches at its end."""
    graph = GraphDef()
    graph.node.add(name="x", op="Placeholder").attr["dtype"].type = 1
    last = "x"
    for number in range(16):
        last = _add(graph, f"{SHUT}n{number}/Tanh", "Tanh", last)
    for name in CHAIN[1:]:
        last = _add(graph, name, "Identity" if name in (HTML, TURNED) else "Relu", last)
    for number in range(6):
        _add(graph, f"side/{number}/{COLONS}", "Sigmoid", last)
    _add(graph, COLONS, "Exp", last)
    graph.node[-1].attr["note"].s = b"<b>bold</b>"
    graph.versions.producer = 1000
    return graph.SerializeToString()


def _add(graph: GraphDef, name: str, op: str, source: str) -> str:
    graph.node.add(name=name, op=op, input=[source]).attr["T"].type = 1
    return name


@pytest.fixture(scope="module")
def address(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("hostile_names")
    (folder / "names.pb").write_bytes(hostile())
    command = [sys.executable, "-m", "inspector", "app", "names.pb", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {"INSPECTOR_WORKSPACE": str(folder / "workspace"), "PYTHONPATH": str(root)}
    with serving.running(command, cwd=folder, env=environment) as found:
        yield found


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    context = chromium.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="dark", accept_downloads=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    page.locator("h1", has_text="Overview").wait_for()
    yield page
    context.close()
    assert errors == []


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).wait_for()


def details(page: Any, name: str) -> None:
    """Wait until the details are those of this name, as it is."""
    page.wait_for_function(
        "name => [...document.querySelectorAll('.name code')]"
        ".some(code => code.textContent === name)",
        arg=name,
    )


def find(page: Any, words: str, name: str) -> None:
    page.get_by_placeholder("name, op:Conv2D").fill(words)
    page.keyboard.press("Enter")
    details(page, name)
    page.locator(".node.selected").wait_for()


def files(page: Any) -> dict[str, str]:
    """The picture as the page hands it out."""
    page.locator('button:has([data-testid="stIconMaterial"]:text("download"))').first.click()
    found = {}
    for format in ("svg", "dot", "pdf"):
        with page.expect_download() as waiting:
            page.locator(f".st-key-export_{format} button").click()
        found[format] = Path(waiting.value.path()).read_bytes().decode("utf-8", "replace")
    page.keyboard.press("Escape")
    return found


def test_hostile_names_are_text_wherever_they_stand(page: Any) -> None:
    go(page, "Graph")
    page.locator(".node").first.wait_for()
    # The search opens what is around a hit, by name, op, attribute, shape and expression.
    find(page, "op:Tanh /n7.Tanh$/", f"{SHUT}n7/Tanh")
    find(page, "onerror", HTML)
    find(page, "attr:note=*bold* op:Exp", COLONS)
    for name, words in (
        (QUOTES, "quo\"te's"), (BACKSLASH, "back\\slash"), (RTL, "שלום"), (TURNED, "/exe.gnp/"),
        (HIDDEN, "/zero.width/"), (LINE, "/^new\\sline$/"), (LONG, "very_very"),
    ):  # fmt: skip
        find(page, words, name)
        told = str(page.locator(".node.selected .title").text_content())
        assert not re.search("[\u202e\u200b\n]", told)
    for name, words, code in ((TURNED, "/exe.gnp/", "U+202E"), (LINE, "/^new\\sline$/", "U+000A")):
        find(page, words, name)
        page.get_by_text(f"Contains invisible characters: {code}.").wait_for()

    # Picks: what freezing keeps is counted and lit before anything is run.
    page.locator(".st-key-pick_output button", has_text="Use as output").click()
    page.get_by_text("Freezing to these outputs keeps 24 operations and drops 10.").wait_for()
    assert page.locator(".node.dim").count() > 0
    assert page.locator(".badge.picked").text_content() == "output"
    find(page, "/n7.Tanh$/", f"{SHUT}n7/Tanh")
    page.locator(".st-key-pick_input button", has_text="Use as input").first.click()
    page.get_by_text("Freezing to these outputs keeps 16 operations and drops 18.").wait_for()
    page.locator(".picture").focus()
    page.keyboard.press("i")
    page.get_by_text("keeps 24 operations and drops 10.").wait_for()
    # Several at once, by the mouse alone.
    page.get_by_role("button", name="Fit all").click()
    page.locator(".node:not(.scope):not(.stub)", has_text="größe").first.click()
    details(page, "größe-日本語")
    page.locator(".node:not(.scope):not(.stub)", has_text="_end").first.click(modifiers=["Control"])
    page.get_by_role("button", name="Use 2 nodes as outputs").click()
    page.get_by_text("keeps 27 operations and drops 7.").wait_for()
    page.get_by_role("button", name="Use 2 nodes as inputs").wait_for()

    # A trace between the two, then back and forward, by button and by key.
    page.locator(".picture").focus()
    for _ in range(4):
        page.keyboard.press("t")
    page.get_by_text("2 operations of 34 highlighted by the trace.").wait_for()
    page.keyboard.press("t")
    page.get_by_text("keeps 27 operations").wait_for()
    page.locator("[data-do=back]").click()
    details(page, "größe-日本語")
    page.locator(".picture").focus()
    page.keyboard.press(",")
    details(page, f"{SHUT}n7/Tanh")
    page.keyboard.press(".")
    details(page, "größe-日本語")
    page.locator("[data-do=forward]").click()
    page.get_by_text("2 boxes selected").wait_for()
    find(page, "/exe.gnp/", TURNED)

    # The link shows the same picture: selection, picks, opened scopes.
    page.wait_for_function("decodeURIComponent(location.search).includes('exe\u202egnp')")
    titles = sorted(page.locator(".node .title").all_text_contents())
    other = page.context.new_page()
    other.set_default_timeout(PATIENCE_MS)
    other.goto(page.url)
    go(other, "Graph")
    details(other, TURNED)
    other.get_by_text("keeps 27 operations and drops 7.").wait_for()
    other.locator(".node.selected").wait_for()
    assert sorted(other.locator(".node .title").all_text_contents()) == titles
    other.close()

    drawn = files(page)
    texts = [str(item.text) for item in ET.fromstring(drawn["svg"]).iter()]
    assert {"<img src=x onerror=alert(1)>", "back\\slash\\n", "exe\ufffdgnp.cod"} <= set(texts)
    assert "<img" not in drawn["svg"]
    assert drawn["pdf"].startswith("%PDF-")
    assert "\u202e" not in drawn["dot"]
    assert "label=<" not in drawn["dot"]

    before_and_after(page)
    assert page.locator("img[src=x], .inspector-canvas b, .stApp b").count() == 0


def before_and_after(page: Any) -> None:
    """Freeze without the chain's identities; the picture tells who took them out."""
    go(page, "Optimise")
    page.get_by_text("Check each step").click()
    page.locator(".st-key-run button").click()
    page.get_by_text("after freezing).").wait_for()
    go(page, "Compare")
    page.get_by_text("Side by side").click()
    before, after = (page.locator(".stage").nth(place) for place in (0, 1))
    gone = before.locator(".node.removed", has_text="onerror")
    gone.wait_for()
    assert str(gone.get_attribute("aria-label")).endswith("removed")
    assert gone.locator(".badge").text_content() == "−"
    assert not after.locator(".node.removed", has_text="onerror").is_visible()
    before.locator(".picture").focus()
    assert before.get_by_role("button", name="Back").count() == 0  # nothing hears of it here
    gone.click()
    details(page, HTML)
    page.get_by_text("Identity · removed").wait_for()
    page.locator('[data-testid="stDataFrame"]').first.wait_for()
    after.locator(".node.selected").wait_for(state="attached")
