"""The rollout of a migration's settings: groups in their order, and how long things count."""

from pathlib import Path

import pytest

from instar.core.finding import Finding
from instar.core.rollout.plan import GroupPlan
from instar.project.rollout import Rollout
from instar.project.settings import SettingsFile, read_settings

HEAD = """format = 1
[migrations.orders-v3]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v3", version = "v3" }
[migrations.orders-v3.rollout]
"""


def read(root: Path, text: str) -> SettingsFile | list[Finding]:
    (root / "instar.toml").write_text(HEAD + text, encoding="utf-8")
    return read_settings(root)


def rollout_of(root: Path, text: str) -> Rollout:
    result = read(root, text)
    assert isinstance(result, SettingsFile), result
    return result.settings.migrations["orders-v3"].rollout


def test_everything_is_read_as_it_is_written(tmp_path: Path) -> None:
    rollout = rollout_of(
        tmp_path,
        """
groups = [{ group = "search", canary = true, hold = "10m" }, { group = "billing" }]
caught_up_lag = 20
verification_valid = "2d"
approval_valid = "1d"
archive = "archive/orders"
barrier = "30s"
""",
    )
    assert rollout.plan_groups() == (GroupPlan("search", 600, canary=True), GroupPlan("billing"))
    assert (rollout.caught_up_lag, rollout.barrier) == (20, 30)
    assert (rollout.verification_valid, rollout.approval_valid) == (172_800, 86_400)
    assert rollout.archive == "archive/orders"


def test_what_is_not_written_has_careful_defaults(tmp_path: Path) -> None:
    rollout = rollout_of(tmp_path, "")
    assert rollout.plan_groups() == ()
    assert (rollout.caught_up_lag, rollout.barrier, rollout.archive) == (100, 120, None)
    assert (rollout.verification_valid, rollout.approval_valid) == (86_400, 604_800)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("barier = '2m'", "did you mean `barrier`?"),
        ("groups = [{ group = 'a', canry = true }]", "did you mean `canary`?"),
        ("groups = [{ canary = true }]", "add `group = ...`"),
        ("groups = [{ group = '' }]", "name at least one"),
        ("groups = [{ group = 'a' }, { group = 'a' }]", "name it once"),
        ("groups = [{ group = 'a' }, { group = 'b', canary = true }]", "canaries before"),
        ("groups = [{ group = 'instar.orders-v3.up' }]", "programs that read"),
        ("groups = ['a']", "a table"),
        ("groups = [{ group = 'a', hold = 10 }]", '"5m"'),
        ("caught_up_lag = -1", "at least 0"),
        ("verification_valid = '24'", '"1h"'),
        ("archive = ''", "name at least one"),
    ],
)
def test_a_wrong_rollout_says_what_to_write(tmp_path: Path, text: str, remedy: str) -> None:
    result = read(tmp_path, text)
    assert isinstance(result, list)
    assert remedy in " ".join(finding.remedy for finding in result)
    assert {finding.line for finding in result} == {7}
