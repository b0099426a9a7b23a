"""The parts of the dashboard by themselves."""

import contextlib
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from tests.support.folders import write_files
from tests.support.shop import FILES

from instar.core.ledger import Entry
from instar.core.retirement import Reason, Verdict
from instar.core.rollout.effect import PauseBridge, WriteEpoch
from instar.core.rollout.phase import Phase
from instar.core.rollout.state import Rollout, Step, Underway
from instar.dashboard.deprecation import Ending, ending
from instar.dashboard.guard import Limiter
from instar.dashboard.moves import Move
from instar.dashboard.paging import cursor_of, page, place_of
from instar.dashboard.problems import Problem
from instar.dashboard.verdicts import STALE_S, verdicts
from instar.dashboard.views.chart import HEIGHT, WIDTH, chart
from instar.dashboard.views.migration import steps
from instar.dashboard.views.rollout import onwards
from instar.dashboard.watcher import MigrationSeen, Seen
from instar.project.project import Project, load_project


@given(st.lists(st.text(min_size=1), unique=True), st.integers(1, 5))
def test_pages_together_are_the_whole_list(names: list[str], limit: int) -> None:
    items = [{"name": name} for name in sorted(names)]
    found: list[str] = []
    cursor = None
    while True:
        said = page(items, limit, cursor)
        assert len(said["items"]) <= limit
        found += [item["name"] for item in said["items"]]
        cursor = said["next"]
        if cursor is None:
            break
    assert found == sorted(names)


@given(st.text() | st.builds(lambda place: cursor_of(place), st.lists(st.integers(0, 9) | st.text(), max_size=3)))
def test_a_cursor_is_a_place_or_a_problem(cursor: str) -> None:
    with contextlib.suppress(Problem):
        place = place_of(cursor, int, str)
        assert place is not None
        assert [type(part) for part in place] == [int, str]


@given(st.lists(st.floats(0, 5), max_size=40))
def test_a_limiter_lets_no_more_through_than_its_rate_and_burst(waits_s: list[float]) -> None:
    now_s = 0.0
    limiter = Limiter(rate_per_s=2.0, burst=4.0, now_s=lambda: now_s)
    passed = 0
    for wait_s in waits_s:
        now_s += wait_s
        passed += limiter.wait_s("somebody") == 0
        assert passed <= 4 + 2 * now_s + 1e-6


def test_an_ending_is_told_in_the_headers_of_its_standards() -> None:
    response = Response()
    since, sunset = datetime(2026, 1, 5, tzinfo=UTC), datetime(2027, 1, 5, 8, tzinfo=UTC)
    ending(Ending(since, sunset, "/v2/subjects"))(response)
    assert response.headers["deprecation"] == f"@{int(since.timestamp())}"
    assert response.headers["sunset"] == "Tue, 05 Jan 2027 08:00:00 GMT"
    assert response.headers["link"] == '</v2/subjects>; rel="successor-version"'


@given(st.lists(st.floats(0, 1e9), min_size=2, max_size=50))
def test_a_chart_stays_in_its_box(values: list[float]) -> None:
    drawn = chart([(1_700_000_000.0 + index, value) for index, value in enumerate(values)], "records/s")
    assert drawn is not None
    for pair in drawn.line.removeprefix("M").split(" L"):
        x, y = map(float, pair.split())
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_a_chart_of_less_than_two_points_is_none() -> None:
    assert chart([(0.0, 1.0)], "records/s") is None


def entry(number: int, actor: str, phase: str) -> Entry:
    at_ms = 1_750_000_000_000 + number * 3_600_000
    details = json.dumps({"phase": phase})
    return Entry("local", number, "sales-v3", at_ms, actor, "apply", "", "", details)


def test_steps_before_the_phase_are_done_by_somebody_and_those_behind_it_are_to_come() -> None:
    told = (entry(1, "ada", "expanded"), entry(2, "ada", "expanded"), entry(3, "grace", "replaying"))
    look = MigrationSeen("sales-v3", rollout=Rollout("sales-v3", Phase.REPLAYING), entries=told)
    shown = steps(look)
    assert [step.standing for step in shown] == ["done", "now"] + ["to come"] * 4
    assert [step.by for step in shown] == ["ada", "grace", "", "", "", ""]
    assert shown[0].at == "15 Jun 16:06"
    assert steps(MigrationSeen("sales-v3")) == []


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return load_project(write_files(tmp_path, FILES))


