"""The subjects that the repository ships: they check clean, their golden records hold, and orders is the showcase."""

import ast
from functools import cache
from pathlib import Path

import pytest

from instar import changes
from instar.core.record import Context
from instar.core.subject import Subject
from instar.core.upcasting.chain import Chain
from instar.core.upcasting.golden import check_golden
from instar.core.upcasting.program import Program
from instar.project.check import check_project
from instar.project.project import Project, load_project

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = ("customers", "github-check-run", "github-deployment-status", "github-member", "orders")
SAMPLES = 25  # of each version; the payloads are large, so that a hundred take half a minute


@cache
def project() -> Project:
    return load_project(ROOT)


def subject(name: str) -> Subject:
    return project().catalogue[name]


def chain(name: str, start: int, end: int) -> Chain:
    found = subject(name).chain(start, end)
    assert isinstance(found, Chain), found
    return found


def test_the_shipped_subjects_are_these() -> None:
    assert tuple(sorted(project().catalogue.subjects)) == SUBJECTS


def test_the_project_checks_clean_with_samples() -> None:
    found = check_project(project(), samples=SAMPLES, seed=1)
    assert [finding for finding in found if finding.severity != "note"] == []


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_version_reaches_every_other_one(name: str) -> None:
    versions = sorted(subject(name).versions)
    for start in versions:
        for end in versions:
            assert isinstance(subject(name).chain(start, end), Chain)


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_subject_says_whose_it_is_and_what_in_it_is_sensitive(name: str) -> None:
    assert subject(name).owner
    assert "@" in subject(name).contact
    assert subject(name).sensitive


@pytest.mark.parametrize("name", SUBJECTS)
def test_golden_records_pair_the_first_version_with_the_last_and_hold(name: str) -> None:
    first, last = min(subject(name).versions), subject(name).latest
    assert any((stem, last) in subject(name).examples for stem, version in subject(name).examples if version == first)
    assert check_golden(subject(name)) == []


def test_the_refund_goes_from_cents_to_decimals_and_back() -> None:
    golden = {version: data for (stem, version), data in subject("orders").examples.items() if stem == "refund"}
    first, last = (subject("orders").versions[version] for version in (1, 3))
    old, new = first.decode(golden[1]), last.decode(golden[3])
    assert chain("orders", 1, 3).fold(old, Context()) == [new]
    assert chain("orders", 3, 1).fold(new, Context()) == [old]
    assert str(new["total"]) == "-27.89"


def test_a_coupon_is_lost_on_the_way_up_and_comes_back_as_null() -> None:
    data = subject("orders").examples["shipped", 1]
    old = subject("orders").versions[1].decode(data)
    assert old["coupon"] == "WINTER10"
    (new,) = chain("orders", 1, 3).fold(old, Context())  # type: ignore[misc]
    assert "coupon" not in new
    (back,) = chain("orders", 3, 1).fold(new, Context())  # type: ignore[misc]
    assert back == {**old, "coupon": None}


def test_an_order_goes_to_the_newest_format_and_back_as_bytes() -> None:
    examples = subject("orders").examples
    up, down = (subject("orders").program(start, end) for start, end in ((1, 3), (3, 1)))
    assert isinstance(up, Program)
    assert isinstance(down, Program)
    assert up.run(examples["refund", 1], Context()) == [examples["refund", 3]]
    assert down.run(examples["refund", 3], Context()) == [examples["refund", 1]]


def test_every_operation_that_authors_can_use_is_shown_in_a_shipped_hop() -> None:
    offered = {name for name in changes.__all__ if name.islower()}
    used: set[str] = set()
    for path in (ROOT / "upcasters").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                used.add(node.func.id)
    assert offered - used == set()


def test_the_helpers_that_three_subjects_share_say_the_same() -> None:
    """A hop finds helpers in its own folder only, so that each folder has its copy."""
    for helper in ("repository.py", "app.py"):
        texts = {path.read_text() for path in (ROOT / "upcasters").rglob(helper)}
        assert len(texts) == 1, helper
