"""What a mode asks of the topics, the producers and the checkpoints; without it the mode is refused.

Kafka has no compare-and-set: whoever writes a key twice decides by order alone which value stays. Each refusal here
keeps two writers, or two orders of one, from deciding that differently than the source did.
"""

from collections.abc import Iterator
from typing import NamedTuple

from instar.core import checkpoint
from instar.core.checkpoint import Checkpoint, Split
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import Refused
from instar.processor.plan import BridgePlan, Mode
from instar.project.migration import Migration

_DAY_MS = 86_400_000
# Held while history is carried, and far below where adding it to the time would overflow in a broker.
HELD_TOMBSTONES_MS = 3_650 * _DAY_MS
DEFAULT_TOMBSTONES_MS = _DAY_MS  # Kafka's delete.retention.ms


class Fault(NamedTuple):
    message: str
    remedy: str


def mode_of(migration: Migration, direction: str) -> Mode:
    """How a direction is read. The way back carries what producers write from now on: always in order."""
    if direction == "down":
        return "ordered"
    return "in-place" if migration.in_place else migration.mode


def topic_faults(migration: Migration, source: Topic, target: Topic | None) -> Iterator[Fault]:
    """What stands against the migration's mode in its topics; ``target`` is None before it is made.

    The broker that is built into librdkafka knows no settings, so nothing there is compacted.
    """
    if migration.producers == "both" and (source.compacted or (target is not None and target.compacted)):
        which = source.name if source.compacted or target is None else target.name
        yield Fault(
            f'producers = "both" and {which} is compacted: between the two groups of producers no order is promised, '
            "so the older of two values of a key could stay",
            'Let one group of producers write at a time: producers = "old" before the switch, "new" after it.',
        )
    if migration.in_place and not source.compacted:
        yield Fault(
            f"in place needs a compacted topic, and {source.name} has cleanup.policy = "
            f"{source.settings.get('cleanup.policy', 'unknown')}: every event would stand there twice",
            "Name another topic as the target.",
        )
    if migration.mode == "live-first":
        yield from _live_first(source, target)


def _live_first(source: Topic, target: Topic | None) -> Iterator[Fault]:
    for topic in (source, target):
        if topic is not None and not topic.compacted:
            yield Fault(
                f"live-first needs compacted topics, and {topic.name} has cleanup.policy = "
                f"{topic.settings.get('cleanup.policy', 'unknown')}: history would stand behind newer events",
                'Use mode = "ordered", or "segregated" to have what is new at once.',
            )
    if target is None or not target.compacted:
        return
    kept = (target.settings.get("retention.ms", "-1"), target.settings.get("retention.bytes", "-1"))
    if "delete" in target.settings.get("cleanup.policy", "") and kept != ("-1", "-1"):
        yield Fault(
            f"live-first finds what live has published in {target.name}, which also deletes by age or size "
            f"(retention.ms = {kept[0]}, retention.bytes = {kept[1]})",
            f"Set both to -1 on {target.name} until history is carried.",
        )


def splits_of(plan: BridgePlan, cluster: Cluster) -> dict[int, Split]:
    """Where each partition was divided, of those that were. Raises ``KafkaTrouble``."""
    committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
    points = {partition: checkpoint.parse(offset, said) for partition, (offset, said) in committed.items()}
    return {partition: point.split for partition, point in points.items() if point.split is not None}


def require_mode(name: str, migration: Migration, source: Topic, target: Topic | None) -> None:
    """Raises ``Refused`` with the first thing that stands against the mode."""
    for fault in topic_faults(migration, source, target):
        raise Refused(f"Migration {name}: {fault.message}.", fault.remedy)


def require_checkpoint(plan: BridgePlan, partition: int, point: Checkpoint, now_ms: int) -> None:
    """Is the checkpoint one of this mode, and can its history still be carried? Raises ``Refused``."""
    if point.mode != plan.mode:
        raise Refused(
            f"{plan.migration} was begun in mode {point.mode} (partition {partition} of {plan.source.name}), the "
            f"settings now say {plan.mode}: what is published by one order cannot be gone on with in another.",
            f"Set it back to {point.mode}, or use another name for the migration and another target.",
        )
    split = point.split
    if split is None or not split.behind or plan.mode != "live-first":
        return
    if plan.producers != "old":
        raise Refused(
            f"{plan.migration} still carries history (partition {partition} from offset {split.past:,} to "
            f'{split.at:,}), and producers = "{plan.producers}" lets others write {plan.target.name}: history could '
            "replace what they wrote.",
            'Keep producers = "old" until `instar status` shows nothing to go.',
        )
    kept_ms = int(plan.target.settings.get("delete.retention.ms", DEFAULT_TOMBSTONES_MS))
    if now_ms - split.since_ms >= kept_ms:
        raise Refused(
            f"Live began {(now_ms - split.since_ms) / _DAY_MS:.1f} days ago, and {plan.target.name} forgets deletes "
            f"after {kept_ms / _DAY_MS:.1f} days (delete.retention.ms): history could bring back what live deleted.",
            f"Delete group {plan.group} and {plan.target.name} and begin anew, with delete.retention.ms above the time "
            "that history takes. (--create sets it.)",
        )
