"""A site as its tests reach it: over ASGI, without a socket."""

from hashlib import sha256

from starlette.testclient import TestClient

from instar.dashboard.app import make_app
from instar.dashboard.guard import Limiter
from instar.dashboard.site import Site

HERE = "http://127.0.0.1:8300"
TOKENS = {role: f"the token of the {role}, thirty-two bytes or so" for role in ("viewer", "operator", "approver")}


def token_settings() -> str:
    """The settings that know the tokens."""
    rows = ", ".join(
        f'{{ name = "{role}-1", role = "{role}", sha256 = "{sha256(token.encode()).hexdigest()}" }}'
        for role, token in TOKENS.items()
    )
    return f"\n[serve]\ntokens = [{rows}]\n"


def served(site: Site, *, token: str | None = None, limiter: Limiter | None = None) -> TestClient:
    """A client of the site. Nothing is looked at in the background: what was seen stays what it is."""
    app = make_app(site, limiter=limiter or Limiter(rate_per_s=1e6, burst=1e6))
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return TestClient(app, base_url=HERE, headers=headers, raise_server_exceptions=False, follow_redirects=False)
