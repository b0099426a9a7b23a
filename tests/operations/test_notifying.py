"""From an environment's settings to who was told."""

import json
from pathlib import Path

import pytest
from tests.support.hooks import receiver
from tests.support.rollouts import PLAN

from instar.core.rollout.effect import Notify
from instar.operations.notifying import notifier
from instar.project.project import load_project
from instar.rollout.ports import Context
from instar.rollout.running.notices import Notices

HOOK = '{ url = "env:HOOK", secret = "file:hook-secret" }'
STEP = "orders-v3/switch/1750000000000/4"


def tell(root: Path, notify: str) -> dict[str, object]:
    (root / "instar.toml").write_text(f"format = 1\n[environments.prod]\n{notify}\n", encoding="utf-8")
    (root / "hook-secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", encoding="utf-8")
    project = load_project(root, "prod")
    assert not project.errors
    context = Context("orders-v3", "prod", PLAN, "ana", "", 1, 1, STEP)
    outcome = Notices(notifier(project)).run(Notify("switched", "orders-v3 is switched"), context)
    assert outcome.kind == "done"
    json.dumps(outcome.evidence)
    return dict(outcome.evidence)


def test_a_step_tells_a_web_hook_and_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as kept:
        monkeypatch.setenv("HOOK", f"{kept.url}/T0")
        program = '["sh", "-c", "cat > got"]'
        said = tell(tmp_path, f"notify = {{ webhook = {HOOK}, command = {program} }}")
    assert said == {"reached": [f"webhook {kept.url}", "command sh"], "not_reached": {}}
    message = json.loads((tmp_path / "got").read_bytes())
    assert message == json.loads(kept.received[0].body)
    assert (message["id"], message["migration"], message["environment"]) == (STEP, "orders-v3", "prod")
    assert (message["subject"], message["text"]) == ("switched", "orders-v3 is switched")
    assert kept.received[0].headers["webhook-id"] == STEP


def test_a_reference_that_leads_nowhere_keeps_no_other_from_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    said = tell(tmp_path, f'notify = {{ webhook = {HOOK}, command = ["true"] }}')
    assert said["reached"] == ["command true"]
    assert "HOOK is not set" in str(said["not_reached"])


def test_nobody_to_tell_is_said(tmp_path: Path) -> None:
    assert tell(tmp_path, "") == {
        "reached": [],
        "not_reached": {"anybody": "the environment prod has no `notify` in the settings"},
    }
