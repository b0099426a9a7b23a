"""Several servers on one state store, and one that was started again: they are one to whoever uses them."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.support.kept import StateKept
from tests.support.serving import TOKENS, served
from tests.support.sites import broker_of_shop, opened_at, write_site
from tests.support.states import fresh_state

from instar.dashboard.callers import COOKIE
from instar.dashboard.site import Site
from instar.dashboard.tending import tend_once
from instar.operations.stating import state_of
from instar.state.idempotency import KEPT_MS

M = "/v1/migrations/sales-v3"


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the state is. SQLite stands for a server that was started again on the same machine."""
    if request.param == "sqlite":
        return "sqlite:///.instar/state.db"
    url: str = request.getfixturevalue("postgresql_url")
    with fresh_state(url, tmp_path):
        return url


@pytest.fixture
def bootstrap() -> Iterator[str]:
    with broker_of_shop() as address:
        yield address


@pytest.fixture
def one(state: str, tmp_path: Path, bootstrap: str) -> Iterator[Site]:
    with opened_at(write_site(tmp_path / "one", state=state), bootstrap) as site:
        yield site


@pytest.fixture
def two(one: Site, bootstrap: str) -> Iterator[Site]:
    with opened_at(one.project.root, bootstrap) as site:
        yield site


def signed_in(site: Site, role: str = "operator") -> str:
    """The cookie that the browser got."""
    answer = served(site).post("/sign-in", data={"token": TOKENS[role]})
    assert answer.status_code == 303
    return str(answer.cookies[COOKIE])


def browser(site: Site, cookie: str) -> TestClient:
    client = served(site)
    client.headers["Cookie"] = f"{COOKIE}={cookie}"
    return client


def csrf_of(client: TestClient, path: str) -> str:
    return client.get(path).text.partition('name="csrf" value="')[2].partition('"')[0]


def rate(site: Site, key: str, said: str = "5000/s", role: str = "operator") -> Any:
    client = served(site, token=TOKENS[role])
    return client.post(f"{M}/rate", json={"rate": said}, headers={"Idempotency-Key": key})


def test_who_signed_in_at_one_server_is_known_at_the_other(one: Site, two: Site) -> None:
    cookie = signed_in(one)
    assert "operator-1 · operator" in browser(two, cookie).get("/subjects").text
    assert browser(two, cookie[:-1] + "x").get("/subjects").status_code == 303
    browser(two, cookie).post("/sign-out", data={"csrf": csrf_of(browser(two, cookie), "/subjects")})
    assert browser(one, cookie).get("/subjects").status_code == 303


def test_a_form_of_one_server_is_taken_by_the_other(one: Site, two: Site) -> None:
    cookie = signed_in(one)
    csrf = csrf_of(browser(one, cookie), "/migrations/sales-v3/pause")
    form = {"csrf": csrf, "why": "the disk is full"}
    assert browser(two, cookie).post("/migrations/sales-v3/pause", data=form).status_code == 303
    assert browser(two, signed_in(one)).post("/migrations/sales-v3/pause", data=form).status_code == 403


def test_neither_the_cookie_nor_what_forms_carry_is_stored(one: Site) -> None:
    cookie = signed_in(one)
    csrf = csrf_of(browser(one, cookie), "/subjects")
    assert csrf
    with state_of(one.project) as state, state.database.reading() as connection:
        stored = repr(connection.exec_driver_sql("SELECT * FROM instar_sessions").all())
    assert sha256(cookie.encode()).hexdigest() in stored
    for secret in (cookie, csrf, TOKENS["operator"], sha256(TOKENS["operator"].encode()).hexdigest()):
        assert secret not in stored


@pytest.mark.parametrize("change", ["removed", "another token", "another role"])
def test_a_session_ends_with_the_token_that_began_it(one: Site, bootstrap: str, change: str) -> None:
    operators, viewers = signed_in(one), signed_in(one, "viewer")
    settings = one.project.root / "instar.toml"
    text = settings.read_text()
    hashed = sha256(TOKENS["operator"].encode()).hexdigest()
    row = f'{{ name = "operator-1", role = "operator", sha256 = "{hashed}" }}'
    assert row in text
    instead = {
        "removed": "",
        "another token": row.replace(hashed, sha256(b"a new one").hexdigest()) + ",",
        "another role": row.replace('role = "operator"', 'role = "viewer"') + ",",
    }
    settings.write_text(text.replace(row + ",", instead[change]))
    with opened_at(one.project.root, bootstrap) as after:
        assert browser(after, operators).get("/subjects").status_code == 303
        assert browser(after, viewers).get("/subjects").status_code == 200


def test_what_was_done_at_one_server_is_answered_by_the_other(one: Site, two: Site) -> None:
    first = rate(one, "once")
    again = rate(two, "once")
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert rate(two, "once", "1/s").json()["type"] == "urn:instar:problem:key-reused"
    assert rate(two, "once", role="approver").headers.get("idempotency-replayed") is None  # a key is its caller's
    told = served(two, token=TOKENS["operator"]).get("/v1/audit", params={"what": "rate"}).json()["items"]
    assert [(item["by"], item["outcome"]) for item in told] == [("approver-1", "done"), ("operator-1", "done")]


def test_what_is_over_is_forgotten_in_the_background(one: Site) -> None:
    signed_in(one)
    rate(one, "once")
    assert one.store is not None
    with one.store.asked() as state:
        StateKept(state).pass_time(KEPT_MS)
    tend_once(one, prune=True)
    with state_of(one.project) as state, state.database.reading() as connection:
        for table in ("instar_sessions", "instar_idempotency"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0  # noqa: S608
