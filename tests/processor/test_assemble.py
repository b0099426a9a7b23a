"""A worker's own process assembles its plan from the folder again, and only the plan that was asked for."""

from pathlib import Path

import pytest

from instar.cli.demonstration.showcase import MIGRATION, make_project
from instar.kafka.errors import Refused, Unreachable
from instar.processor.assemble import Options, assemble
from instar.project.project import load_project

NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}


def test_a_worker_that_is_started_again_does_not_run_an_edited_chain_beside_the_old_one(tmp_path: Path) -> None:
    make_project(tmp_path, "", "127.0.0.1:1")
    fingerprint = load_project(tmp_path).fingerprint(MIGRATION)
    hop = tmp_path / "upcasters/orders/v1_to_v2.py"
    hop.write_text(hop.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    options = Options(tmp_path, None, MIGRATION, "up", NOWHERE, fingerprint=fingerprint)
    with pytest.raises(Refused, match="edited while its workers ran"):
        assemble(options)


def test_the_plan_that_was_asked_for_is_assembled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(_: object) -> None:
        raise Unreachable("the cluster was asked")

    monkeypatch.setattr("instar.processor.assemble.Cluster", unreachable)
    make_project(tmp_path, "", "127.0.0.1:1")
    fingerprint = load_project(tmp_path).fingerprint(MIGRATION)
    options = Options(tmp_path, None, MIGRATION, "up", NOWHERE, fingerprint=fingerprint)
    with pytest.raises(Unreachable, match="the cluster was asked"):
        assemble(options)
