"""Opening in real Chromium: folders and archives are sent, paths walked, choices made."""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support import serving
from inspector import locations

pytestmark = pytest.mark.browser

SAMPLES = locations.sample_models()
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def started(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The app's address, and the folder it was started in, the only one it may open paths of."""
    folder = tmp_path_factory.mktemp("opening")
    shutil.copytree(SAMPLES / "iris" / "saved_model", folder / "export" / "iris")
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    environment = {
        "INSPECTOR_WORKSPACE": str(folder.parent / "opening_workspace"),
        "PYTHONPATH": str(root),
    }
    with serving.running(command, cwd=folder, env=environment) as found:
        yield found, folder


@pytest.fixture
def page(chromium: Any, started: tuple[str, Path]) -> Iterator[Any]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(started[0])
    page.locator(".st-key-sample_iris").wait_for()
    yield page
    context.close()
    assert errors == []


def test_a_link_may_be_the_first_thing_asked_of_a_server(
    chromium: Any, started: tuple[str, Path]
) -> None:
    # It stands first, before `page` has asked this server for anything.
    context = chromium.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page.goto(f"{started[0]}/graph?sample=iris")
    page.locator(".node").first.wait_for()
    suggested = page.locator(".st-key-sidebar_outputs .name")
    suggested.get_by_role("button", name="Copy").click()
    suggested.locator("button.done").wait_for()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied == suggested.locator("code").inner_text() == "dnn/head/predictions/probabilities"
    # Half a second of a core that a name does not need.
    assert not [name for name in asked if name.startswith("StreamlitSyntaxHighlighter")]
    context.close()


def wait_until_stored(page: Any, name: str) -> None:
    """Until the browser's list of recent models has this one; the page forbids eval."""
    for _ in range(PATIENCE_MS // 100):
        if name in (page.evaluate("localStorage.getItem('inspector.recent')") or ""):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{name} is not stored")


def test_a_link_runs_its_page_once_and_the_open_page_lists_what_the_browser_has(
    chromium: Any, started: tuple[str, Path]
) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_MS)
    before = context.new_page()
    before.goto(f"{started[0]}/?sample=shapes")
    before.locator("h1", has_text="Overview").wait_for()
    wait_until_stored(before, "shapes")
    before.close()
    page = context.new_page()
    sent: list[bytes] = []

    def note(frame: str | bytes) -> None:
        sent.append(frame.encode() if isinstance(frame, str) else frame)

    page.on("websocket", lambda socket: socket.on("framesent", note))
    page.goto(f"{started[0]}/graph?sample=iris")
    page.locator(".node").first.wait_for()
    wait_until_stored(page, "iris")
    page.wait_for_timeout(1000)  # what would be sent, is sent by then
    assert sent
    assert not [frame for frame in sent if b"shapes" in frame]
    page.locator('[data-testid="stSidebarNav"] a', has_text="Open").first.click()
    page.locator('[class*="st-key-recent_"] button', has_text="Open").first.wait_for()
    assert [frame for frame in sent if b"shapes" in frame]
    context.close()


def tab(page: Any, title: str) -> None:
    page.get_by_role("tab", name=title).click()


def on_overview(page: Any) -> None:
    page.locator("h1", has_text="Overview").wait_for()


def metric(page: Any, label: str) -> str:
    card = page.locator('[data-testid="stMetric"]').filter(has_text=label).first
    return str(card.locator('[data-testid="stMetricValue"]').inner_text())


@pytest.mark.parametrize("nested", [False, True])
def test_a_folder_is_sent_with_its_variables_and_assets(
    page: Any, tmp_path: Path, nested: bool
) -> None:
    folder = tmp_path / "my <b>model"
    inside = folder / "export" if nested else folder
    shutil.copytree(SAMPLES / "reviews" / "saved_model", inside)
    tab(page, "A folder")
    page.locator('.st-key-upload_folder input[type="file"]').set_input_files(str(folder))
    on_overview(page)
    assert "my <b>model" in page.locator(".st-key-sidebar_model").inner_text()
    page.get_by_text("Files", exact=True).wait_for()
    page.get_by_text("Assets: files that the graph reads").wait_for()
    column = page.locator('[data-testid="stColumn"]', has_text="Assets: files that the graph reads")
    rows = column.last.locator("canvas tbody tr")
    rows.first.wait_for(state="attached")
    assert rows.all_text_contents() == ["vocabulary.txt257 bytesvocabulary_file:0"]
    assert not page.get_by_text("missing").count()


def drop(page: Any, path: Path, x: int, y: int) -> None:
    """What a person does who drags a file or folder of the desktop into the window."""
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": x, "y": y, "data": data}
        session.send("Input.dispatchDragEvent", event)


@pytest.mark.parametrize("on_zone", [False, True])
def test_a_dropped_file_or_folder_opens_at_once(page: Any, tmp_path: Path, on_zone: bool) -> None:
    folder = tmp_path / "dropped"
    shutil.copytree(SAMPLES / "iris" / "saved_model", folder)
    zone = page.locator(".st-key-upload_file .zone").bounding_box()
    if on_zone:
        drop(page, folder, int(zone["x"]) + 60, int(zone["y"]) + 20)
    else:
        drop(page, folder, 700, 880)  # far below the drop zone
    on_overview(page)
    assert "dropped" in page.locator(".st-key-sidebar_model").inner_text()
    page.locator('[data-testid="stSidebarNav"] a', has_text="Open").click()
    page.locator(".st-key-sample_iris").wait_for()
    file = Path(__file__).parents[1] / "models" / "tf115" / "frozen.pbtxt"
    drop(page, file, 700, 880)
    on_overview(page)
    page.locator(".st-key-sidebar_model", has_text="frozen.pbtxt").wait_for()


def test_a_checkpoint_folder_and_an_archive_are_sent(page: Any, tmp_path: Path) -> None:
    folder = tmp_path / "checkpoint_folder"
    shutil.copytree(SAMPLES / "iris" / "saved_model" / "variables", folder)
    tab(page, "A folder")
    page.locator('.st-key-upload_folder input[type="file"]').set_input_files(str(folder))
    on_overview(page)
    page.get_by_text("is not beside it").wait_for()

    packed = tmp_path / "iris.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in (SAMPLES / "iris" / "saved_model").rglob("*"):
            archive.write(file, Path("top") / file.relative_to(SAMPLES / "iris" / "saved_model"))
    page.locator('[data-testid="stSidebarNav"] a', has_text="Open").click()
    page.locator(".st-key-sample_iris").wait_for()
    page.locator('.st-key-upload_file input[type="file"]').set_input_files(str(packed))
    on_overview(page)
    page.locator('[data-testid="stMetric"]').filter(has_text="Operations").first.wait_for()
    assert metric(page, "Operations") == "252"


def test_paths_are_walked_to_a_model_and_no_further(page: Any, started: tuple[str, Path]) -> None:
    (started[1] / "out").unlink(missing_ok=True)
    (started[1] / "out").symlink_to("/etc")
    tab(page, "A path on the server")
    told = set()
    for typed in ("/etc/passwd", "../nothing_of_this_name", "out/passwd"):
        box = page.locator(".st-key-open_path_text input")
        box.fill(typed)
        box.press("Enter")
        page.locator(".st-key-open_path button").click()
        alert = page.locator('[data-testid="stAlert"]', has_text=typed.rpartition("/")[2])
        alert.wait_for()
        told.add(alert.inner_text().partition(": ")[2])
        tab(page, "A path on the server")
    assert told == {"path: only paths below the folders of INSPECTOR_ROOTS may be opened"}
    assert "out" not in page.locator(".st-key-browser").inner_text().split()
    page.locator(".st-key-browser button", has_text="export").click()
    page.locator(".st-key-browser button", has_text="model").click()
    on_overview(page)


def test_a_suggested_output_is_used_in_its_row(page: Any) -> None:
    page.locator(".st-key-sample_iris button").click()
    on_overview(page)
    page.get_by_text("Takes 4 × float32 [None]").wait_for()
    suggestions = page.locator('[data-testid="stDataFrame"]').nth(1)
    suggestions.scroll_into_view_if_needed()
    first = suggestions.locator("canvas tbody tr").first
    first.wait_for(state="attached")
    assert first.locator("td").first.text_content() == "predict / probabilities"
    box = suggestions.bounding_box()
    page.mouse.click(box["x"] + box["width"] - 40, box["y"] + 35 + 17)
    outputs = page.locator(".st-key-sidebar_outputs")
    outputs.get_by_text("1 selected").wait_for()
    assert outputs.locator("code").inner_text() == "dnn/head/predictions/probabilities"


def test_a_signature_is_chosen(page: Any) -> None:
    page.locator(".st-key-sample_forecast button").click()
    on_overview(page)
    before = metric(page, "Operations")
    page.locator('[class*="st-key-signature_"] input').click()
    page.get_by_role("option", name="next").click()
    page.locator('[data-testid="stMetricValue"]').first.wait_for()
    page.wait_for_function(
        "before => [...document.querySelectorAll('[data-testid=stMetric]')].some("
        "card => card.innerText.includes('Operations') && !card.innerText.includes(before))",
        arg=before,
    )


def test_a_file_of_feeds_is_sent(page: Any, started: tuple[str, Path], tmp_path: Path) -> None:
    page.goto(f"{started[0]}/predict?sample=iris")
    feeds = page.locator(".st-key-feeds")
    feeds.get_by_text("File", exact=True).click()
    send = page.locator('.st-key-feed_file input[type="file"]')
    send.wait_for(state="attached")
    feeds.get_by_text("File", exact=True).click()  # chosen already: it stays so
    send.set_input_files(str(SAMPLES / "iris" / "iris.csv"))
    page.locator(".st-key-predict button:enabled").click()
    page.get_by_text("150 rows per run").wait_for()
    with (tmp_path / "large.csv").open("wb") as large:
        large.truncate((64 << 20) + 1)
    send.set_input_files(str(tmp_path / "large.csv"))
    page.get_by_text("64 MiB are more than the 64 MiB that may be sent.").wait_for()