def seen_with(**more: object) -> Seen:
    return Seen(1, 0.0, migrations={"sales-v3": MigrationSeen("sales-v3", **more)})  # type: ignore[arg-type]


def reasons(project: Project, seen: Seen) -> dict[str, str]:
    return {reason.source: reason.answer for reason in verdicts(project, seen)[0].reasons}


def test_what_was_found_of_a_version_is_shown_and_without_a_look_nothing_is_known(project: Project) -> None:
    found = Verdict("sales", "v1", "sales-v3", "sales", ())
    assert [each.answer for each in verdicts(project, seen_with(verdicts=(found,)))] == ["yes"]
    for unseen in (
        Seen(),
        seen_with(),
        seen_with(trouble="Kafka is away"),
        replace(seen_with(verdicts=(found,)), due_s=time.time() - STALE_S),
    ):
        answers = reasons(project, unseen)
        sources = ("rollout", "groups", "clients", "producers", "dead letters")
        assert {answers[source] for source in sources} == {"unknown"}
        assert "yes" not in {each.answer for each in verdicts(project, unseen)}


def test_the_worst_verdict_comes_first(project: Project) -> None:
    no = Verdict("sales", "v2", "sales-v3", "sales", (Reason("groups", "no", "billing reads it", "Move it."),))
    yes = Verdict("sales", "v1", "sales-v3", "sales", ())
    assert [each.version for each in verdicts(project, seen_with(verdicts=(yes, no)))] == ["v2", "v1"]


@pytest.mark.parametrize(
    ("note", "answer"),
    [
        ("", "no"),
        ('[versions]\nv1 = { deprecated = "old", sunset = 2099-01-01 }', "no"),
        ("[versions]\nv1 = { deprecated = true }", "unknown"),
        ("[versions]\nv1 = { deprecated = true, sunset = 2020-01-01 }", None),
    ],
)
def test_a_sunset_that_is_not_over_is_a_reason(tmp_path: Path, note: str, answer: str | None, project: Project) -> None:
    assert project.root == tmp_path.resolve()
    write_files(tmp_path, {"schemas/sales/subject.toml": note + "\n"})
    found = {v.version: v for v in verdicts(load_project(tmp_path), Seen())}["v1"]
    assert {each.source: each.answer for each in found.reasons}.get("sunset") == answer


@pytest.mark.parametrize(
    ("rollout", "verbs"),
    [
        (Rollout("sales-v3"), ["apply"]),
        (Rollout("sales-v3", Phase.EXPANDED), ["switch", "apply", "abandon"]),
        (Rollout("sales-v3", Phase.VERIFIED), ["switch", "apply", "abandon"]),
        (Rollout("sales-v3", Phase.SWITCHED, 1, 1, "new"), ["rollback", "retire"]),
        (Rollout("sales-v3", Phase.CAUGHT_UP, lesson_due=True), ["lesson"]),
        (Rollout("sales-v3", Phase.RETIRED), []),
        (None, []),
    ],
)
def test_what_is_offered_is_what_the_phase_allows(rollout: Rollout | None, verbs: list[str]) -> None:
    assert [offer.verb for offer in onwards(rollout, None, ()).offers] == verbs


def test_a_transition_in_progress_is_gone_on_with_or_undone_while_it_can_be() -> None:
    pause, record = PauseBridge("up", "a limit"), WriteEpoch(1, "new")
    underway = Underway("switch", Phase.VERIFIED, Phase.SWITCHED, "ada", "", 0, (Step(pause, "done"), Step(record)))
    rollout = Rollout("sales-v3", Phase.VERIFIED, underway=underway)
    found = onwards(rollout, None, ())
    assert [offer.verb for offer in found.offers] == ["switch", "revert"]
    assert len(found.left) == 1
    committed = replace(rollout, underway=underway.with_step(1, Step(record, "done")))
    assert [offer.verb for offer in onwards(committed, None, ()).offers] == ["switch"]
    going_back = replace(rollout, underway=replace(underway, reverting=True))
    assert [offer.verb for offer in onwards(going_back, None, ()).offers] == ["revert"]
    at_work = Move("switch", "ada", datetime(2026, 1, 5, tzinfo=UTC))
    assert onwards(rollout, at_work, ()).offers == ()
