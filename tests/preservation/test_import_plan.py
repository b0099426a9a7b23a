"""The traps of bringing old records back, each found before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from tests.support.topic_archives import stored, write_archive

from instar.archives.topic_manifest import Manifest
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused
from instar.preservation.import_plan import LONGEST_MS, ImportPlan, Wish, plan_import

DAY_MS = 24 * 3600 * 1000
NOW_MS = 100 * DAY_MS
OLD_MS = NOW_MS - 30 * DAY_MS


@dataclass
class There:
    """A cluster that has this topic, or none."""

    topic: Topic | None = None
    holds: bool = False
    built_in: bool = False
    asked: list[str] = field(default_factory=list)

    def find(self, name: str) -> Topic | None:
        self.asked.append(name)
        return self.topic

    def start_offsets(self, _: str, partitions: Any) -> dict[int, int]:
        return dict.fromkeys(partitions, 0)

    def end_offsets(self, _: str, partitions: Any) -> dict[int, int]:
        return dict.fromkeys(partitions, int(self.holds))


def archive(folder: Path, settings: Mapping[str, str], **changed: object) -> Manifest:
    changed = {"timestamp_ms": OLD_MS, **changed}
    return write_archive(folder, {0: [stored(offset, **changed) for offset in range(3)]}, settings=settings)


def planned(
    manifest: Manifest, wish: Wish | None = None, *, there: There | None = None, begun: bool = False
) -> ImportPlan:
    cluster = cast("Cluster", there or There())
    return plan_import(cluster, manifest, "copy", wish or Wish(), NOW_MS, begun=begun)


def topic(partitions: int = 1, **settings: str) -> There:
    return There(
        Topic("copy", b"i" * 16, partitions, {name.replace("_", "."): text for name, text in settings.items()})
    )


def why(plan: ImportPlan) -> str:
    return " ".join(reason for reason, _ in plan.refusals)


def test_a_topic_is_made_with_the_settings_that_it_had(tmp_path: Path) -> None:
    settings = {"retention.ms": "-1", "segment.ms": "1000", "cleanup.policy": "delete"}
    plan = planned(archive(tmp_path, settings))
    assert (plan.makes_topic, plan.settings, plan.refusals) == (True, settings, [])


@pytest.mark.parametrize(
    "settings", [{"retention.ms": str(DAY_MS)}, {"retention.ms": "-1", "retention.bytes": "10"}, {}]
)
def test_retention_that_would_delete_at_once_is_refused_and_can_be_held(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    manifest = archive(tmp_path, settings)
    refused = planned(manifest)
    assert "as they arrive" in why(refused)
    assert "--hold-retention" in refused.refusals[0][1]
    held = planned(manifest, Wish(hold_retention=True))
    assert held.refusals == []
    assert (held.settings["retention.ms"], held.settings["retention.bytes"]) == ("-1", "-1")
    assert "without retention" in " ".join(held.notes)


def test_young_records_need_no_retention_held(tmp_path: Path) -> None:
    plan = planned(archive(tmp_path, {"retention.ms": str(DAY_MS)}, timestamp_ms=NOW_MS - 5), Wish(hold_retention=True))
    assert plan.refusals == []
    assert plan.settings["retention.ms"] == str(DAY_MS)


def test_a_topic_that_compacts_holds_it_until_all_is_read_back(tmp_path: Path) -> None:
    own = {"cleanup.policy": "compact", "min.compaction.lag.ms": "5", "max.compaction.lag.ms": "500"}
    manifest = archive(tmp_path, own)
    plan = planned(manifest)
    assert plan.settings == {**own, "min.compaction.lag.ms": LONGEST_MS, "max.compaction.lag.ms": LONGEST_MS}
    assert plan.afterwards == {"min.compaction.lag.ms": "5", "max.compaction.lag.ms": "500"}
    # A run that was killed left them held: the next one still knows what they were.
    held = topic(cleanup_policy="compact", min_compaction_lag_ms=LONGEST_MS, max_compaction_lag_ms=LONGEST_MS)
    assert planned(manifest, there=held, begun=True).afterwards == plan.afterwards


def test_records_without_keys_do_not_go_into_a_compacted_topic(tmp_path: Path) -> None:
    assert "no key" in why(planned(archive(tmp_path, {"cleanup.policy": "compact"}, key=None)))


def test_the_brokers_own_times_are_kept_by_the_times_of_creation(tmp_path: Path) -> None:
    plan = planned(archive(tmp_path, {"message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}))
    assert plan.settings["message.timestamp.type"] == "CreateTime"
    assert "LogAppendTime" in " ".join(plan.notes)
    assert plan.refusals == []


def test_a_topic_that_stamps_anew_is_refused_unless_it_is_accepted(tmp_path: Path) -> None:
    manifest = archive(tmp_path, {})
    there = topic(message_timestamp_type="LogAppendTime", retention_ms="-1")
    assert "LogAppendTime" in why(planned(manifest, there=there))
    accepted = planned(manifest, Wish(accept_timestamps=True), there=there)
    assert accepted.refusals == []
    assert "time of the import" in " ".join(accepted.notes)


@pytest.mark.parametrize("timestamp_ms", [-1, 0])
def test_records_whose_time_cannot_be_written_are_refused_unless_it_is_accepted(
    tmp_path: Path, timestamp_ms: int
) -> None:
    manifest = archive(tmp_path, {"retention.ms": "-1"}, timestamp_ms=timestamp_ms)
    assert "3 records have no timestamp" in why(planned(manifest))
    assert planned(manifest, Wish(accept_timestamps=True)).refusals == []


@pytest.mark.parametrize("side", ["before", "after"])
def test_bounds_on_timestamps_that_do_not_let_records_in_are_refused(tmp_path: Path, side: str) -> None:
    at_ms = OLD_MS if side == "before" else NOW_MS + 30 * DAY_MS
    settings = {"retention.ms": "-1", f"message.timestamp.{side}.max.ms": "1000"}
    manifest = archive(tmp_path, settings, timestamp_ms=at_ms)
    assert f"message.timestamp.{side}.max.ms" in why(planned(manifest))
    held = planned(manifest, Wish(hold_retention=True))
    assert held.refusals == []
    assert held.settings[f"message.timestamp.{side}.max.ms"] == LONGEST_MS


def test_a_record_that_fitted_only_compressed_raises_the_limit_or_is_refused(tmp_path: Path) -> None:
    manifest = archive(tmp_path, {"max.message.bytes": "500", "retention.ms": "-1"}, value=bytes(2_000))
    made = planned(manifest)
    assert int(made.settings["max.message.bytes"]) > 2_000
    assert made.refusals == []
    there = topic(max_message_bytes="500", retention_ms="-1")
    assert "takes 500" in why(planned(manifest, there=there))


def test_a_topic_must_be_empty_and_have_as_many_partitions(tmp_path: Path) -> None:
    manifest = archive(tmp_path, {})
    there = topic(2, retention_ms="-1")
    assert "has 2 partitions, the archive is of 1" in why(planned(manifest, there=there))
    there = topic(retention_ms="-1")
    there.holds = True
    assert "holds records" in why(planned(manifest, there=there))
    assert planned(manifest, there=there, begun=True).refusals == []


@pytest.mark.parametrize(
    "settings",
    [{"retention.ms": "soon"}, {"retention.ms": "1e9"}, {"cleanup.policy": "a b"}, {"leader.replication": "0:1"}],
)
def test_settings_that_no_export_writes_make_no_topic(tmp_path: Path, settings: dict[str, str]) -> None:
    with pytest.raises(Refused, match="which no export writes"):
        planned(archive(tmp_path, settings))


def test_a_broker_without_transactions_is_refused(tmp_path: Path) -> None:
    assert "no transactions" in why(planned(archive(tmp_path, {}), there=There(built_in=True)))
