"""Every verification is kept, whatever it compared; which of them count for the rollout is another matter."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.folders import write_files
from tests.support.shop import FILES
from tests.support.verifying import verified
from tests.verifier.test_faults import FAULTS, fresh
from tests.verifier.test_report import world_with

from instar.core.ledger import details_text
from instar.operations import kept_results
from instar.operations.kept_results import keep_result, run_document
from instar.operations.rolling import who
from instar.operations.stating import state_of
from instar.project.project import Project, load_project
from instar.state.verifications import Verified
from instar.verifier.modes import Mode
from instar.verifier.page import body
from instar.verifier.report import Report, Signature

NAME = "sales-v3"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    write_files(tmp_path, FILES)
    return load_project(tmp_path)


def kept(project: Project) -> list[Verified]:
    with state_of(project) as state:
        return [each for _, each in state.verifications.list(NAME, 99)]


def some_partitions(report: Report) -> Report:
    report.partitions = report.partitions[:1]
    return report


def stopped(report: Report) -> Report:
    report.complete = False
    return report


def of_the_way_down(report: Report) -> Report:
    report.direction = "down"
    return report


@pytest.mark.parametrize("mode", list(Mode))
def test_a_run_of_every_mode_is_kept_with_what_it_read_and_who_made_it(
    project: Project, mode: Mode, tmp_path: Path
) -> None:
    report = verified(fresh(), mode, tmp_path / "verifier", samples=5)
    keep_result(project, NAME, [report])
    [found] = kept(project)
    assert (found.is_right, found.at_ms, found.fingerprint) == (True, report.ended_ms, report.fingerprint)
    assert found.until_ms == (report.expires_ms if mode in (Mode.FULL, Mode.DIGEST) else 0)
    assert found.report["by"] == who()
    assert found.report["reports"] == json.loads(json.dumps([report.document()]))


@pytest.mark.parametrize("lesser", [some_partitions, stopped, of_the_way_down])
def test_a_right_result_that_is_not_whole_is_kept_and_does_not_count(
    project: Project, tmp_path: Path, lesser: Any
) -> None:
    keep_result(project, NAME, [lesser(verified(fresh(), Mode.FULL, tmp_path / "verifier"))])
    assert [(each.is_right, each.until_ms, each.counts) for each in kept(project)] == [(True, 0, False)]
    with state_of(project) as state:
        assert state.verifications.newest(NAME, "f" * 64) is None
        assert state.ledger.entries(NAME) == []


def test_a_wrong_result_counts_however_little_was_compared(project: Project, tmp_path: Path) -> None:
    refused = verified(fresh(), Mode.SAMPLE, tmp_path / "a", samples=5)
    refused.signature = Signature("ada", 1, confirmed=False)
    different = some_partitions(verified(FAULTS["a record is dropped"](fresh()), Mode.FULL, tmp_path / "b"))
    for report in (refused, different):
        keep_result(project, NAME, [report])
        with state_of(project) as state:
            newest = state.verifications.newest(NAME, "f" * 64)
        assert newest is not None
        assert not newest.is_right
    assert kept(project)[0].report["reports"][0]["differences"][0]["kind"] == "lost"


def test_nothing_that_is_kept_shows_a_sensitive_field(project: Project, tmp_path: Path) -> None:
    for mode in Mode:
        keep_result(project, NAME, [verified(world_with({"text": "my secret"}), mode, tmp_path / mode, samples=50)])
    for each in kept(project):
        text = details_text(each.report) + body(each.report["reports"])
        assert "secret" not in text
        assert '"t0"' not in text
    assert "***" in details_text(kept(project)[0].report)


def test_a_report_that_is_too_large_is_cut_and_says_by_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_results, "LIMIT_REPORT_CHARS", 20_000)
    report = verified(FAULTS["the target's partition is cut short at its end"](fresh()), Mode.FULL, tmp_path)
    [first, *_] = report.result.differences
    report.partitions[0].result.differences = [replace(first, source_offset=number) for number in range(90)]
    said = run_document([report], "ada")
    shown = said["reports"][0]["differences"]
    assert 0 < len(shown) < 90
    assert said["left_out"] == len(report.document()["differences"]) - len(shown)
    assert len(details_text(said)) <= 20_000
