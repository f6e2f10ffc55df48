"""The settings of sign-in: what nobody could sign in with is told before the server starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from inspector.errors import InspectorError
from inspector.ui.server import sign_in
from inspector.ui.server.web_guard import Address

OWN = {Address("https", "models.example", 443)}
GOOD: dict[str, Any] = {
    "client_id": "inspector",
    "client_secret": "secret",
    "server_metadata_url": "https://id.example/.well-known/openid-configuration",
    "redirect_uri": "https://models.example/oauth2callback",
    "cookie_secret": "k" * 32,
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "sign_in.toml"
    monkeypatch.setenv("INSPECTOR_SIGN_IN", str(place))
    return place


def write(file: Path, **changes: Any) -> None:
    table = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    file.write_text("\n".join(lines), encoding="utf-8")


def test_without_the_setting_nobody_signs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSPECTOR_SIGN_IN", raising=False)
    assert sign_in.check(OWN) is None


def test_streamlit_gets_its_section(file: Path) -> None:
    write(file, allowed=["*@example.org"])
    assert sign_in.check(OWN) == {"auth": GOOD}
    assert sign_in.configuration() == {**GOOD, "allowed": ["*@example.org"]}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"client_id": None}, "needs client_id"),
        ({"client_secret": 7}, "needs client_secret"),
        ({"cookie_secret": "short"}, "under 32 characters"),
        ({"allowed": "all"}, "allowed is no list"),
        ({"redirect_uri": "https://other.example/oauth2callback"}, "redirect_uri: must be"),
        ({"redirect_uri": "http://models.example/oauth2callback"}, "redirect_uri: must be"),
        ({"redirect_uri": "https://models.example/"}, "redirect_uri: must be"),
        ({"server_metadata_url": "http://id.example/x"}, "must begin with https://"),
    ],
)
def test_what_nobody_can_sign_in_with_is_told(
    file: Path, changes: dict[str, Any], why: str
) -> None:
    write(file, **changes)
    with pytest.raises(InspectorError, match=f"INSPECTOR_SIGN_IN: .*{why}"):
        sign_in.check(OWN)


def test_a_file_that_is_missing_or_none_is_told(file: Path) -> None:
    with pytest.raises(InspectorError, match=r"sign_in\.toml: cannot be read"):
        sign_in.check(OWN)
    file.write_text("no toml", encoding="utf-8")
    with pytest.raises(InspectorError, match=r"sign_in\.toml: is no TOML"):
        sign_in.check(OWN)


@pytest.mark.parametrize(
    ("user", "allowed"),
    [
        ({"email": "Ada@Example.org", "email_verified": True}, True),
        ({"email": "ada@example.org", "email_verified": False}, False),
        ({"email": "ada@example.org", "email_verified": "true"}, False),
        ({"email": "ada@example.org"}, False),
        ({"email": "ada@example.org.evil", "email_verified": True}, False),
        ({"email": None, "email_verified": True}, False),
        ({}, False),
    ],
)
def test_patterns_need_a_verified_address(user: dict[str, Any], allowed: bool) -> None:
    assert sign_in.is_allowed(user, ["*@example.org"]) is allowed
    assert sign_in.is_allowed(user, [])
