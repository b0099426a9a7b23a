"""The limits of a migration's settings."""

from pathlib import Path

import pytest

from instar.core.finding import Finding
from instar.core.rollout.limits import Limit
from instar.project.limits import Limits
from instar.project.settings import SettingsFile, read_settings

HEAD = """format = 1
[migrations.orders-v3]
subjects = ["orders"]
source = { topic = "orders" }
target = { topic = "orders.v3", version = "v3" }
[migrations.orders-v3.limits]
"""


def read(root: Path, limits: str) -> SettingsFile | list[Finding]:
    (root / "instar.toml").write_text(HEAD + limits, encoding="utf-8")
    return read_settings(root)


def limits_of(root: Path, text: str) -> Limits:
    result = read(root, text)
    assert isinstance(result, SettingsFile), result
    return result.settings.migrations["orders-v3"].limits


def test_all_five_measures_become_what_is_judged(tmp_path: Path) -> None:
    limits = limits_of(
        tmp_path,
        """
error_rate = { above = 0.001, window = "5m", then = "pause" }
mismatches = { above = 0, window = "10m", then = "rollback" }
lag        = { above = 50_000, window = "15m", then = "alert" }
throughput = { below = 0.5, window = "5m", then = "alert", baseline = 2000 }
latency    = { above = "5s", window = "5m", then = "pause" }
""",
    )
    assert limits.to_judge() == (
        Limit("error_rate", 0.001, 300, "pause"),
        Limit("mismatches", 0, 600, "rollback"),
        Limit("lag", 50_000, 900, "alert"),
        Limit("throughput", 0.5, 300, "alert", baseline_per_s=2000),
        Limit("latency", 5000, 300, "pause"),
    )


def test_nothing_is_limited_unless_it_is_written(tmp_path: Path) -> None:
    assert limits_of(tmp_path, "").to_judge(900.0) == ()


def test_a_measured_baseline_counts_where_none_is_written(tmp_path: Path) -> None:
    measured = limits_of(tmp_path, 'throughput = { below = 0.5, window = "5m", then = "alert" }')
    assert [limit.baseline_per_s for limit in measured.to_judge(900.0)] == [900.0]
    assert [limit.baseline_per_s for limit in measured.to_judge()] == [0.0]
    written = limits_of(tmp_path, 'throughput = { below = 0.5, window = "5m", then = "alert", baseline = 2000.5 }')
    assert [limit.baseline_per_s for limit in written.to_judge(900.0)] == [2000.5]


def test_a_quiet_topic_can_ask_for_fewer_records(tmp_path: Path) -> None:
    limits = limits_of(tmp_path, 'error_rate = { above = 0, window = "1d", then = "pause", minimum_records = 5 }')
    assert [limit.minimum_records for limit in limits.to_judge()] == [5]


def test_a_latency_may_be_below_a_second(tmp_path: Path) -> None:
    limits = limits_of(tmp_path, 'latency = { above = "250ms", window = "5m", then = "pause" }')
    assert [limit.above for limit in limits.to_judge()] == [250]


@pytest.mark.parametrize(
    ("limit", "remedy"),
    [
        ("eror_rate = { above = 0.1, window = '5m', then = 'pause' }", "did you mean `error_rate`?"),
        ("error_rate = { above = 1.0, window = '5m', then = 'pause' }", "less than 1"),
        ("error_rate = { above = 0.1, window = '5m', then = 'pause', minimum_records = 0 }", "at least 1"),
        ("error_rate = { below = 0.1, window = '5m', then = 'pause' }", "above"),
        ("mismatches = { above = 0.5, window = '5m', then = 'pause' }", "a whole number"),
        ("lag = { above = -1, window = '5m', then = 'pause' }", "at least 0"),
        ("lag = { above = 1, window = '5m', then = 'rolback' }", "did you mean `rollback`?"),
        ("lag = { above = 1, window = '2d', then = 'pause' }", '"1d" or less'),
        ("lag = { above = 1, window = '5m' }", "add `then = ...`"),
        ("throughput = { above = 0.5, window = '5m', then = 'pause' }", "below"),
        ("throughput = { below = 0, window = '5m', then = 'pause' }", "more than 0"),
        ("throughput = { below = 0.5, window = '5m', then = 'pause', baselin = 1 }", "did you mean `baseline`?"),
        ("latency = { above = 5000, window = '5m', then = 'pause' }", '"250ms"'),
        ("latency = { above = '5 s', window = '5m', then = 'pause' }", '"5m"'),
    ],
)
def test_a_wrong_limit_says_what_to_write(tmp_path: Path, limit: str, remedy: str) -> None:
    result = read(tmp_path, limit)
    assert isinstance(result, list)
    assert remedy in " ".join(finding.remedy for finding in result)
    assert {finding.line for finding in result} == {7}
