"""Who did what: filtered, in pages, with effects by their names and refused attempts marked."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.support.serving import TOKENS, served
from tests.support.sites import broker_of_shop, open_at, write_site

from instar.core.control import TOPIC
from instar.core.ledger import Entry
from instar.core.rollout.control_messages import EpochMessage, key_of, value_of
from instar.core.rollout.document import effect_document
from instar.core.rollout.effect import CloseEpoch, CreateTopic, Undo
from instar.core.rollout.storage import Noted
from instar.core.rollout.telling import effect_told, told
from instar.dashboard.audit import Audit
from instar.dashboard.callers import Caller, Role
from instar.dashboard.guard import Limiter
from instar.dashboard.site import Site
from instar.dashboard.watcher import MigrationSeen
from instar.kafka.entries import write_entries

ADA = Caller("ada", Role.OPERATOR, "", by_cookie=False)
CLOSES = {"effect": effect_document(CloseEpoch(1, "new")), "step": 3}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A ledger of 120 entries, two of which tell of an effect."""
    root = write_site(tmp_path_factory.mktemp("told"))
    with broker_of_shop() as bootstrap:
        made = open_at(root, bootstrap)
        assert made.store is not None
        with made.store.asked() as state:
            for number in range(118):
                by = "ada" if number % 2 else "grace"
                state.ledger.note("sales-v3", Noted(by, "apply: step done", f"reason {number}", "f" * 64, {}))
            state.ledger.note("sales-v3", Noted("ada", "switch: step tried", "", "", CLOSES))
            state.ledger.note("", Noted("ada", "reader declared", "", "", {"note": "they read 'close epoch'"}))
        yield made


@pytest.fixture
def as_(site: Site) -> Callable[[str], TestClient]:
    return lambda role: served(site, token=TOKENS[role])


def pages(client: TestClient, path: str, **asked: Any) -> list[Any]:
    found, cursor = [], None
    while True:
        said = client.get(path, params={**asked, "limit": 50, **({"cursor": cursor} if cursor else {})}).json()
        found += said["items"]
        cursor = said["next"]
        if cursor is None:
            return found


def test_pages_of_the_ledger_together_are_all_of_it_the_newest_first(as_: Callable[[str], TestClient]) -> None:
    numbers = [item["number"] for item in pages(as_("viewer"), "/v1/ledger")]
    assert numbers == list(range(120, 0, -1))


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"who": "GRACE"}, 59),
        ({"what": "step done"}, 118),
        ({"what": "close epoch"}, 1),
        ({"what": "CloseEpoch"}, 1),
        ({"what": "epoch"}, 0),  # an effect is asked for by the beginning of its name
        ({"migration": "sales-v3"}, 119),
        ({"migration": "sales-v3", "what": "reader"}, 0),
        ({"since": "2020-01-01T00:00:00Z"}, 120),
        ({"until": "2020-01-01T00:00:00Z"}, 0),
        ({"since": "0001-01-01T00:00:00+14:00", "until": "9999-12-31T23:59:59-14:00"}, 120),
        ({"who": "\0"}, 0),
    ],
    ids=str,
)
def test_what_is_asked_of_the_ledger_is_found(
    as_: Callable[[str], TestClient], asked: dict[str, str], count: int
) -> None:
    assert len(pages(as_("viewer"), "/v1/ledger", **asked)) == count


def test_an_entry_names_its_effect(as_: Callable[[str], TestClient]) -> None:
    [entry] = pages(as_("viewer"), "/v1/ledger", what="close epoch")
    assert (entry["what"], entry["effect"]) == ("switch: step tried", "close epoch (epoch=1, authority=new)")
    text = as_("viewer").get("/history", params={"what": "close epoch"}).text
    assert "close epoch (epoch=1, authority=new)" in text


def test_effects_are_told_as_plans_tell_them_and_unknown_ones_by_their_own_name() -> None:
    def entry(effect: object) -> Entry:
        return Entry("local", 1, "m", 0, "ada", "apply: step done", "", "", json.dumps({"effect": effect}))

    made = CreateTopic("sales.v3", 2, {"cleanup.policy": "compact"})
    assert effect_told(entry(effect_document(Undo(made, {"there": False})))).startswith("undo: create topic (topic=sal")
    assert told(entry(effect_document(CloseEpoch(1, "new")))).startswith("apply: step done: close epoch (")
    assert effect_told(entry({"do": "FlyToTheMoon", "fuel": 3})) == "FlyToTheMoon"
    assert effect_told(entry({"do": "CreateTopic", "colour": "red"})) == "CreateTopic"
    assert told(entry({})) == told(entry("nonsense")) == "apply: step done"


def test_the_page_of_the_ledger_goes_on_behind_its_end(as_: Callable[[str], TestClient]) -> None:
    client, path, seen = as_("viewer"), "/history?who=grace", 0
    while path:
        text = client.get(path).text
        seen += text.count('<th scope="row">')
        onwards = [
            part for part in text.split('<a class="button" href="')[1:] if part.partition('">')[2][:5] == "Older"
        ]
        path = onwards[0].partition('"')[0].replace("&amp;", "&") if onwards else ""
    assert seen == 59


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "9999-12-31"])
def test_what_is_no_day_is_said(as_: Callable[[str], TestClient], day: str) -> None:
    answer = as_("viewer").get("/history", params={"until": day})
    assert answer.status_code == 422
    assert "is not a day" in answer.text


