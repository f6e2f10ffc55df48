"""What browsers are told and allowed: no path of the server, no breach of the policy, no frame."""

from __future__ import annotations

import contextlib
import http.server
import shutil
import socketserver
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support import serving
from inspector import locations

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000
SAMPLES = locations.sample_models()


@pytest.fixture(scope="module")
def started(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The app's address, and the folder it was started in."""
    folder = tmp_path_factory.mktemp("web_side")
    shutil.copytree(SAMPLES / "iris" / "saved_model", folder / "export" / "iris")
    command = [sys.executable, "-m", "inspector", "app", "--no-browser"]
    command += ["--port", str(serving.unused_port())]
    env = {"INSPECTOR_WORKSPACE": str(folder / "workspace"), "PYTHONPATH": str(root)}
    with serving.running(command, cwd=folder, env=env) as url:
        yield url, folder


class Heard:
    """All that a page gets from the server, and what its console complains of."""

    def __init__(self, page: Any) -> None:
        self.frames: list[bytes] = []
        self.answers: list[Any] = []
        self.complaints: list[str] = []
        page.on("websocket", self._listen)
        page.on("response", self._keep)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, socket: Any) -> None:
        def frame(payload: Any) -> None:
            self.frames.append(payload if isinstance(payload, bytes) else payload.encode())

        socket.on("framereceived", frame)

    def _keep(self, answer: Any) -> None:
        self.answers.append(answer)

    def _note(self, message: Any) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self.complaints.append(message.text)

    def bodies(self) -> list[bytes]:
        """Every body of an answer that can still be read."""
        found = []
        for answer in self.answers:
            if answer.url.startswith("http") and "/static/" not in answer.url:
                with contextlib.suppress(Exception):  # the browser keeps no body of a redirect
                    found.append(answer.body())
        return found


