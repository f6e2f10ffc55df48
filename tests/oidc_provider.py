"""A small OpenID Connect provider on loopback: discovery, authorization code with PKCE, RS256."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import html
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "inspector", "client-secret"
PEOPLE = {
    "ada": {"sub": "1", "email": "ada@example.org", "email_verified": True, "name": "Ada"},
    "eve": {"sub": "2", "email": "eve@elsewhere.example", "email_verified": True, "name": "Eve"},
    "mal": {"sub": "3", "email": "mal@example.org", "email_verified": False, "name": "Mal"},
}


@dataclass
class Provider:
    """The state of the provider: its address, its key, the codes that are not redeemed yet."""

    issuer: str
    redirect_uri: str
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "1", "use": "sig"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    redeemed: int = 0

    def app(self) -> Starlette:
        """The provider as an ASGI application."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def metadata(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def authorize(self, request: Request) -> Response:
        """Ask who it is; a link of a name sends the browser back with a code."""
        query = dict(request.query_params)
        if query.get("client_id") != CLIENT_ID or query.get("redirect_uri") != self.redirect_uri:
            return PlainTextResponse("unknown client", 400)
        person = query.pop("person", None)
        if person is None:
            links = [
                f'<p><a href="?{html.escape(urlencode({**query, "person": name}))}">{name}</a>'
                for name in PEOPLE
            ]
            return HTMLResponse("<h1>Who are you?</h1>" + "".join(links))
        code = secrets.token_urlsafe()
        self.codes[code] = {**query, "person": person}
        back = urlencode({"code": code, "state": query["state"]})
        return RedirectResponse(f"{self.redirect_uri}?{back}", 302)

    async def token(self, request: Request) -> Response:
        """Redeem a code, once, for who proves to be the client that asked for it."""
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        basic = request.headers.get("authorization", "").removeprefix("Basic ")
        given = base64.b64decode(basic).decode() if basic else ""
        asked = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if given != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return JSONResponse({"error": "invalid_client"}, 401)
        if asked is None or asked.get("code_challenge") != challenge:
            return JSONResponse({"error": "invalid_grant"}, 400)
        self.redeemed += 1
        now = int(time.time())
        claims = {
            **PEOPLE[asked["person"]],
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked.get("nonce"),
        }
        signed = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": signed})

    async def keys(self, _request: Request) -> Response:
        return JSONResponse(KeySet([self.key]).as_dict(private=False))


@contextlib.contextmanager
def running(redirect_uri: str) -> Iterator[Provider]:
    """The provider on a free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}", redirect_uri)
        server = uvicorn.Server(uvicorn.Config(provider.app(), log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(20)
