"""Sign-in through an OpenID Connect provider, where ``INSPECTOR_SIGN_IN`` names its settings.

The file is TOML: the keys of Streamlit's ``[auth]`` section (`REQUIRED` and optional ones), and
``allowed``, patterns of e-mail addresses. docs/serving.md describes it.
"""

from __future__ import annotations

import importlib.util
import tomllib
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from inspector import settings
from inspector.errors import InspectorError
from inspector.ui.server import web_guard
from inspector.ui.server.web_guard import Address
from inspector.ui.widgets import text

REQUIRED = ("client_id", "client_secret", "server_metadata_url", "redirect_uri", "cookie_secret")
CALLBACK = "/oauth2callback"
MIN_SECRET = 32
"""Least characters of the secret that signs cookies: whoever guesses it can be any user."""
LIBRARIES = ("authlib", "httpx")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def configuration() -> dict[str, Any] | None:
    """The provider's settings; None without sign-in.

    Raises: InspectorError for a file that cannot be read or is incomplete.
    """
    file = settings.SIGN_IN()
    if file is None:
        return None
    name = settings.SIGN_IN.name
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as err:
        raise InspectorError(name, file.name, f"cannot be read ({err.strerror})") from err
    except ValueError as err:
        raise InspectorError(name, file.name, "is no TOML") from err
    for key in REQUIRED:
        if not isinstance(table.get(key), str) or not table[key]:
            raise InspectorError(name, file.name, f"needs {key} = a text")
    patterns = table.setdefault("allowed", [])
    if not isinstance(patterns, list) or not all(isinstance(item, str) for item in patterns):
        raise InspectorError(name, file.name, 'allowed is no list such as ["*@example.org"]')
    if len(table["cookie_secret"]) < MIN_SECRET:
        raise InspectorError(name, file.name, f"cookie_secret has under {MIN_SECRET} characters")
    return table


def check(addresses: Collection[Address]) -> dict[str, Any] | None:
    """The secrets for Streamlit; None without sign-in.

    Args:
        addresses: The addresses of the app; the provider must redirect to one of them.
    Raises: InspectorError for settings with which nobody could sign in.
    """
    table = configuration()
    if table is None:
        return None
    name = settings.SIGN_IN.name
    app_url, separator, rest = table["redirect_uri"].rpartition(CALLBACK)
    address = web_guard.address_of(app_url)
    if not separator or rest or address not in addresses:
        why = (
            f"must be an address of this app and {CALLBACK}, e.g. "
            f"https://inspector.example.org{CALLBACK} with that host in INSPECTOR_PUBLIC_URLS"
        )
        raise InspectorError(name, "redirect_uri", why)
    provider = urlsplit(table["server_metadata_url"])
    if provider.scheme != "https" and provider.hostname not in _LOOPBACK:
        raise InspectorError(name, "server_metadata_url", "must begin with https://")
    if any(importlib.util.find_spec(library) is None for library in LIBRARIES):
        why = "is not installed: pip install 'tf-graph-inspector[signin]'"
        raise InspectorError(name, "authlib", why)
    return {"auth": {key: value for key, value in table.items() if key != "allowed"}}


def is_allowed(user: Mapping[str, Any], patterns: Collection[str]) -> bool:
    """Whether a signed-in user may use the app; without patterns every user may."""
    if not patterns:
        return True
    address = str(user.get("email") or "").lower()
    is_verified = user.get("email_verified") is True
    return is_verified and any(fnmatchcase(address, pattern.lower()) for pattern in patterns)


def require() -> None:
    """End the page, with a button to sign in or out, unless the user is signed in and allowed."""
    table = configuration()
    if table is None:
        return
    if not st.user.is_logged_in:
        st.title("Sign in")
        st.caption("This server shows models to people who are signed in.")
        if st.query_params:
            st.caption("Open the link once more when you are.")
        st.button("Sign in", key="sign_in", type="primary", on_click=st.login)
        st.stop()
    if not is_allowed(st.user.to_dict(), table["allowed"]):
        st.title("Sign in")
        st.error(f"{_user_name()} may not use this server.", icon=":material/error:")
        st.button("Sign out", key="sign_out", on_click=st.logout)
        st.stop()


def sidebar() -> None:
    """The name of the user and a button to sign out; nothing without sign-in."""
    if configuration() is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="signed_in"):
        st.caption(f"Signed in as {_user_name()}")
        st.button("Sign out", key="sign_out", type="tertiary", on_click=st.logout)


def _user_name() -> str:
    user = st.user.to_dict()
    return text.escape(str(user.get("email") or user.get("name") or user.get("sub")), 80)