def go(page: Any, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"] a', has_text=title).click()
    page.locator("h1", has_text=title).or_(page.locator("h1", has_text="Open")).first.wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def journey(page: Any, url: str, tmp_path: Path) -> None:
    """Every page and every way to open a model, a download, and an error."""
    page.goto(url)
    page.locator(".st-key-sample_iris button").wait_for()
    page.get_by_role("tab", name="A path on the server").click()
    page.locator(".st-key-browser button", has_text="export").click()
    page.locator(".st-key-browser button", has_text="iris").click()
    page.locator("h1", has_text="Overview").wait_for()
    page.locator("canvas, svg.marks").first.wait_for()
    go(page, "Graph")
    page.locator(".node").first.click()
    go(page, "Operations")
    page.locator(".st-key-op_table canvas").first.wait_for()
    page.locator(".st-key-use_suggested button").click()
    go(page, "Optimise")
    page.locator(".st-key-run button").click()
    page.get_by_text("operations (").first.wait_for()
    go(page, "Compare")
    with page.expect_download() as download:
        page.locator('[class*="st-key-download_"] button').first.click()
    assert download.value.path().stat().st_size
    go(page, "Predict")
    page.locator(".st-key-predict button").click()
    page.locator("canvas").first.wait_for()
    go(page, "Open")
    broken = tmp_path / "broken.pb"
    broken.write_bytes(b"\x0a\xff" * 40)
    page.locator('.st-key-upload_file input[type="file"]').set_input_files(str(broken))
    page.locator('[data-testid="stAlert"]').wait_for()


def test_a_journey_tells_no_path_and_breaks_no_policy(
    chromium: Any, started: tuple[str, Path], tmp_path: Path, root: Path
) -> None:
    url, folder = started
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    heard = Heard(page)
    journey(page, url, tmp_path)
    said = [*heard.frames, *heard.bodies(), page.content().encode()]
    assert len(heard.frames) > 50
    packages = str(Path(shutil.__file__).parent)
    for path in {str(root), str(folder), str(Path.home()), sys.prefix, packages}:
        holding = [text for text in said if path.encode() in text]
        assert not holding, (path, holding[0][:2000])
    assert heard.complaints == []
    context.close()


CLICKS = """
async ([node, link]) => {
  const { x, y, width, height } = node.getBoundingClientRect();
  const at = {
    bubbles: true, composed: true, pointerId: 1, isPrimary: true, button: 0,
    clientX: x + width / 2, clientY: y + height / 2,
  };
  node.dispatchEvent(new PointerEvent("pointerdown", at));
  node.dispatchEvent(new PointerEvent("pointerup", at));
  link.dispatchEvent(new PointerEvent("pointerdown", at));
  await new Promise((done) => setTimeout(done, 20));
  link.click();
}
"""
"""A click on a node, and 20 ms later one on a link: before the canvas sends the selection."""


def test_a_page_stays_when_a_node_was_clicked_just_before(
    chromium: Any, started: tuple[str, Path]
) -> None:
    url, _folder = started
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    slow = threading.Event()
    held: list[tuple[Any, str | bytes]] = []

    def through(socket: Any) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(
            lambda data: held.append((socket, data)) if slow.is_set() else socket.send(data)
        )

    page.route_web_socket("**/_stcore/stream", through)
    page.goto(f"{url}/graph?sample=iris")
    node = page.locator('[data-testid="stMain"] .node').first
    link = page.locator('[data-testid="stSidebarNav"] a', has_text="Operations")
    link.wait_for()
    node.wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()
    # What the server says of the new page arrives later than the canvas waits to send.
    slow.set()
    page.evaluate(CLICKS, [node.element_handle(), link.element_handle()])
    page.wait_for_timeout(500)
    slow.clear()
    for socket, data in held:
        socket.send(data)
    page.locator("h1", has_text="Operations").wait_for()
    page.locator(".st-key-op_table canvas").first.wait_for()
    page.wait_for_timeout(500)
    assert page.locator(".st-key-op_table canvas").first.is_visible()
    context.close()


@contextlib.contextmanager
def other_site(page: str) -> Iterator[str]:
    """A page of another port of this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


ATTACKS = """
<iframe src="{url}"></iframe>
<script>
const told = {{}};
async function attempt(name, act) {{
  try {{ told[name] = await act(); }} catch (error) {{ told[name] = "refused"; }}
}}
const socket = () => new Promise((done, failed) => {{
  const connection = new WebSocket("{ws}/_stcore/stream", ["streamlit"]);
  connection.onopen = () => done("open");
  connection.onerror = failed;
}});
const image = () => new Promise((done, failed) => {{
  const picture = new Image();
  picture.onload = () => done("shown");
  picture.onerror = failed;
  picture.src = "{url}/static/favicon.png";
}});
(async () => {{
  await attempt("socket", socket);
  await attempt("image", image);
  await attempt("read", async () => (await fetch("{url}/")).status);
  const blind = {{mode: "no-cors"}};
  await attempt("blind", async () => (await fetch("{url}/_stcore/health", blind)).type);
  const upload = {{method: "POST", body: "x", headers: {{"X-Upload-Token": "x"}}}};
  await attempt("upload", async () => (await fetch("{url}/uploads", upload)).status);
  window.told = told;
}})();
</script>
"""


def test_a_page_of_another_port_gets_nothing(chromium: Any, started: tuple[str, Path]) -> None:
    url = started[0]
    context = chromium.new_context()
    page = context.new_page()
    statuses: dict[str, int] = {}
    page.on("response", lambda answer: statuses.__setitem__(answer.url, answer.status))
    with other_site(ATTACKS.format(url=url, ws=url.replace("http", "ws", 1))) as site:
        page.goto(site)
        page.wait_for_function("window.told", timeout=PATIENCE_MS)
        told = page.evaluate("window.told")
        frame = page.frames[1]
        assert not frame.url.startswith(url) or "Streamlit" not in frame.content()
    # An opaque answer says nothing; that it was a refusal is seen below.
    assert told == dict.fromkeys(("socket", "image", "read", "upload"), "refused") | {
        "blind": told["blind"]
    }
    ours = {address: status for address, status in statuses.items() if address.startswith(url)}
    assert ours
    assert set(ours.values()) == {403}
    context.close()


def test_an_upload_is_cancelled_and_limits_are_told(
    chromium: Any, started: tuple[str, Path], tmp_path: Path
) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(started[0])
    field = page.locator('.st-key-upload_file input[type="file"]')
    field.wait_for(state="attached")
    large = tmp_path / "large.pb"
    with large.open("wb") as file:
        file.truncate(501 << 20)
    field.set_input_files(str(large))
    page.get_by_text("that may be sent: open it by its path").wait_for()
    # So slow that there is time to cancel.
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 200_000}
    session.send("Network.emulateNetworkConditions", slow)
    with large.open("wb") as file:
        file.truncate(30 << 20)
    field.set_input_files(str(large))
    page.locator(".st-key-upload_file button", has_text="Cancel").click()
    page.locator(".st-key-upload_file .row").wait_for(state="hidden")
    session.send("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
    small = SAMPLES / "manifest.json"
    field.set_input_files(str(small))
    page.locator('[data-testid="stAlert"]', has_text="manifest.json").wait_for()
    context.close()
