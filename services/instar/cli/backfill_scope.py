"""What a backfill covers and may cover: partitions, where it begins and ends, under which plan, and next to whom."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from instar.backfill.control import Control
from instar.cli.exits import USAGE, fail
from instar.cli.steering import asked_by
from instar.core import control
from instar.core.bounds import Earliest, Now, Offsets, Point, Time, parse_partitions
from instar.core.control import FINGERPRINT_CHARS, NAMED
from instar.core.provenance import Direction
from instar.kafka.cluster import Cluster, Member
from instar.kafka.config import SESSION_TIMEOUT_MS
from instar.kafka.errors import Refused
from instar.operations.plan_drift import points_of
from instar.processor.plan import BridgePlan
from instar.project.migration import Migration

_GRACE_S = 2.0
_LOOK_EVERY_S = 0.25


def source_of(settings: Migration, direction: Direction) -> str:
    return settings.source.topic if direction == "up" else settings.target.topic


def partitions_of(cluster: Cluster, settings: Migration, direction: Direction, text: str | None) -> list[int] | None:
    """The partitions that are named, None when none are."""
    if text is None:
        return None
    try:
        return parse_partitions(text, cluster.topic(source_of(settings, direction)).partitions)
    except ValueError as problem:
        fail(f"--partitions: {problem}.", exit_code=USAGE)


# --------------------------------------------------------------------------------------------------- bounds


def begin_of(cluster: Cluster, settings: Migration, direction: Direction, point: Point | None) -> dict[int, int] | None:
    """Where each partition begins; None when nothing was asked."""
    if point is None:
        return None
    topic = source_of(settings, direction)
    partitions = range(cluster.topic(topic).partitions)
    starts = cluster.start_offsets(topic, partitions)
    return starts | offsets_of("--from", cluster, topic, point, starts)


def bound_by(
    cluster: Cluster, point: Point, named: list[int] | None
) -> Callable[[BridgePlan, Mapping[int, int]], Mapping[int, int]]:
    """The bound of each partition. One that is not meant stays where it is: its bound is its checkpoint."""

    def bounds(plan: BridgePlan, committed: Mapping[int, int]) -> Mapping[int, int]:
        topic = plan.source.name
        ends = cluster.end_offsets(topic, plan.partitions)
        if isinstance(point, Offsets):
            found = offsets_of("--until", cluster, topic, point, ends)
        elif isinstance(point, Earliest):
            fail("--until earliest would carry nothing.", "Write now, offsets or a time.", USAGE)
        else:
            found = offsets_of("--until", cluster, topic, point, ends)
        meant = plan.partitions if named is None else named
        return {
            partition: found.get(partition, committed[partition]) if partition in meant else committed[partition]
            for partition in plan.partitions
        }

    return bounds


def offsets_of(option: str, cluster: Cluster, topic: str, point: Point, known: Mapping[int, int]) -> dict[int, int]:
    """What a point is in each partition that it says something about; ``known`` has every partition."""
    match point:
        case Earliest():
            return cluster.start_offsets(topic, known)
        case Now():
            return cluster.end_offsets(topic, known)
        case Time(at_ms):
            return cluster.offsets_at(topic, known, at_ms)
        case Offsets(of, every):
            found: dict[int, int] = dict(of) if every is None else dict.fromkeys(known, every)
            starts, ends = cluster.start_offsets(topic, known), cluster.end_offsets(topic, known)
            for partition, offset in found.items():
                if partition not in known:
                    fail(f"{option}: {topic} has no partition {partition}.", f"It has 0 to {len(known) - 1}.", USAGE)
                if not starts[partition] <= offset <= ends[partition]:
                    fail(
                        f"{option}: partition {partition} of {topic} has offsets {starts[partition]:,} to "
                        f"{ends[partition]:,}, not {offset:,}.",
                        exit_code=USAGE,
                    )
            return found


# --------------------------------------------------------------------------------------------------- fingerprint


def accept_plan(cluster: Cluster, plan: BridgePlan) -> None:
    """Write the checkpoints again under this plan. Refused while workers run, which still use the other one."""
    now = plan.fingerprint[:FINGERPRINT_CHARS]
    points = points_of(cluster, plan)
    if all(point.fingerprint in (now, "") for point in points.values()):
        return
    members = _members_left(cluster, plan)
    if members:
        raise Refused(
            f"{len(members)} workers of {plan.migration} {plan.direction} run under the plan that was changed.",
            "Stop them first; start them again when this one runs.",
        )
    offsets = {
        partition: (
            point.offset,
            replace(point, fingerprint=plan.fingerprint).metadata(),
        )
        for partition, point in points.items()
    }
    cluster.commit(plan.group, plan.source.name, offsets)


def _members_left(cluster: Cluster, plan: BridgePlan) -> list[Member] | None:
    """Who is in the group, once whoever has stopped is missed: a worker's place is kept for its session's time."""
    session_ms = int(plan.kafka.get("session.timeout.ms", SESSION_TIMEOUT_MS))
    deadline_s = time.monotonic() + session_ms / 1000 + _GRACE_S
    while True:
        members = cluster.members(plan.group)
        if not members or time.monotonic() > deadline_s:
            return members
        time.sleep(_LOOK_EVERY_S)


# --------------------------------------------------------------------------------------------------- named partitions


@contextmanager
def named_alone(cluster: Cluster, kept: Control, plan: BridgePlan, partitions: list[int]) -> Iterator[None]:
    """Read these partitions outside the group, for the time of the block.

    The broker does not fence such a reader by the group's generation, so the two must be kept apart: first it is
    written down which partitions are read, then the group is looked at. A worker does it the other way round, joins and
    then reads what is written down, and shuts out whoever is named there. One of the two sees the other.
    """
    names = [control.key(plan.migration, plan.direction, NAMED, str(partition)) for partition in partitions]
    kept.write(dict.fromkeys(names, control.entry(asked_by())))
    try:
        members = _members_left(cluster, plan)
        if members is None:
            raise Refused(
                "The broker that is built into librdkafka does not tell who is in a group.", "Leave --partitions out."
            )
        if members:
            raise Refused(
                f"Group {plan.group} has {len(members)} members ({', '.join(sorted(one.name for one in members))}), "
                "and partitions cannot be taken from them.",
                "Stop the workers first, or leave --partitions out to share the work with them.",
            )
        yield
    finally:
        kept.write(dict.fromkeys(names))
