"""What verifications found, through the API and on pages: listed, in full, masked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.support.folders import write_files
from tests.support.serving import served
from tests.support.shop import FILES
from tests.support.verifying import verified
from tests.verifier.test_faults import FAULTS, fresh
from tests.verifier.test_report import world_with

from instar.core.checkpoint import Counts
from instar.core.control import Orders
from instar.core.estimate import Speed
from instar.core.rollout.phase import Phase
from instar.core.rollout.state import Rollout
from instar.core.status import PartitionStatus, Status
from instar.dashboard import verifications
from instar.dashboard.live import figures
from instar.dashboard.site import Site, open_site
from instar.dashboard.views.migration import summary
from instar.dashboard.watcher import MigrationSeen, Seen
from instar.operations.kept_results import keep_result
from instar.operations.stating import state_of
from instar.project.project import load_project
from instar.state.verifications import Verified
from instar.verifier.modes import Mode

API = "/v1/migrations/sales-v3/verifications"
PAGE = "/migrations/sales-v3/verifications"


@pytest.fixture
def shop(tmp_path: Path) -> Site:
    """A project whose Kafka does not answer: what was verified can be read all the same."""
    write_files(tmp_path, FILES)
    return open_site(load_project(tmp_path))


@pytest.fixture
def client(shop: Site) -> TestClient:
    return served(shop)


def verify(site: Site, tmp_path: Path) -> None:
    """A right one of a sample, then a wrong one in full."""
    right = verified(world_with({}), Mode.SAMPLE, tmp_path / "a", samples=3)
    wrong = verified(world_with({"text": "my secret", "number": 7}), Mode.FULL, tmp_path / "b")
    for report in (right, wrong):
        keep_result(site.project, "sales-v3", [report])


def test_all_that_are_kept_are_listed_newest_first_and_read_in_full(
    client: TestClient, shop: Site, tmp_path: Path
) -> None:
    verify(shop, tmp_path)
    wrong, right = client.get(API).json()["items"]
    assert (wrong["verdict"], wrong["mode"], wrong["faults"], wrong["directions"]) == ("not right", "full", 1, ["up"])
    assert (right["verdict"], right["mode"], right["counts_until"]) == ("right", "sample", None)
    assert right["by"]
    assert right["coverage"] == ["3 of 10 source offsets in 1 of 1 partitions"]
    said = client.get(f"{API}/{wrong['id']}").json()
    [difference] = said["reports"][0]["differences"]
    assert {each["path"]: each["found"] for each in difference["fields"]} == {"number": "7", "text": '"***"'}
    first = client.get(f"{API}?limit=1").json()
    assert first["items"] == [wrong]
    assert client.get(f"{API}?limit=1&cursor={first['next']}").json() == {"items": [right], "next": None}


def test_a_report_is_a_page_with_its_verdict_first_and_nothing_sensitive(
    client: TestClient, shop: Site, tmp_path: Path
) -> None:
    verify(shop, tmp_path)
    listed = client.get(PAGE).text
    for each in client.get(API).json()["items"]:
        address = f"{PAGE}/{each['id']}"
        assert f'href="{address}"' in listed
        text = client.get(address).text
        assert text.index(f">{each['verdict'].capitalize()}<") < text.index("What must be zero")
        assert "What this mode cannot catch" in text
        assert "secret" not in text
        assert "***" in text


def test_what_a_record_says_is_text_on_the_page_and_never_markup(
    client: TestClient, shop: Site, tmp_path: Path
) -> None:
    report = verified(FAULTS["a header is changed"](fresh()), Mode.FULL, tmp_path / "v")
    result = report.partitions[0].result
    result.differences = [replace(one, message="<script>alert(1)</script>") for one in result.differences]
    keep_result(shop.project, "sales-v3", [report])
    [kept] = client.get(API).json()["items"]
    text = client.get(f"{PAGE}/{kept['id']}").text
    assert "&lt;script&gt;alert" in text
    assert "<script>alert" not in text


def test_without_any_it_is_said_how_to_verify(client: TestClient) -> None:
    assert client.get(API).json() == {"items": [], "next": None}
    assert "instar verify sales-v3" in client.get(PAGE).text


@pytest.mark.parametrize("path", ["/7", "/x", "/-1"])
def test_one_that_is_not_there_is_a_problem(client: TestClient, path: str) -> None:
    answer = client.get(API + path)
    assert answer.status_code == (404 if path == "/7" else 422)
    assert answer.json()["status"] == answer.status_code
    assert client.get(PAGE + path).status_code == answer.status_code


def test_what_an_earlier_instar_kept_is_shown_as_far_as_it_goes(client: TestClient, shop: Site) -> None:
    with state_of(shop.project) as state:
        state.verifications.save(Verified("sales-v3", "f", 5, True, 9, {"reports": [{"read": 3}]}), "ada")
    [said] = client.get(API).json()["items"]
    assert (said["verdict"], said["mode"], said["by"]) == ("right", None, None)
    assert "An earlier instar kept this one" in client.get(f"{PAGE}/{said['id']}").text


def carried(phase: Phase, verified: Verified | None, *, to_go: int = 0, pace: float = 0.0) -> MigrationSeen:
    speed = Speed(offsets_per_s=pace)
    row = PartitionStatus(0, 0, 5, 5 + to_go, to_go, speed, "instar-0", "", 1.0, Counts())
    status = Status("sales-v3", "up", "sales", "sales.v3", 1, (row,), Orders(), None)
    found = () if verified is None else (verifications.kept(1, verified),)
    return MigrationSeen("sales-v3", (status,), rollout=Rollout("sales-v3", phase), verifications=found)


WRONG = Verified("sales-v3", "f", 5, False, 9, {})


@pytest.mark.parametrize(
    ("phase", "verified", "said"),
    [
        (Phase.CAUGHT_UP, None, "verify it: `instar verify sales-v3`"),
        (Phase.CAUGHT_UP, replace(WRONG, is_right=True, until_ms=0), "verify it: `instar verify sales-v3`"),
        (Phase.CAUGHT_UP, WRONG, "the last verification is not right"),
        (Phase.VERIFIED, None, "switch producers"),
        (Phase.SWITCHED, None, "retire the old topic"),
        (Phase.DRAFT, None, "carried as it comes"),
    ],
)
def test_what_comes_next_knows_whether_it_was_verified(
    shop: Site, phase: Phase, verified: Verified | None, said: str
) -> None:
    seen = Seen(1, migrations={"sales-v3": carried(phase, verified)})
    assert summary(shop.project, seen, "sales-v3").next.startswith(said)


def test_where_producers_write_follows_the_authority(shop: Site) -> None:
    look = carried(Phase.VERIFIED, None)
    assert look.rollout is not None
    assert summary(shop.project, Seen(1, migrations={"sales-v3": look}), "sales-v3").producers == "old"
    look = replace(look, rollout=replace(look.rollout, phase=Phase.SWITCHED, authority="new"))
    assert summary(shop.project, Seen(1, migrations={"sales-v3": look}), "sales-v3").producers == "new"


@pytest.mark.parametrize(
    ("phase", "said"),
    [(Phase.REPLAYING, "being carried"), (Phase.CAUGHT_UP, "verify it"), (Phase.VERIFIED, "switch producers")],
)
def test_records_that_come_all_the_time_do_not_hide_what_comes_next(shop: Site, phase: Phase, said: str) -> None:
    seen = Seen(1, migrations={"sales-v3": carried(phase, None, to_go=3, pace=2.0)})
    assert summary(shop.project, seen, "sales-v3").next.startswith(said)


@pytest.mark.parametrize(
    ("to_go", "pace", "said"), [(0, 0.0, "–"), (120, 2.0, "about 1 min 0 s"), (5, 0.0, "no end in sight")]
)
def test_each_partition_has_an_estimate_of_its_own(to_go: int, pace: float, said: str) -> None:
    [status] = carried(Phase.REPLAYING, None, to_go=to_go, pace=pace).statuses
    assert figures(status)["0/left"] == said


def test_the_migrations_page_shows_the_last_ones(as_: Callable[[str], TestClient], site: Site, tmp_path: Path) -> None:
    client = as_("viewer")
    assert "Nothing was verified yet" in client.get("/migrations/orders-v3").text
    keep_result(site.project, "orders-v3", [verified(fresh(), Mode.COUNTS, tmp_path)])
    site.watcher.look(thoroughly=True)
    text = client.get("/migrations/orders-v3").text
    assert "Nothing was verified yet" not in text
    [said] = client.get("/v1/migrations/orders-v3/verifications").json()["items"]
    assert f'href="/migrations/orders-v3/verifications/{said["id"]}"' in text
