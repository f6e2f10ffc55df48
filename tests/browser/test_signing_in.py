"""Sign-in in Chromium with a real provider: nothing is shown, and nothing taken in, before."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.support import serving
from tests import oidc_provider

pytestmark = pytest.mark.browser

PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def app(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("signing_in")
    port = serving.unused_port()
    back = f"http://127.0.0.1:{port}/oauth2callback"
    with oidc_provider.running(back) as provider:
        table = {
            "client_id": oidc_provider.CLIENT_ID,
            "client_secret": oidc_provider.CLIENT_SECRET,
            "server_metadata_url": f"{provider.issuer}/.well-known/openid-configuration",
            "redirect_uri": back,
            "cookie_secret": "k" * 40,
            "allowed": ["*@example.org"],
        }
        file = folder / "sign_in.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        file.write_text("\n".join(lines), encoding="utf-8")
        command = [sys.executable, "-m", "inspector", "app", "--no-browser", "--port", str(port)]
        env = {
            "INSPECTOR_WORKSPACE": str(folder / "workspace"),
            "INSPECTOR_SIGN_IN": str(file),
            "PYTHONPATH": str(root),
        }
        with serving.running(command, cwd=folder, env=env) as url:
            yield url


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def test_a_page_opens_no_model_before_somebody_has_signed_in(app: str) -> None:
    request = urllib.request.Request(f"{app}/graph?sample=iris", headers={"Accept": "text/html"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        page = answer.read()
    assert b"__streamlit" in page
    assert b"early" not in page


def sign_in(page: Any, who: str) -> None:
    page.locator(".st-key-sign_in button").click()
    page.get_by_role("link", name=who).click()


def test_nothing_is_shown_before_sign_in_and_all_after(page: Any, app: str) -> None:
    for path in ("/", "/overview", "/graph?sample=iris"):
        page.goto(f"{app}{path}")
        page.locator(".st-key-sign_in button").wait_for()
        assert not page.locator('[class*="st-key-sample_"], .node, .zone').count()
    sign_in(page, "ada")
    page.locator(".st-key-sample_iris button").wait_for()
    page.get_by_text("Signed in as ada@example.org").wait_for()
    # The link of before is followed now.
    page.goto(f"{app}/graph?sample=iris")
    page.locator(".node").first.wait_for()
    page.locator(".st-key-sign_out button").click()
    page.locator(".st-key-sign_in button").wait_for()
    assert not page.locator(".node").count()


def test_a_model_is_shared_by_its_link_alone(page: Any, chromium: Any, app: str) -> None:
    page.goto(app)
    sign_in(page, "ada")
    model = Path(__file__).parents[1] / "models" / "tf115" / "frozen.pbtxt"
    page.locator('.st-key-upload_file input[type="file"]').set_input_files(str(model))
    page.locator("h1", has_text="Overview").wait_for()
    page.wait_for_url("**model=*")
    link = page.url
    other = chromium.new_context()
    theirs = other.new_page()
    theirs.set_default_timeout(PATIENCE_MS)
    theirs.goto(link)
    theirs.locator(".st-key-sign_in button").wait_for()
    assert model.name not in theirs.content()
    sign_in(theirs, "ada")
    theirs.locator(".st-key-sample_iris button").wait_for()
    assert model.name not in theirs.content()
    theirs.goto(link)
    theirs.locator(".st-key-sidebar_model", has_text=model.name).wait_for()
    other.close()


@pytest.mark.parametrize("who", ["eve", "mal"])
def test_who_is_not_allowed_sees_nothing(page: Any, app: str, who: str) -> None:
    page.goto(app)
    sign_in(page, who)
    page.get_by_text("may not use this server").wait_for()
    assert not page.locator('[class*="st-key-sample_"], .zone').count()


def test_a_forged_cookie_is_nobody(page: Any, app: str) -> None:
    forged = json.dumps({"origin": app, "is_logged_in": True, "email": "ada@example.org"})
    page.context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": app}])
    page.goto(app)
    page.locator(".st-key-sign_in button").wait_for()


def test_an_upload_without_a_session_is_refused(app: str) -> None:
    request = urllib.request.Request(
        f"{app}/uploads", data=b"{}\n", headers={"Origin": app, "X-Upload-Token": "guess"}
    )
    with pytest.raises(urllib.request.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 403
    refused.value.close()
