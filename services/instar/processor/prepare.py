"""Before the first record: the topics that a direction needs, and where its group begins.

The first start commits the start offsets explicitly, so that from then on a missing checkpoint is a fault that is
noticed and not a second first start (design section 8).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint, Counts, Split
from instar.core.provenance import NO_TOPIC_ID
from instar.kafka import carried
from instar.kafka.carried import Bridging
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused, TopicMissing
from instar.processor.modes import HELD_TOMBSTONES_MS, require_checkpoint
from instar.processor.plan import BridgePlan

# The dead-letter topic must take whatever the source takes, with a verdict of up to a few kB more.
DEAD_LETTER_MARGIN_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Topics:
    source: Topic
    target: Topic
    dead_letters: Topic
    history: Topic | None = None


def ready_topics(
    cluster: Cluster,
    source: str,
    target: str,
    dead_letters: str,
    *,
    create: bool,
    history: str | None = None,
    live_first: bool = False,
) -> Topics:
    """The topics, checked against each other; with ``create`` the missing ones but the source are made.

    ``history`` names the one for what was there at the first start, where that is kept apart.

    Raises ``TopicMissing``, or ``Refused`` where partitions or size limits do not fit.
    """
    source_topic = cluster.topic(source)
    for name, settings in settings_of(source_topic, target, dead_letters, history, live_first=live_first).items():
        if cluster.find(name) is None:
            if not create:
                raise TopicMissing(
                    f"Topic {name!r} does not exist on {cluster.bootstrap}.",
                    f"Run with --create to make it with {source_topic.partitions} partitions, as {source} has.",
                )
            cluster.create(name, source_topic.partitions, settings)
    past = None if history is None else cluster.topic(history)
    topics = Topics(source_topic, cluster.topic(target), cluster.topic(dead_letters), past)
    for topic in filter(None, (topics.target, topics.dead_letters, topics.history)):
        if topic.partitions < source_topic.partitions:
            raise Refused(
                f"Topic {topic.name} has {topic.partitions} partitions, {source} has {source_topic.partitions}; "
                "records keep their partition number, so it needs at least as many.",
                f"Add partitions to {topic.name}, or choose another topic in the migration's settings.",
            )
    # The built-in broker has no limits and knows no settings.
    if not cluster.built_in and topics.dead_letters.max_message_bytes <= source_topic.max_message_bytes:
        raise Refused(
            f"Topic {topics.dead_letters.name} accepts {topics.dead_letters.max_message_bytes:,} bytes, no more than "
            f"{source} with {source_topic.max_message_bytes:,}: a dead letter is its record and a verdict.",
            f"Set its max.message.bytes to at least {source_topic.max_message_bytes + DEAD_LETTER_MARGIN_BYTES}.",
        )
    return topics


def imagined_topics(
    cluster: Cluster,
    source: str,
    target: str,
    dead_letters: str,
    *,
    history: str | None = None,
    live_first: bool = False,
) -> Topics:
    """The topics, those that are not there as ``ready_topics`` would make them. Raises ``TopicMissing``."""
    source_topic = cluster.topic(source)
    wanted = settings_of(source_topic, target, dead_letters, history, live_first=live_first)
    there = {
        name: cluster.find(name) or Topic(name, NO_TOPIC_ID, source_topic.partitions, settings)
        for name, settings in wanted.items()
    }
    return Topics(source_topic, there[target], there[dead_letters], None if history is None else there[history])


def settings_of(
    source: Topic, target: str, dead_letters: str, history: str | None, *, live_first: bool
) -> dict[str, dict[str, str]]:
    """The topics that a direction writes, with the settings that they are made with."""
    wanted = {target: target_settings(source), dead_letters: dead_letter_settings(source)}
    if live_first:
        # What live deleted must be known for as long as history can bring it back.
        wanted[target]["delete.retention.ms"] = str(HELD_TOMBSTONES_MS)
    if history is not None:
        wanted[history] = target_settings(source)
    return wanted


def ensure_start(
    plan: BridgePlan, cluster: Cluster, *, recover: bool, begin: Mapping[int, int] | None = None
) -> dict[int, int]:
    """The group's committed offsets; on the first start they are committed at the beginning of the source, or at
    ``begin``, which is refused afterwards.

    Where only some partitions lack a checkpoint (partitions were added, or offsets expired), or all do while the
    target already holds records of this bridge, starting over would publish twice: that is refused, or with
    ``recover`` mended from the provenance in the target and in the dead letters.

    Where the mode reads history apart, the checkpoint begins at the source's end, and the history below it, which
    follows, at the beginning or at ``begin``.
    """
    offsets = _committed(plan, cluster)
    missing = [partition for partition in plan.partitions if partition not in offsets]
    if begin is not None and offsets:
        partition = min(offsets)
        raise Refused(
            f"Group {plan.group} has begun already: partition {partition} is read up to offset "
            f"{offsets[partition]:,}. Beginning elsewhere would skip records or publish them twice.",
            "Leave --from out to go on from the checkpoint.",
        )
    if not missing:
        return offsets
    if plan.mode == "in-place":
        # Beginning anew repeats nothing: what was rewritten is at the target version, and each key's last value.
        starts = {**cluster.start_offsets(plan.source.name, missing), **(begin or {})}
        return offsets | _commit_first(plan, cluster, starts, begin or {})
    found, earlier_topics = last_carried(plan, cluster, missing)
    # Reading the target takes a while, in which another machine's first start may have begun the group, carried records
    # and left: what it committed must neither be set back nor be taken for lost.
    offsets = _committed(plan, cluster)
    missing = [partition for partition in missing if partition not in offsets]
    if not missing:
        return offsets
    if earlier_topics and not recover:
        # Kafka drops a group's offsets together with their topic, so the checkpoint cannot tell.
        raise Refused(
            f"Topic {plan.source.name} was deleted and created again: {plan.target.name} holds records that this "
            f"bridge made of topic id {', '.join(sorted(earlier_topics))}, the topic now is {plan.source.id.hex()}.",
            "If the new topic holds new records, start with --recover-checkpoint, which begins at its start.",
        )
    known = {partition: offset for partition in missing if (offset := found[partition]) is not None}
    if known and plan.mode != "ordered":
        raise Refused(
            f"Group {plan.group} has no checkpoint, and records of it are published. Where history ended and live "
            f"began was in the checkpoint alone, and the order of a {plan.mode} target does not tell.",
            f"Delete {' and '.join(topic.name for topic in plan.written)} and start again with --create.",
        )
    if known and not recover:
        listed = ", ".join(f"partition {partition} up to offset {offset:,}" for partition, offset in known.items())
        raise Refused(
            f"Group {plan.group} has no checkpoint for partitions whose records are in the target already: {listed}. "
            "Starting over would publish them twice.",
            "Start with --recover-checkpoint to go on right behind them.",
        )
    starts = {**cluster.start_offsets(plan.source.name, missing), **(begin or {})}
    found_begin = {
        partition: max(starts[partition], known[partition] + 1) if partition in known else starts[partition]
        for partition in missing
    }
    return offsets | _commit_first(plan, cluster, found_begin, begin or {})


def _commit_first(
    plan: BridgePlan, cluster: Cluster, starts: Mapping[int, int], begin: Mapping[int, int]
) -> dict[int, int]:
    first = _first_points(plan, cluster, starts, begin)
    cluster.commit(
        plan.group,
        plan.source.name,
        {partition: (point.offset, point.metadata()) for partition, point in first.items()},
    )
    return {partition: point.offset for partition, point in first.items()}


def _first_points(
    plan: BridgePlan, cluster: Cluster, starts: Mapping[int, int], begin: Mapping[int, int]
) -> dict[int, Checkpoint]:
    """The first checkpoints: at ``starts``, or at the end with those as the beginning of history."""
    topic_id = plan.source.id.hex()
    if plan.mode == "ordered":
        return {
            partition: Checkpoint(start, topic_id, Counts(), plan.fingerprint, begin=begin.get(partition, 0))
            for partition, start in starts.items()
        }
    now_ms = time.time_ns() // 1_000_000
    in_place = plan.mode == "in-place"
    note = str(plan.fence) if in_place and plan.fence is not None else ""
    return {
        partition: Checkpoint(
            starts[partition] if in_place else end,
            topic_id,
            Counts(),
            plan.fingerprint,
            begin=begin.get(partition, 0),
            split=Split(plan.mode, end, end if in_place else starts[partition], now_ms, note),
        )
        for partition, end in cluster.end_offsets(plan.source.name, starts).items()
    }


def _committed(plan: BridgePlan, cluster: Cluster) -> dict[int, int]:
    """Raises ``Refused`` where a checkpoint is one of another mode."""
    committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
    now_ms = time.time_ns() // 1_000_000
    for partition, (offset, metadata) in committed.items():
        require_checkpoint(plan, partition, checkpoint.parse(offset, metadata), now_ms)
    return {partition: offset for partition, (offset, _) in committed.items()}


def last_carried(
    plan: BridgePlan, cluster: Cluster, partitions: Sequence[int]
) -> tuple[dict[int, int | None], set[str]]:
    """As ``instar.kafka.carried`` finds it in everything that the plan's workers may write."""
    bridging = Bridging(plan.migration, plan.direction, plan.source.id, tuple(one.name for one in plan.written))
    return carried.last_carried(cluster, bridging, partitions)


def target_settings(source: Topic) -> dict[str, str]:
    """The source's own settings, but with time enough: replayed records carry old timestamps (KIP-870)."""
    copied = ("cleanup.policy", "max.message.bytes", "compression.type", "min.insync.replicas")
    settings = {name: source.settings[name] for name in copied if name in source.settings}
    # Held until the rollout sets the source's own: with it, old records would be deleted as they arrive.
    settings["retention.ms"] = "-1"
    settings["retention.bytes"] = "-1"
    settings["message.timestamp.type"] = "CreateTime"
    # A source's old timestamps must not be refused (message.timestamp.before.max.ms, KIP-937).
    settings["message.timestamp.before.max.ms"] = str(2**63 - 1)
    return settings


def dead_letter_settings(source: Topic) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",  # several dead letters may share a key, and each is wanted
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "max.message.bytes": str(source.max_message_bytes + DEAD_LETTER_MARGIN_BYTES),
    }
