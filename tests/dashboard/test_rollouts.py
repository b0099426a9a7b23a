"""Moving a rollout through the API: shown first, approved by another, begun once, and told how it ended."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.support.folders import write_files
from tests.support.projects import QUICK_SESSION, write_shop
from tests.support.serving import TOKENS, served, token_settings
from tests.support.shop import FILES

from instar.core.rollout.state import Rollout
from instar.dashboard.moves import Moves
from instar.dashboard.problems import Problem
from instar.dashboard.site import Site, open_site
from instar.kafka.built_in import BuiltInBroker
from instar.kafka.cluster import Cluster
from instar.project.project import load_project
from instar.rollout.coordinator import Result
from instar.state.errors import Unreachable
from realkafka.pytest_plugin import Kafka

M = "/v1/migrations/sales-v3"
WITHIN_S = 60.0


@pytest.fixture
def site(tmp_path: Path) -> Any:
    """A shop whose migration is a draft, with tokens of every role."""
    write_files(tmp_path, FILES)
    with BuiltInBroker() as broker:
        settings = tmp_path / "instar.toml"
        settings.write_text(settings.read_text() + token_settings())
        Cluster({"bootstrap.servers": broker.bootstrap}).create("sales", 2, {})
        yield open_site(load_project(tmp_path), broker.bootstrap)


@pytest.fixture
def as_(site: Site) -> Callable[[str], TestClient]:
    return lambda role: served(site, token=TOKENS[role])


def post(client: TestClient, path: str, key: str, **body: Any) -> Any:
    return client.post(f"{M}/{path}", json={"reason": "it is time", **body}, headers={"Idempotency-Key": key})


def approved(as_: Callable[[str], TestClient], action: str = "apply") -> None:
    """Asked for by the operator, given by the approver."""
    asked = post(as_("operator"), "approvals", f"ask-{action}", action=action).json()
    assert post(as_("approver"), f"approvals/{asked['id']}/approve", f"approve-{action}").status_code == 200


def test_the_steps_are_shown_and_nothing_is_done(as_: Callable[[str], TestClient]) -> None:
    approved(as_)
    shown = post(as_("operator"), "apply", "one").json()
    assert shown["result"] == "planned"
    assert any("sales.v3" in step for step in shown["steps"])
    standing = as_("viewer").get(f"{M}/rollout").json()
    assert (standing["phase"], standing["move"], standing["underway"]) == ("draft", None, None)


def test_steps_that_were_not_the_ones_shown_are_not_begun(site: Site, as_: Callable[[str], TestClient]) -> None:
    approved(as_)
    answer = post(as_("operator"), "apply", "one", execute=True, shown="0123456789abcdef")
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:instar:problem:plan-changed"
    assert site.moves.of("sales-v3") is None


def test_what_is_refused_says_why_and_begins_nothing(site: Site, as_: Callable[[str], TestClient]) -> None:
    for verb, why in (("apply", "no-approval"), ("switch", "not-applied"), ("rollback", "not-switched")):
        answer = post(as_("operator"), verb, verb, execute=True)
        assert answer.status_code == 409
        assert answer.json()["type"] == "urn:instar:problem:rollout-refused"
        assert answer.json()["reason"] == why
    assert site.moves.of("sales-v3") is None
    told = [(deed.by, deed.what, deed.migration, deed.outcome) for deed in site.audit.newest()]
    assert told == [("operator-1", verb, "sales-v3", "refused") for verb in ("rollback", "switch", "apply")]


def test_who_asked_may_not_approve(as_: Callable[[str], TestClient]) -> None:
    asked = post(as_("approver"), "approvals", "one", action="apply").json()
    own = post(as_("approver"), f"approvals/{asked['id']}/approve", "two")
    assert own.status_code == 409
    assert "asked for themselves" in own.json()["detail"]
    other = post(as_("operator"), "approvals", "three", action="apply").json()
    given = post(as_("approver"), f"approvals/{other['id']}/approve", "four").json()
    assert (given["standing"], given["asked_by"], given["answered_by"]) == ("approved", "operator-1", "approver-1")
    listed = as_("viewer").get(f"{M}/approvals").json()["items"]
    assert {each["id"]: each["standing"] for each in listed} == {asked["id"]: "open", other["id"]: "approved"}


def test_a_migration_is_moved_by_one_at_a_time_and_the_next_may_go_on() -> None:
    moves, go = Moves(), threading.Event()

    def works() -> Result:
        assert go.wait(WITHIN_S)
        return Result("done", Rollout("sales-v3"), "switch is done")

    moves.begin("sales-v3", "switch", "ada", works, lambda _: None)
    with pytest.raises(Problem, match="begun by ada"):
        moves.begin("sales-v3", "rollback", "grace", works, lambda _: None)
    go.set()
    moves.wait("sales-v3", WITHIN_S)
    moves.begin("sales-v3", "rollback", "grace", works, lambda _: None)
    moves.wait("sales-v3", WITHIN_S)
    move = moves.of("sales-v3")
    assert move is not None
    assert (move.what, move.running, move.result["result"]) == ("rollback", False, "done")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreachable("the database does not answer", "Start it."), "the database does not answer"),
        (KeyboardInterrupt(), "The server ended"),
        (ValueError("a password"), "the log says what"),
    ],
)
def test_whatever_ends_a_move_is_told(error: BaseException, said: str) -> None:
    moves = Moves()

    def breaks() -> Result:
        raise error

    def cannot_look(_: object) -> None:
        raise RuntimeError

    moves.begin("sales-v3", "switch", "ada", breaks, cannot_look)
    moves.wait("sales-v3", WITHIN_S)
    move = moves.of("sales-v3")
    assert move is not None
    assert not move.running
    assert said in move.result["message"]
    assert "password" not in str(move.result)


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_a_move_is_begun_once_told_how_it_ended_and_final_under_its_name_alone(
    kafka: Kafka, topic_name: Callable[[str], str], tmp_path: Path
) -> None:
    shop = write_shop(tmp_path, topic_name("moved"), {**kafka.client_config(), **QUICK_SESSION})
    settings = shop.root / "instar.toml"
    settings.write_text(settings.read_text() + token_settings())
    site = open_site(load_project(shop.root))
    client = served(site, token=TOKENS["operator"])
    place = f"/v1/migrations/{shop.migration}"

    def move(verb: str, key: str, **body: Any) -> Any:
        asked = {"reason": "it is time", **body}
        return client.post(f"{place}/{verb}", json=asked, headers={"Idempotency-Key": key})

    def standing() -> Any:
        site.moves.wait(shop.migration, WITHIN_S)
        return client.get(f"{place}/rollout").json()

    digest = move("apply", "one").json()["digest"]
    begun = move("apply", "two", execute=True, shown=digest)
    assert begun.status_code == 202, begun.text
    assert begun.headers["location"] == f"{place}/rollout"
    assert standing()["move"]["outcome"]["result"] == "done", standing()
    assert standing()["phase"] == "expanded"
    assert shop.cluster.find(shop.new) is not None
    again = move("apply", "two", execute=True, shown=digest)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert [deed.what for deed in site.audit.newest()] == ["apply"]
    for number, confirm in enumerate(("", "sales")):
        assert move("abandon", f"three-{number}", execute=True, confirm=confirm).status_code == 422
    assert move("abandon", "four").json()["result"] == "planned"
    assert standing()["phase"] == "expanded"
    assert move("abandon", "five", execute=True, confirm=shop.migration).status_code == 202
    assert standing()["phase"] == "abandoned"
    assert shop.cluster.find(shop.new) is None