def test_refused_attempts_say_who_tried_what_and_why_not(site: Site, as_: Callable[[str], TestClient]) -> None:
    nobody = served(site)
    as_("viewer").post("/v1/migrations/sales-v3/pause", json={}, headers={"Idempotency-Key": "k"})
    nobody.post("/sign-in", data={"token": "guess"})
    nobody.get("/v1/", headers={"Authorization": "Bearer guess"})
    body = {"action": "apply", "reason": "mine"}
    asked = as_("approver").post("/v1/migrations/sales-v3/approvals", json=body, headers={"Idempotency-Key": "a"})
    own = f"/v1/migrations/sales-v3/approvals/{asked.json()['id']}/approve"
    assert as_("approver").post(own, json={"reason": "x"}, headers={"Idempotency-Key": "b"}).status_code == 409
    told = as_("operator").get("/v1/audit", params={"refused": True}).json()["items"]
    found = [(item["by"], item["role"], item["what"], item["migration"], item["why"]) for item in told]
    assert found == [
        ("approver-1", "approver", "approve", "sales-v3", "Nobody approves what they asked for themselves."),
        ("", "", "/v1/", "", "The token is not known here."),
        ("", "", "sign-in", "", "The token is not known here."),
        ("viewer-1", "viewer", "pause", "sales-v3", "viewer-1 is viewer, and this needs operator."),
    ]
    page = as_("viewer").get("/history/servers?refused=yes").text
    assert page.count('<td class="no">refused</td>') == 4
    assert "guess" not in page + json.dumps(told)


def test_whence_an_attempt_came_is_for_operators(site: Site, as_: Callable[[str], TestClient]) -> None:
    served(site).post("/sign-in", data={"token": "guess"})
    assert "testclient" in as_("operator").get("/history/servers").text
    assert "testclient" not in as_("viewer").get("/history/servers").text


def test_strangers_cannot_drown_the_audit() -> None:
    now_s = 0.0
    limiters = (Limiter(0.1, 20.0, lambda: now_s), Limiter(1.0, 50.0, lambda: now_s))
    audit = Audit(_of_one=limiters[0], _of_all=limiters[1])
    for number in range(500):
        audit.refused(None, "sign-in", "The token is not known here.", f"192.0.2.{number % 2}")
    assert len(audit.newest()) == 40
    for number in range(500):
        audit.refused(None, "sign-in", "The token is not known here.", f"198.51.100.{number}")
    assert len(audit.newest()) == 50
    now_s = 60.0
    audit.refused(None, "sign-in", "The token is not known here.", "192.0.2.1")
    assert sum(deed.details.get("unsaid", 0) for deed in audit.newest()) == 1_000 - 50  # none is forgotten


def test_a_deed_that_never_ended_says_so(site: Site, as_: Callable[[str], TestClient]) -> None:
    site.audit.begin(ADA, "redrive", "sales-v3", needs_store=True)
    told = as_("operator").get("/v1/audit", params={"what": "redrive"}).json()["items"]
    assert [item["outcome"] for item in told] == ["begun"]
    assert "begun, no end is known" in as_("viewer").get("/history/servers?what=redrive").text


def test_a_deed_that_broke_off_says_why_and_no_secrets(site: Site, as_: Callable[[str], TestClient]) -> None:
    with pytest.raises(ValueError, match="a password"), site.audit.doing(ADA, "discard", "m", needs_store=True):
        raise ValueError("a password")
    [told] = as_("operator").get("/v1/audit", params={"what": "discard"}).json()["items"]
    assert told["outcome"] == "failed"
    assert told["about"] == {"error": "Something went wrong here; the log says what."}


def test_every_page_says_that_another_store_governs_the_cluster(site: Site, as_: Callable[[str], TestClient]) -> None:
    before = site.watcher.seen
    why = "instar.control already has an epoch record of sales-v3"
    site.watcher.seen = replace(before, migrations={"sales-v3": MigrationSeen("sales-v3", stranger=why)})
    try:
        for path in ("/", "/migrations", "/subjects", "/history", "/history/servers"):
            text = as_("viewer").get(path).text
            assert "Another state store seems to govern this cluster" in text
            assert why in text
        assert why not in served(site).get("/sign-in").text
    finally:
        site.watcher.seen = before


def test_what_the_control_topic_says_of_an_unknown_rollout_is_looked_for(tmp_path: Path) -> None:
    with broker_of_shop() as bootstrap:
        made = open_at(write_site(tmp_path), bootstrap)
        assert made.watcher.look(thoroughly=True).migrations["sales-v3"].stranger == ""
        epoch = EpochMessage(1, "new", "open", 1, 0)
        write_entries(made.connection.cluster(), TOPIC, {key_of("sales-v3", epoch): value_of(epoch)})
        assert "another store" in made.watcher.look(thoroughly=True).migrations["sales-v3"].stranger
