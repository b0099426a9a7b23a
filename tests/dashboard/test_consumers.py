"""Who reads and writes which version, on the pages and in the API: filters, pages of rows, why, and what is missing."""

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.support.folders import write_files
from tests.support.serving import served
from tests.support.shop import FILES

from instar.census.following import Writer
from instar.core.census_fold import Census
from instar.core.census_result import Client
from instar.core.census_result import Seen as Used
from instar.core.census_trend import Step, Trend
from instar.core.retirement import Group, Reason, Verdict
from instar.dashboard.cluster import Connection
from instar.dashboard.programs import Programs, ProgramsSeen
from instar.dashboard.site import Site, open_site
from instar.dashboard.views.mix import HEIGHT, WIDTH, mix_chart
from instar.dashboard.views.verdict import LIMIT_REASONS, shown
from instar.dashboard.watcher import LOOK_EVERY_S, SLOW_EVERY_S, SLOW_PART, MigrationSeen, Seen, Watcher
from instar.operations.dependants import Wrote
from instar.project.project import load_project
from instar.rollout.evidence import GroupsSeen
from instar.state.readers import DeclaredReader

NOW_MS = time.time_ns() // 1_000_000
GROUPS = 120
BILLING = Client(
    0, 1, "reads", "sales", "sales", "b-1", "billing", "finance", {"v3": Used(4, NOW_MS)}, {"v1": Used(4, NOW_MS)}
)
PROGRAMS = ProgramsSeen(
    Census({}, (BILLING,)),
    "",
    writers={Writer("sales", "sales", "", "v1"): Wrote(7, NOW_MS)},
    trends=(
        Trend("sales", "sales", 60_000, (Step(0, {"v1": 3, "v2": 1}), Step(60_000, {}), Step(120_000, {"v2": 2}))),
    ),
    readers=(DeclaredReader("ledger", "sales", 1, "money", NOW_MS + 86_400_000, "ada", NOW_MS),),
)
MANY = tuple(Group(f"group-{number:03}", 1, number, NOW_MS) for number in range(GROUPS))
FULL = MigrationSeen(
    "sales-v3", groups={"sales": GroupsSeen((Group("billing", 2, 7, NOW_MS), *MANY)), "sales.v3": GroupsSeen(())}
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = open_site(load_project(write_files(tmp_path, FILES)))
    found.watcher.seen = looked()
    return found


@pytest.fixture
def browser(site: Site) -> TestClient:
    return served(site)


def looked(look: MigrationSeen = FULL, programs: ProgramsSeen = PROGRAMS) -> Seen:
    return Seen(1, NOW_MS / 1000, migrations={"sales-v3": look}, programs=programs)


def items(browser: TestClient, query: str = "") -> list[dict[str, Any]]:
    """All pages of the list."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        said = browser.get(f"/v1/consumers?limit=50{query}{cursor}").json()
        found += said["items"]
        if said["next"] is None:
            return found
        cursor = f"&cursor={said['next']}"


def test_the_list_has_every_row_with_all_that_every_source_says(browser: TestClient) -> None:
    found = {(each["does"], each["name"]): each for each in items(browser)}
    assert len(found) == GROUPS + 3
    billing = found["reads", "billing"]
    assert [told["source"] for told in billing["told"]] == ["consumer group", "census"]
    assert billing["versions"]["v3"][0] == {"known": "said", "records": 4, "last_seen_ms": NOW_MS}
    assert (billing["owners"], billing["members"], billing["lag_records"]) == (["finance"], 2, 7)
    assert (found["reads", "ledger"]["topic"], found["reads", "ledger"]["stands_against"]) == ("", ["v1"])
    assert found["writes", ""]["versions"] == {"v1": [{"known": "seen", "records": 7, "last_seen_ms": NOW_MS}]}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("&name=BILL", ["billing"]),
        ("&owner=mon", ["ledger"]),
        ("&does=writes", [""]),
        ("&does=reads&owner=finance&version=v3", ["billing"]),
        ("&in_the_way=true&version=v1&name=l", ["billing", "ledger"]),
        ("&in_the_way=true&version=v3", []),
        ("&subject=refunds", []),
    ],
)
def test_the_page_and_the_api_show_the_rows_that_fit(browser: TestClient, query: str, names: list[str]) -> None:
    assert [each["name"] for each in items(browser, query)] == names
    page = browser.get(f"/consumers?{query.replace('=true', '=yes')}")
    assert page.status_code == 200
    for each in (name for name in names if name):
        assert f">{each}</a>" in page.text
    assert ("group-000" in page.text) == ("group-000" in names)


def test_hundreds_of_rows_come_in_pages_that_keep_the_filter(browser: TestClient) -> None:
    address, shown = "/consumers?name=group&in_the_way=yes", list[str]()
    while address:
        text = browser.get(address).text
        shown += [f"group-{number:03}" for number in range(GROUPS) if f">group-{number:03}</a>" in text]
        following = [
            part.split('"')[0] for part in text.split('<a href="')[1:] if "The next ones" in part[:600].split("</a>")[0]
        ]
        address = "/consumers" + following[0].replace("&amp;", "&") if following else ""
        assert not address or "in_the_way=yes" in urlsplit(address).query
    assert shown == [group.name for group in MANY]


def test_why_says_what_every_source_says_and_what_remains_to_be_done(browser: TestClient) -> None:
    text = browser.get("/consumers/why?does=reads&name=billing&topic=sales&subject=sales").text
    for part in ("b-1 asks for v3 (4 records)", "instar consumers translate billing --migration sales-v3", "2 members"):
        assert part in text
    text = browser.get("/consumers/why?does=reads&name=ledger&topic=&subject=sales").text
    assert "instar consumers withdraw ledger --subject sales" in text
    assert browser.get("/consumers/why?does=reads&name=nobody&topic=sales&subject=sales").status_code == 404


ALL = ("consumer groups", "census", "declarations")


@pytest.mark.parametrize(
    ("look", "programs", "unseen"),
    [
        (FULL, PROGRAMS, []),
        (replace(FULL, groups=None), PROGRAMS, ["consumer groups"]),
        (replace(FULL, groups={"sales": GroupsSeen(MANY[:1], "only some are listed")}), PROGRAMS, ["consumer groups"]),
        (FULL, replace(PROGRAMS, census=None, why="it may not be read"), ["census"]),
        (FULL, replace(PROGRAMS, unusable=3), ["census"]),
        (FULL, replace(PROGRAMS, counts=False, census=Census({}, ())), ["census"]),
        (FULL, replace(PROGRAMS, readers=None, readers_why="the store is away"), ["declarations"]),
        (MigrationSeen("sales-v3"), ProgramsSeen(), list(ALL)),
    ],
)
def test_what_could_not_be_asked_is_said(
    site: Site, look: MigrationSeen, programs: ProgramsSeen, unseen: list[str]
) -> None:
    (site.project.root / "instar.toml").write_text(
        (site.project.root / "instar.toml").read_text() + "[census]\nworkers = true\n"
    )
    telling = open_site(load_project(site.project.root))
    telling.watcher.seen = looked(look, programs)
    browser = served(telling)
    assert [each["source"] for each in browser.get("/v1/consumers").json()["unseen"]] == unseen
    assert ("Not everything could be asked" in browser.get("/consumers").text) == bool(unseen)


def test_workers_that_tell_nothing_are_said_to(browser: TestClient) -> None:
    (said,) = browser.get("/v1/consumers").json()["unseen"]
    assert said["source"] == "version mix"
    assert "workers = true" in said["remedy"]


def test_the_mix_over_time_is_on_the_pages_of_the_subject_and_the_migration_and_in_the_api(browser: TestClient) -> None:
    said = browser.get("/v1/subjects/sales/mix").json()
    assert (said["known"], said["why"]) == (True, "")
    (topic,) = said["topics"]
    assert [step["records"] for step in topic["steps"]] == [{"v1": 3, "v2": 1}, {}, {"v2": 2}]
    for path in ("/subjects/sales", "/migrations/sales-v3"):
        text = browser.get(path).text
        assert 'aria-label="Versions in sales from' in text
        assert "v1 50.0%" in text


@pytest.mark.parametrize(
    ("programs", "why"),
    [
        (replace(PROGRAMS, trends=()), "No worker has told the census"),
        (replace(PROGRAMS, trends=(), counts=False), "The census does not run"),
        (replace(PROGRAMS, trends=(), census=None, why="it may not be read"), "it may not be read"),
    ],
)
def test_without_a_mix_the_subject_says_why_and_what_to_do(site: Site, programs: ProgramsSeen, why: str) -> None:
    site.watcher.seen = looked(programs=programs)
    text = served(site).get("/subjects/sales").text
    assert why in text
    assert "instar census scan TOPIC" in text
    assert why in served(site).get("/v1/subjects/sales/mix").json()["why"]


@pytest.mark.parametrize(("took_s", "every_s"), [(1.0, SLOW_EVERY_S), (60.0, 60.0 / SLOW_PART)])
def test_what_takes_long_to_look_at_is_looked_at_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, took_s: float, every_s: float
) -> None:
    project = load_project(write_files(tmp_path, {"instar.toml": "format = 1\n[environments.local]\n"}))
    now_s, looks = 1_000_000.0, list[float]()

    def look(*_: object) -> ProgramsSeen:
        nonlocal now_s
        looks.append(now_s)
        now_s += took_s
        return PROGRAMS

    monkeypatch.setattr(Programs, "look", look)
    monkeypatch.setattr(Connection, "cluster", lambda _: None)  # there is no migration to look at
    watcher = Watcher(project, Connection(project), clock_s=lambda: now_s)
    while len(looks) < 5:
        watcher.look()
        now_s += LOOK_EVERY_S
    gaps = [after - before for before, after in pairwise(looks)]
    assert all(every_s <= gap <= every_s + took_s + LOOK_EVERY_S for gap in gaps), gaps


STEPS = st.lists(st.dictionaries(st.sampled_from(["v1", "v2", "v3"]), st.integers(1, 10**12)), min_size=1, max_size=60)


@given(STEPS)
def test_a_mix_is_drawn_in_its_box_and_each_step_with_records_is_full(steps: list[Mapping[str, int]]) -> None:
    trend = Trend("sales", "sales", 60_000, tuple(Step(n * 60_000, records) for n, records in enumerate(steps)))
    drawn = mix_chart(trend)
    bars: dict[str, float] = {}
    for layer in drawn.layers:
        for bar in layer.path.split("z")[:-1]:
            place, width, height = bar.split("h")[0], bar.split("h")[1].split("v")[0], bar.split("v")[1].split("h")[0]
            x, y = place.removeprefix("M").split()
            assert 0 <= float(x) <= float(x) + float(width) <= WIDTH + 0.11
            assert -0.1 <= float(y) <= float(y) + float(height) <= HEIGHT + 0.2
            bars[x] = bars.get(x, 0.0) + float(height)
    assert len(bars) == sum(1 for records in steps if records)
    assert all(HEIGHT - 2.5 <= height <= HEIGHT + 0.2 for height in bars.values())  # but for two gaps
    assert len(drawn.rows) == len(bars)


def test_a_verdict_names_the_owners_that_it_waits_for_and_tells_of_a_few_of_many_groups(site: Site) -> None:
    reasons = [Reason("groups", "no", f"{group.name} reads it", "Move it.", "finance") for group in MANY]
    reasons.append(Reason("clients", "no", "till writes it", "Have it write v3.", "shop, finance"))
    found = shown(site.project, Verdict("sales", "v1", "sales-v3", "sales", tuple(reasons)))
    assert found.waits_for == ("finance", "shop")
    assert found.sources == [f"groups ({GROUPS})", "clients"]
    (groups, clients) = found.told
    assert (len(groups[1]), groups[2]) == (LIMIT_REASONS, GROUPS - LIMIT_REASONS)
    assert (len(clients[1]), clients[2]) == (1, 0)
    site.watcher.seen = looked(replace(FULL, verdicts=(found.verdict,)))
    text = served(site).get("/").text
    assert f"and {GROUPS - LIMIT_REASONS} more" in text
    assert "waits for <strong>finance, shop</strong>" in text
