"""May a version be retired? Yes, no or unknown, with every reason."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Literal

import pytest

from instar.core.retirement import SOURCES, Client, Declared, Evidence, Group, Verdict, Written, judge
from instar.core.rollout.phase import Phase

TODAY = date(2027, 3, 1)
NOW_MS = 1_800_000_000_000
FREE = Evidence(
    phase=Phase.SWITCHED,
    groups=(Group("billing", 0, 12, moved=True),),
    declared=(Declared("report", "finance", date(2027, 3, 1)),),
    clients=(),
    written=Written(0, None),
    sunset=date(2027, 3, 1),
    uncarried=0,
    letters=0,
    verified_until_ms=NOW_MS + 1,
    kept=("coupon",),
    archive="archive/orders",
)


def verdict(evidence: Evidence) -> Verdict:
    reasons = judge(evidence, "orders", "v1", now_ms=NOW_MS, today=TODAY)
    return Verdict("orders", "v1", "orders-v3", "orders", reasons)


def test_yes_when_every_source_says_so() -> None:
    assert verdict(FREE).answer == "yes"
    assert verdict(FREE).readers.answer == "yes"


AGAINST: Mapping[str, dict[str, Any]] = {
    "rollout: not switched": {"phase": Phase.VERIFIED},
    "rollout: something in progress": {"underway": "rollback"},
    "groups: one that was not moved": {"groups": (Group("search", 0, 4),)},
    "groups: one that was moved and is back": {"groups": (Group("billing", 2, 0, moved=True),)},
    "groups: one that may not be looked into": {"groups": (Group("secret", None, None, moved=True),)},
    "declared readers: one whose time is not over": {"declared": (Declared("report", "finance", date(2027, 3, 2)),)},
    "clients: one that says so itself": {"clients": (Client("till", "writes", NOW_MS - 3_600_000),)},
    "producers: one that still writes": {"written": Written(3, NOW_MS - 60_000, ("till",))},
    "sunset: not come": {"sunset": date(2027, 3, 2)},
    "sunset: nobody was told": {"sunset": False},
    "way back: records not carried": {"uncarried": 1},
    "dead letters: outstanding": {"letters": 1},
    "verification: expired": {"verified_until_ms": NOW_MS},
    "verification: never": {"verified_until_ms": 0},
    "archive: none for what only the old topic has": {"archive": ""},
}


@pytest.mark.parametrize("name", AGAINST)
def test_each_reason_alone_turns_yes_into_no(name: str) -> None:
    found = verdict(replace(FREE, **AGAINST[name]))
    assert found.answer == "no"
    assert [reason.source for reason in found.reasons] == [name.partition(":")[0]]
    assert all(reason.text and reason.remedy for reason in found.reasons)


MISSING: Mapping[str, dict[str, Any]] = {
    "rollout": {"phase": None},
    "groups": {"groups": None},
    "declared readers": {"declared": None},
    "clients": {"clients": None},
    "producers": {"written": None},
    "producers in part": {"written": Written(0, None, whole=False)},
    "sunset": {"sunset": None},
    "sunset without a day": {"sunset": True},
    "way back": {"uncarried": None},
    "dead letters": {"letters": None},
    "verification": {"verified_until_ms": None},
}


@pytest.mark.parametrize("name", MISSING)
def test_each_missing_source_turns_yes_into_unknown(name: str) -> None:
    found = verdict(replace(FREE, **MISSING[name]))
    assert found.answer == "unknown"
    assert [reason.answer for reason in found.reasons] == ["unknown"]


@pytest.mark.parametrize("missing", MISSING)
def test_a_missing_source_takes_no_reason_back(missing: str) -> None:
    for name, change in AGAINST.items():
        if missing.startswith(name.partition(":")[0]):
            continue  # the same source cannot be missing and speak
        assert verdict(replace(FREE, **change, **MISSING[missing])).answer == "no", name


def test_every_source_has_a_reason_that_speaks_for_it() -> None:
    assert {name.partition(":")[0] for name in AGAINST} == set(SOURCES)


def test_the_reasons_name_who_can_change_them() -> None:
    (reason,) = verdict(replace(FREE, declared=(Declared("report", "finance", date(2028, 1, 1)),))).reasons
    assert reason.as_dict() == {
        "source": "declared readers",
        "answer": "no",
        "reason": "report was declared to read it until 2028-01-01",
        "remedy": "Ask finance; then `instar consumers withdraw report --subject orders`.",
        "owner": "finance",
    }


@pytest.mark.parametrize(("role", "asked"), [("reads", "ask for the new version"), ("writes", "write the new version")])
def test_a_program_is_to_do_with_the_new_version_what_it_does_with_the_old(
    role: Literal["reads", "writes"], asked: str
) -> None:
    (reason,) = verdict(replace(FREE, clients=(Client("till", role, NOW_MS - 1000, "shops"),))).reasons
    assert reason.remedy.startswith(f"Have shops {asked};")


def test_a_source_that_asks_for_a_command_names_the_subject_and_the_version() -> None:
    (reason,) = verdict(replace(FREE, sunset=False)).reasons
    assert "instar schema deprecate orders v1 --sunset" in reason.remedy
