"""The state store is away: people stay in, what brakes works, what cannot be taken back waits, and pages say so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.support.serving import TOKENS, served
from tests.support.sites import Removable, broker_of_shop, open_at, with_store, write_site

from instar.dashboard.audit import KEPT
from instar.dashboard.callers import COOKIE
from instar.dashboard.site import Site
from instar.dashboard.tending import tend_once
from instar.state.wanted import Wanted

M = "/v1/migrations/sales-v3"


@pytest.fixture
def store_and_site(tmp_path: Path) -> Iterator[tuple[Removable, Site]]:
    with broker_of_shop() as bootstrap:
        site = open_at(write_site(tmp_path), bootstrap)
        store = Removable(site.project)
        yield store, with_store(site, store)


@pytest.fixture
def store(store_and_site: tuple[Removable, Site]) -> Removable:
    return store_and_site[0]


@pytest.fixture
def site(store_and_site: tuple[Removable, Site]) -> Site:
    return store_and_site[1]


@pytest.fixture
def operator(site: Site) -> TestClient:
    return served(site, token=TOKENS["operator"])


def post(client: TestClient, path: str, key: str, **body: Any) -> Any:
    return client.post(f"{M}/{path}", json=body, headers={"Idempotency-Key": key})


def stored(site: Site) -> list[tuple[str, str]]:
    assert site.store is not None
    with site.store.asked() as state:
        return [(deed.what, deed.outcome) for deed in state.audit.page(Wanted(), 100)][::-1]


def signed_in(site: Site) -> TestClient:
    client = served(site)
    assert client.post("/sign-in", data={"token": TOKENS["operator"]}).status_code == 303
    return client


def test_people_stay_in_and_others_come_in_and_every_page_says_so(site: Site, store: Removable) -> None:
    before = signed_in(site)
    assert "The state store does not answer" not in before.get("/subjects").text
    store.down = True
    during = signed_in(site)
    for client in (before, during):
        for path in ("/subjects", "/history", "/history/servers"):
            answer = client.get(path)
            assert answer.status_code == 200
            assert "The state store does not answer" in answer.text
            assert "Start it." in answer.text
    store.down = False
    tend_once(site)
    for client in (before, during):
        assert client.get("/subjects").status_code == 200
        assert "The state store does not answer" not in client.get("/subjects").text


def test_who_signs_out_meanwhile_does_not_come_back_with_the_store(site: Site, store: Removable) -> None:
    client = signed_in(site)
    cookie = client.cookies[COOKIE]
    csrf = client.get("/subjects").text.partition('name="csrf" value="')[2].partition('"')[0]
    store.down = True
    assert client.post("/sign-out", data={"csrf": csrf}).status_code == 303
    again = served(site)
    again.headers["Cookie"] = f"{COOKIE}={cookie}"
    assert again.get("/subjects").status_code == 303
    store.down = False
    tend_once(site)
    assert again.get("/subjects").status_code == 303
    tend_once(site, prune=True)
    assert again.get("/subjects").status_code == 303
    other = with_store(site, store)
    assert served(other).get("/subjects", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 303


def test_what_brakes_works_once_under_its_key_and_is_written_down_later(
    site: Site, store: Removable, operator: TestClient
) -> None:
    store.down = True
    first, again = (post(operator, "pause", "p", why="the disk is full") for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert again.headers["idempotency-replayed"] == "true"
    assert operator.get("/v1/audit").status_code == 503
    store.down = False
    tend_once(site)
    assert stored(site) == [("pause", "done")]
    assert post(operator, "pause", "p", why="the disk is full").headers["idempotency-replayed"] == "true"


def test_what_became_of_a_deed_is_never_written_before_its_beginning(
    site: Site, store: Removable, operator: TestClient
) -> None:
    store.down = True
    post(operator, "pause", "p")
    store.down = False
    store.away = None  # as another request finds it
    post(operator, "resume", "r")
    assert stored(site) == [("pause", "done"), ("resume", "done")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("dead-letters/redrive", {"execute": True}),
        ("dead-letters/discard", {"execute": True, "reason": "a test", "confirm": "sales-v3"}),
        ("apply", {"execute": True, "reason": "a test"}),
        ("approvals", {"action": "apply", "reason": "a test"}),
    ],
)
def test_what_cannot_be_taken_back_waits_for_the_store(
    site: Site, store: Removable, operator: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, body: Any
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        return store.asked()

    monkeypatch.setattr("instar.operations.rolling.state_of", away)
    store.down = True
    answer = post(operator, path, "k", **body)
    assert answer.status_code == 503, answer.text
    assert answer.json()["type"] == "urn:instar:problem:state"
    assert answer.json()["remedy"] == "Start it."
    assert site.moves.of("sales-v3") is None


def test_lines_that_wait_are_bounded_and_the_oldest_give_way(
    site: Site, store: Removable, operator: TestClient
) -> None:
    store.down = True
    for number in range(KEPT // 2 + 5):
        site.audit.note(site.door._local, f"deed {number}", "")
        site.audit.note(site.door._local, "another", "")
    store.down = False
    tend_once(site)
    with store.asked() as state:
        assert len(state.audit.page(Wanted(), 2 * KEPT)) == KEPT
