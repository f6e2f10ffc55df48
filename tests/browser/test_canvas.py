"""The canvas in Chromium: every gesture, by mouse and by keyboard, light and dark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inspector.view.hierarchy import build
from inspector.view.starting import start
from inspector.view.visible import view
from tests.browser.canvas_app import HOSTILE
from tests.view.graphs import layered

pytestmark = pytest.mark.browser
APP = Path(__file__).with_name("canvas_app.py")
BLOCK = "model/stage_0/block_1/"


class Canvas:
    """What a test asks of the page."""

    def __init__(self, page: Any, errors: list[str]) -> None:
        self.page = page
        self.errors = errors

    def known(self) -> dict[str, Any]:
        """What Python says it knows."""
        return dict(json.loads(self.page.locator("code").first.inner_text()))

    def until(self, key: str, value: object) -> None:
        """Wait until Python knows this."""
        wanted = json.dumps({key: value})[1:-1]
        self.page.wait_for_function(
            "wanted => document.querySelector('code')?.innerText.includes(wanted)", arg=wanted
        )

    def node(self, title: str) -> Any:
        return self.page.locator(".node:not(.stub)").filter(has_text=title).first

    def transform(self) -> tuple[float, float, float]:
        text = self.page.locator(".picture .view").get_attribute("transform")
        move, scale = text.removeprefix("translate(").rstrip(")").split(") scale(")
        x, y = move.split(" ")
        return float(x), float(y), float(scale)

    def settle(self) -> None:
        self.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 30)))")

    def selected(self) -> list[str]:
        return [
            str(text) for text in self.page.locator(".node.selected .title").all_text_contents()
        ]

    def focused(self) -> str:
        place = self.page.locator(".picture").get_attribute("aria-activedescendant")
        return str(self.page.locator(f"#{place}").get_attribute("aria-label"))


@contextmanager
def open_page(chromium: Any, address: str, theme: str = "light") -> Iterator[Canvas]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: (errors.append(dialog.message), dialog.dismiss()))
    page.goto(address)
    page.locator(".node").first.wait_for()
    page.locator("code").first.wait_for()
    yield Canvas(page, errors)
    context.close()
    assert errors == []


@pytest.fixture
def canvas(chromium: Any, serve: Any) -> Iterator[Canvas]:
    with open_page(chromium, serve(APP)) as found:
        yield found


def test_the_first_picture_is_readable_and_whole(canvas):
    assert canvas.page.locator(".node").count() == canvas.known()["boxes"]
    _, _, zoom = canvas.transform()
    assert zoom >= 0.6
    assert canvas.page.locator(".legend span").count() >= 4


def test_a_click_selects_at_once_and_python_hears(canvas):
    canvas.node("input").click()
    assert canvas.selected() == ["input"]
    canvas.until("selected", ["input"])


def test_selection_is_seen_within_50_ms(canvas):
    took = canvas.page.evaluate(
        """async () => {
          const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot);
          const node = roots.map(r => r?.querySelector('.node')).find(Boolean);
          const box = node.getBoundingClientRect();
          const at = {clientX: box.x + 5, clientY: box.y + 8, bubbles: true, composed: true,
            button: 0, pointerId: 7};
          const began = performance.now();
          node.dispatchEvent(new PointerEvent('pointerdown', at));
          node.dispatchEvent(new PointerEvent('pointerup', at));
          return node.classList.contains('selected') ? performance.now() - began : 1e9;
        }"""
    )
    assert took < 50


def test_ctrl_and_shift_click_add_and_take_away(canvas):
    canvas.node("input").click()
    canvas.node("stage_1").click(modifiers=["Control"])
    canvas.until("selected", ["input", "model/stage_1/"])
    canvas.node("input").click(modifiers=["Shift"])
    canvas.until("selected", ["model/stage_1/"])


def test_the_multi_select_button_adds_without_a_key(canvas):
    canvas.page.get_by_role("button", name="Select several").click()
    canvas.node("input").click()
    canvas.node("stage_1").click()
    canvas.until("selected", ["input", "model/stage_1/"])


def test_a_click_on_nothing_and_escape_clear(canvas):
    canvas.node("input").click()
    canvas.until("selected", ["input"])
    canvas.page.locator(".picture").click(position={"x": 8, "y": 8})
    canvas.until("selected", [])
    canvas.node("input").click()
    canvas.until("selected", ["input"])
    canvas.page.keyboard.press("Escape")
    canvas.until("selected", [])
    assert canvas.selected() == []


def test_double_click_opens_and_closes_and_the_scope_stays_in_place(canvas):
    before = canvas.node("stage_1").bounding_box()
    canvas.node("stage_1").dblclick()
    title = canvas.page.locator(".cluster-title").filter(has_text="stage_1")
    title.wait_for()
    assert "model/stage_1/" in canvas.known()["opened"]
    place = title.get_attribute("data-cluster")
    cluster = canvas.page.locator(f".cluster[data-cluster='{place}']").bounding_box()
    assert abs(cluster["y"] - before["y"]) < 3
    middle = before["x"] + before["width"] / 2
    assert abs(cluster["x"] + cluster["width"] / 2 - middle) < 4
    title.dblclick()
    canvas.node("stage_1").wait_for()
    after = canvas.node("stage_1").bounding_box()
    assert abs(after["y"] - before["y"]) < 3


def test_two_scopes_opened_at_once_are_both_open(canvas):
    titles = canvas.page.locator(".node.scope .title").all_text_contents()[-2:]
    boxes = [canvas.node(title).bounding_box() for title in titles]
    for box in boxes:  # faster than the page can answer the first
        canvas.page.mouse.dblclick(box["x"] + 12, box["y"] + box["height"] / 2)
    for title in titles:
        canvas.page.wait_for_function(
            "wanted => document.querySelector('code')?.innerText.includes(wanted)",
            arg=f'{title}/"',
        )


def test_the_wheel_zooms_at_the_pointer_and_does_not_scroll_the_page(canvas):
    target = canvas.node("stage_1")
    before, (_, _, zoom) = target.bounding_box(), canvas.transform()
    canvas.page.mouse.move(before["x"] + 10, before["y"] + 10)
    canvas.page.mouse.wheel(0, -300)
    canvas.settle()
    after = target.bounding_box()
    assert canvas.transform()[2] > zoom * 1.3
    grown = canvas.transform()[2] / zoom
    assert abs(after["x"] + 10 * grown - before["x"] - 10) < 4
    assert canvas.page.evaluate("window.scrollY") == 0
    for _ in range(3):
        canvas.page.mouse.wheel(0, 3000)
    canvas.settle()
    assert canvas.transform()[2] < zoom


def test_a_drag_pans_and_selects_nothing(canvas):
    box = canvas.node("stage_1").bounding_box()
    x, y, _ = canvas.transform()
    canvas.page.mouse.move(box["x"] + 10, box["y"] + 10)
    canvas.page.mouse.down()
    canvas.page.mouse.move(box["x"] + 60, box["y"] - 30, steps=4)
    canvas.page.mouse.up()
    canvas.settle()
    after = canvas.transform()
    assert (round(after[0] - x), round(after[1] - y)) == (50, -40)
    assert canvas.selected() == []


def test_two_fingers_zoom(canvas):
    _, _, zoom = canvas.transform()
    box = canvas.page.locator(".picture").bounding_box()
    client = canvas.page.context.new_cdp_session(canvas.page)
    x, y = box["x"] + 200, box["y"] + 200

    def touch(kind: str, spread: float) -> None:
        points = [{"x": x - spread, "y": y, "id": 0}, {"x": x + spread, "y": y, "id": 1}]
        client.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if spread else []}
        )

    touch("touchStart", 40)
    for spread in (50, 60, 80):
        touch("touchMove", spread)
    touch("touchEnd", 0)
    canvas.settle()
    assert canvas.transform()[2] > zoom * 1.5
    assert canvas.selected() == []


def test_f_fits_and_0_goes_to_a_readable_width(canvas):
    canvas.node("input").click()
    canvas.page.mouse.wheel(0, -900)
    canvas.page.keyboard.press("f")
    canvas.settle()
    stage = canvas.page.locator(".stage").bounding_box()
    view = canvas.page.locator(".picture .view").bounding_box()
    assert stage["x"] <= view["x"]
    assert view["y"] + view["height"] <= stage["y"] + stage["height"] + 1
    canvas.page.keyboard.press("0")
    canvas.settle()
    assert canvas.transform()[2] == 1


def test_arrows_walk_along_the_edges_and_enter_selects(canvas):
    canvas.page.locator(".picture").focus()
    canvas.page.keyboard.press("ArrowDown")
    first = canvas.focused()
    assert first.startswith("input")
    canvas.page.keyboard.press("ArrowDown")
    second = canvas.focused()
    assert second != first
    canvas.page.keyboard.press("ArrowUp")
    assert canvas.focused() == first
    assert canvas.page.locator(".ring").count() == 1
    canvas.page.keyboard.press("Enter")
    canvas.until("selected", ["input"])
    assert canvas.page.locator(".live").inner_text().startswith("input")


def test_e_opens_a_scope_and_closes_the_one_around_and_o_picks(canvas):
    canvas.node("stage_1").click()
    canvas.until("selected", ["model/stage_1/"])
    canvas.page.keyboard.press("e")
    canvas.page.locator(".cluster-title").filter(has_text="stage_1").wait_for()
    canvas.node("block_4").click()
    canvas.page.keyboard.press("e")
    canvas.page.locator(".cluster-title").filter(has_text="block_4").wait_for()
    canvas.page.keyboard.press("f")
    canvas.settle()
    canvas.page.locator(".node").filter(has_text="AddV2").last.click()
    canvas.page.keyboard.press("o")
    badge = canvas.page.locator(".badge.picked")
    badge.wait_for()
    assert badge.text_content() == "output"
    (picked,) = canvas.known()["outputs"]
    assert picked.endswith("/add")
    canvas.page.keyboard.press("e")
    canvas.node("block_4").wait_for()
    canvas.page.locator(".cluster-title").filter(has_text="block_4").wait_for(state="detached")


def test_hover_lights_what_it_reads_and_what_reads_it(canvas):
    canvas.node("stage_1").hover()
    assert canvas.page.locator(".node.into").count() >= 1
    assert canvas.page.locator(".edge.from").count() >= 1
    assert "model/stage_1" in canvas.page.locator(".status").inner_text()
    assert canvas.page.locator(".edge-label").count() >= 1
    canvas.page.mouse.move(5, 5)
    canvas.settle()
    assert canvas.page.locator(".node.into, .edge.from").count() == 0


def test_python_shows_a_node_inside_of_closed_scopes(canvas):
    wanted = "model/stage_1/block_6/b/Relu"
    canvas.page.get_by_label("Show").fill(wanted)
    canvas.page.keyboard.press("Enter")
    canvas.until("selected", [wanted])
    canvas.page.locator(".node.selected").wait_for()
    stage = canvas.page.locator(".stage").bounding_box()
    box = canvas.page.locator(".node.selected").bounding_box()
    assert stage["y"] <= box["y"] <= stage["y"] + stage["height"]
    # A click after Python's choice, and the same click again later, still arrive.
    canvas.page.keyboard.press("Escape")
    canvas.page.locator(".picture").focus()
    canvas.page.keyboard.press("Home")
    canvas.page.keyboard.press("Enter")
    canvas.until("selected", ["input"])


def test_the_minimap_goes_where_it_is_clicked(canvas):
    canvas.page.locator(".picture").focus()
    for _ in range(4):
        canvas.page.keyboard.press("+")
    canvas.settle()
    small = canvas.page.locator(".map")
    before = canvas.transform()
    box = small.bounding_box()
    canvas.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 10)
    canvas.settle()
    assert canvas.transform()[1] < before[1]


def test_text_goes_when_it_is_too_small_and_far_boxes_are_hidden(chromium, serve):
    with open_page(chromium, serve(APP) + "?m=flat") as canvas:
        canvas.page.locator(".picture").focus()
        for _ in range(14):
            canvas.page.keyboard.press("-")
        canvas.settle()
        assert canvas.page.locator(".node .title").first.is_hidden()
        for _ in range(24):
            canvas.page.keyboard.press("+")
        canvas.settle()
        assert canvas.page.locator(".node:not([style*='none']) .title").first.is_visible()
        assert canvas.page.locator(".node[style*='none']").count() > 0


def test_t_goes_through_the_traces(canvas):
    canvas.node("input").click()
    for trace in ("up", "down", "both", ""):
        canvas.page.keyboard.press("t")
        canvas.until("trace", trace)


def test_greater_and_less_open_and_close_a_level(canvas):
    before = canvas.known()["boxes"]
    canvas.page.locator(".picture").focus()
    canvas.page.keyboard.press(">")
    canvas.page.wait_for_function(
        "n => JSON.parse(document.querySelector('code').innerText).boxes > n", arg=before
    )
    more = canvas.known()["boxes"]
    canvas.page.keyboard.press("<")
    canvas.page.wait_for_function(
        "n => JSON.parse(document.querySelector('code').innerText).boxes < n", arg=more
    )
    canvas.page.get_by_role("button", name="First picture").click()
    tree = build(layered(8))
    canvas.until("boxes", len(view(tree, start(tree)).boxes))


def test_the_crumbs_lead_to_the_scopes_around(canvas):
    canvas.node("stage_1").dblclick()
    canvas.page.locator(".cluster-title").filter(has_text="stage_1").wait_for()
    canvas.page.keyboard.press("Escape")
    crumbs = canvas.page.locator(".crumbs > *")
    crumbs.first.wait_for(state="detached")
    canvas.node("block_4").click()
    assert crumbs.all_text_contents()[-2:] == ["stage_1", "block_4"]
    canvas.page.locator(".crumbs button", has_text="stage_1").click()
    canvas.until("selected", ["model/stage_1/"])
    canvas.page.locator(".crumbs button", has_text="All").click()
    canvas.until("selected", [])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_heat_colours_boxes_by_their_share(chromium, serve, theme):
    with open_page(chromium, serve(APP) + "?heat=1", theme) as canvas:
        warmth = canvas.page.evaluate(
            """() => {
              const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot);
              const root = roots.find(r => r?.querySelector('.node'));
              return Object.fromEntries([...root.querySelectorAll('.node')].map(node => [
                node.querySelector('.title').textContent, node.style.getPropertyValue('--heat')]));
            }"""
        )
        assert warmth["stage_1"] == "60%"
        assert warmth["input"] == "0%"
        assert "62 KiB" in canvas.page.locator(".legend").inner_text()
        canvas.node("stage_1").hover()
        assert "50 %" in canvas.page.locator(".status").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_names_of_a_hostile_model_are_text(chromium, serve, theme):
    with open_page(chromium, serve(APP) + "?m=hostile", theme) as canvas:
        titles = canvas.page.locator(".node .title").all_text_contents()
        assert set(titles) >= {"quo\"te's", "colon:0:1", "back\\slash\\n", "größe-日本語"}
        assert canvas.page.locator(".inspector-canvas img, .inspector-canvas b").count() == 0
        for place, name in enumerate(HOSTILE):
            canvas.page.locator(".node").nth(place).click()
            canvas.until("selected", [name])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_follow_the_theme_and_can_be_read(chromium, serve, theme):
    with open_page(chromium, serve(APP), theme) as canvas:
        ink, paper, box = canvas.page.evaluate(
            """() => {
              const roots = [...document.querySelectorAll('*')].map(e => e.shadowRoot);
              const root = roots.find(r => r?.querySelector('.node'));
              const style = (name) => getComputedStyle(root.querySelector(name));
              // A canvas turns any CSS colour into plain numbers.
              const pen = Object.assign(document.createElement('canvas'), {width: 1, height: 1})
                .getContext('2d', {willReadFrequently: true});
              const rgb = (color) => { pen.fillStyle = color; pen.fillRect(0, 0, 1, 1);
                return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3); };
              return [style('.node .title').fill, style('.stage').backgroundColor,
                style('.node .box').fill].map(rgb);
            }"""
        )

        def light(rgb: list[int]) -> float:
            parts = [
                c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
                for c in rgb
            ]
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

        def contrast(one: list[int], two: list[int]) -> float:
            high, low = max(light(one), light(two)), min(light(one), light(two))
            return (high + 0.05) / (low + 0.05)

        assert (light(paper) > 0.5) == (theme == "light")
        assert contrast(ink, box) >= 7


def test_a_rerun_with_the_same_picture_sends_little(chromium, serve):
    with open_page(chromium, serve(APP) + "?m=flat") as canvas:
        received: list[int] = []
        client = canvas.page.context.new_cdp_session(canvas.page)
        client.send("Network.enable")
        client.on(
            "Network.webSocketFrameReceived",
            lambda event, got=received: got.append(len(event["response"]["payloadData"]) * 3 // 4),
        )
        canvas.page.locator(".node").nth(2).click()
        canvas.page.wait_for_function(
            "() => !document.querySelector('code').innerText.includes('\\\"selected\\\": []')"
        )
        canvas.page.wait_for_timeout(200)
        assert 0 < sum(received) < 8_000
