"""What an import would do, and what stands against it: decided before anything is written.

The traps of bringing old records back are all here (KIP-870, KIP-937): retention that deletes them as they arrive,
bounds on timestamps that refuse them, a topic that stamps them anew, and compaction that thins them out before they are
all there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from instar.archives.topic_manifest import Manifest
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused
from instar.preservation.export_topic import SETTINGS

LONGEST_MS = str(2**63 - 1)
_NO_LIMIT = "-1"

# Kafka's own defaults, for what a topic or an archive does not say.
_DEFAULTS: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * 24 * 3600 * 1000),
    "retention.bytes": _NO_LIMIT,
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": LONGEST_MS,
    "message.timestamp.after.max.ms": LONGEST_MS,
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": LONGEST_MS,
}
_NUMBER = re.compile(r"-?[0-9]{1,19}\Z")
_WRITTEN = dict.fromkeys(SETTINGS, _NUMBER)
_WRITTEN |= dict.fromkeys(
    ("cleanup.policy", "compression.type", "message.timestamp.type"), re.compile(r"[A-Za-z0-9,]{0,40}\Z")
)
_WRITTEN["min.cleanable.dirty.ratio"] = re.compile(r"[0-9.E-]{1,40}\Z")
_COMPACTION = {"min.compaction.lag.ms": LONGEST_MS, "max.compaction.lag.ms": LONGEST_MS}


@dataclass(frozen=True, slots=True)
class Wish:
    """``hold_retention``: make the topic without retention rather than be refused. ``accept_timestamps``: records may
    get the time of the import where theirs cannot be written."""

    hold_retention: bool = False
    accept_timestamps: bool = False


@dataclass(slots=True)
class ImportPlan:
    """``settings`` are those of the topic while records arrive; ``afterwards`` are set once all of them are proved to
    be there. ``refusals`` are pairs of reason and remedy; with any the import is not begun."""

    topic: str
    partitions: int
    makes_topic: bool
    settings: dict[str, str] = field(default_factory=dict)
    afterwards: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str]] = field(default_factory=list)

    def refuse(self, reason: str, remedy: str) -> None:
        self.refusals.append((reason, remedy))


def plan_import(
    cluster: Cluster, manifest: Manifest, topic: str, wish: Wish, now_ms: int, *, begun: bool = False
) -> ImportPlan:
    """Looks at the cluster and changes nothing. ``begun``: the topic holds a part of this archive already.

    Raises ``KafkaTrouble``.
    """
    _refuse_odd_settings(manifest)
    found = cluster.find(topic)
    plan = ImportPlan(topic, manifest.scope.partitions, found is None)
    if cluster.built_in:
        plan.refuse("The broker that is built into librdkafka has no transactions.", "Import into a real Kafka.")
        return plan
    if found is None:
        _make(plan, manifest, wish, now_ms)
    else:
        _use(plan, cluster, manifest, found, begun=begun)
    standing = {**_DEFAULTS, **(found.settings if found else {}), **plan.settings}
    _hold_compaction(plan, manifest, {**_DEFAULTS, **(found.settings if found else manifest.scope.settings)})
    _look_at_retention(plan, manifest, standing, now_ms)
    _look_at_timestamps(plan, manifest, standing, wish, now_ms)
    if "compact" in standing["cleanup.policy"] and manifest.total("null_keys"):
        plan.refuse(
            f"{manifest.total('null_keys'):,} records have no key, which a compacted topic does not take.",
            "Make the topic with cleanup.policy=delete and as many partitions, and import into it.",
        )
    left_out = manifest.scope.partitions - len(manifest.partitions)
    if left_out:
        plan.notes.append(f"The archive holds {len(manifest.partitions)} partitions; {left_out} stay empty.")
    return plan


def _refuse_odd_settings(manifest: Manifest) -> None:
    """An archive is data, and the settings in it make a topic: only those that an export writes, as it writes them."""
    for name, value in manifest.scope.settings.items():
        if name not in _WRITTEN or not _WRITTEN[name].match(value):
            raise Refused(
                f"The archive says that its topic had {name}={value}, which no export writes.",
                "Take a sound copy of the archive.",
            )


def _make(plan: ImportPlan, manifest: Manifest, wish: Wish, now_ms: int) -> None:
    settings = dict(manifest.scope.settings)
    if settings.get("message.timestamp.type", "CreateTime") != "CreateTime":
        plan.notes.append(
            "The topic stamped records with the broker's time. It is made with message.timestamp.type=CreateTime, "
            f"which keeps those times; set it to {settings['message.timestamp.type']} before new records are written."
        )
        settings["message.timestamp.type"] = "CreateTime"
    needed = manifest.most("largest_bytes")
    limit = settings.get("max.message.bytes")
    if limit is not None and needed > int(limit):
        plan.notes.append(
            f"max.message.bytes is {needed:,} instead of {int(limit):,}: the largest record fitted only compressed."
        )
        settings["max.message.bytes"] = str(needed)
    if wish.hold_retention and _trapped(manifest, {**_DEFAULTS, **settings}, now_ms):
        was = {name: settings.get(name, _DEFAULTS[name]) for name in ("retention.ms", "retention.bytes")}
        settings |= dict.fromkeys(was, _NO_LIMIT)
        plan.notes.append(
            "The topic is made without retention, which would delete at once; it was "
            f"{', '.join(f'{name}={value}' for name, value in was.items())}."
        )
    if wish.hold_retention:
        for name in ("message.timestamp.before.max.ms", "message.timestamp.after.max.ms"):
            if settings.get(name, LONGEST_MS) != LONGEST_MS:
                plan.notes.append(f"{name} is without a limit instead of {settings[name]}.")
                settings[name] = LONGEST_MS
    plan.settings = settings


def _use(plan: ImportPlan, cluster: Cluster, manifest: Manifest, topic: Topic, *, begun: bool) -> None:
    numbers = range(topic.partitions)
    if not begun and cluster.start_offsets(topic.name, numbers) != cluster.end_offsets(topic.name, numbers):
        plan.refuse(
            f"Topic {topic.name} holds records, and not a part of this archive that an import has written.",
            "Import into a topic that is not there, or that is empty.",
        )
    if topic.partitions != manifest.scope.partitions:
        plan.refuse(
            f"Topic {topic.name} has {topic.partitions} partitions, the archive is of {manifest.scope.partitions}.",
            "Import into a topic that is not there, or that has as many partitions.",
        )
    needed = manifest.most("largest_bytes")
    if needed > topic.max_message_bytes:
        plan.refuse(
            f"The largest record has up to {needed:,} bytes; {topic.name} takes {topic.max_message_bytes:,}.",
            f"Set its max.message.bytes to {needed}.",
        )
    different = [
        f"{name} {topic.settings[name]} (was {value})"
        for name, value in manifest.scope.settings.items()
        if name in topic.settings and topic.settings[name] != value and name not in _COMPACTION
    ]
    if different and not begun:
        plan.notes.append(f"The topic's own settings stay: {', '.join(different)}.")


def _hold_compaction(plan: ImportPlan, manifest: Manifest, own: Mapping[str, str]) -> None:
    """Compaction in the middle of an import would take records away before they were proved to have arrived."""
    if "compact" not in own["cleanup.policy"]:
        return
    # The topic that an earlier run holds back still has to be given what the archive says.
    lag = {name: own[name] for name in _COMPACTION}
    if lag["min.compaction.lag.ms"] == LONGEST_MS:
        lag = {name: manifest.scope.settings.get(name, _DEFAULTS[name]) for name in _COMPACTION}
    plan.settings |= _COMPACTION
    plan.afterwards = lag
    plan.notes.append("Compaction is held (min.compaction.lag.ms) until every record is read back.")


def _trapped(manifest: Manifest, settings: Mapping[str, str], now_ms: int) -> str:
    """What retention would delete, in words; empty when nothing."""
    if "delete" not in settings["cleanup.policy"]:
        return ""
    keeps_ms, keeps_bytes = int(settings["retention.ms"]), int(settings["retention.bytes"])
    olds = [each["oldest_ms"] for each in manifest.partitions.values() if each["oldest_ms"] is not None]
    # With LogAppendTime the records are as young as the import.
    stamped = settings["message.timestamp.type"] != "CreateTime"
    if olds and keeps_ms >= 0 and not stamped and min(olds) < now_ms - keeps_ms:
        return f"The oldest record is of {_day(min(olds))} and retention.ms is {keeps_ms:,}"
    if 0 <= keeps_bytes < manifest.most("size_bytes"):
        return f"A partition has {manifest.most('size_bytes'):,} bytes and retention.bytes is {keeps_bytes:,}"
    return ""


def _look_at_retention(plan: ImportPlan, manifest: Manifest, standing: Mapping[str, str], now_ms: int) -> None:
    why = _trapped(manifest, standing, now_ms)
    if why:
        plan.refuse(
            f"{why}: Kafka would delete records as they arrive.",
            "Let it be made without retention (--hold-retention)."
            if plan.makes_topic
            else "Set the topic's retention.ms and retention.bytes to -1 first.",
        )


def _look_at_timestamps(
    plan: ImportPlan, manifest: Manifest, standing: Mapping[str, str], wish: Wish, now_ms: int
) -> None:
    untimed = manifest.total("untimed")
    if standing["message.timestamp.type"] != "CreateTime":
        _lost_timestamps(plan, f"{plan.topic} stamps records with the broker's time (LogAppendTime)", wish)
        return
    if untimed:
        _lost_timestamps(plan, f"{untimed:,} records have no timestamp, or one of 1970, which cannot be written", wish)
    before, after = (int(standing[f"message.timestamp.{side}.max.ms"]) for side in ("before", "after"))
    olds = [each["oldest_ms"] for each in manifest.partitions.values() if each["oldest_ms"] is not None]
    if olds and (min(olds) < now_ms - before or manifest.most("newest_ms") > now_ms + after):
        plan.refuse(
            f"Records are of {_day(min(olds))} to {_day(manifest.most('newest_ms'))}, which "
            "message.timestamp.before.max.ms or message.timestamp.after.max.ms does not let in.",
            "Let it be made without (--hold-retention)."
            if plan.makes_topic
            else f"Set both to {LONGEST_MS} on the topic first.",
        )


def _lost_timestamps(plan: ImportPlan, what: str, wish: Wish) -> None:
    if wish.accept_timestamps:
        plan.notes.append(f"{what}: they get the time of the import.")
    else:
        plan.refuse(
            f"{what}: the import would not be what was exported.",
            "Set message.timestamp.type=CreateTime where it is the topic's, or accept it with --accept-timestamps.",
        )


def _day(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):  # any 63 bits are a timestamp to Kafka
        return f"{at_ms} ms"
