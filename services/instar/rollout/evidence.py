"""Asking the cluster who still depends on a migration's old topic. What cannot be asked is None, never nothing."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from instar.core import checkpoint, provenance
from instar.core.record import TIMESTAMP_NONE_MS
from instar.core.retirement import Group, Written
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import KafkaTrouble
from instar.kafka.letters import read_letters, read_settled
from instar.kafka.scan import scan

OWN_GROUPS = "instar."
LIMIT_PRODUCERS = 20
_AT_ONCE = 16

T = TypeVar("T")


def asked(ask: Callable[[], T]) -> T | None:
    """The answer, or None where the cluster does not give one."""
    try:
        return ask()
    except KafkaTrouble:
        return None


@dataclass(frozen=True, slots=True)
class GroupsSeen:
    """Groups of a topic. ``unlisted`` is why others may be missing; empty: these are all."""

    groups: tuple[Group, ...]
    unlisted: str = ""


def groups_on(cluster: Cluster, topic: Topic, known: Collection[str] = ()) -> GroupsSeen:
    """Every group but our own that has offsets in the topic, or members that read it; also those that we may not look
    into, since they could be readers.

    ``known`` are names of groups from elsewhere: where not all can be listed, these are asked for by name. Raises
    ``KafkaTrouble``.
    """
    unlisted = ""
    listed = set(cluster.groups())
    names = listed
    if cluster.built_in:
        unlisted = "the broker that is built into librdkafka does not list consumer groups"
    elif not cluster.sees_all_groups():
        unlisted = "only some of the consumer groups can be listed"
    if unlisted:
        names = listed | set(known)
    asked_for = sorted(name for name in names if name and not name.startswith(OWN_GROUPS))
    if not asked_for:
        return GroupsSeen((), unlisted)
    ends = cluster.end_offsets(topic.name, range(topic.partitions))
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # a group costs a consumer of its own, which mostly waits
        found = list(pool.map(lambda name: _group(cluster, topic, name, ends), asked_for))
    # Of a name from elsewhere nobody knows that it reads this topic; that groups may be missing is said already.
    groups = [group for group in found if group is not None and (group != _unknown(group.name) or group.name in listed)]
    return GroupsSeen(tuple(groups), unlisted)


def _unknown(name: str) -> Group:
    """A group that we may not look into."""
    return Group(name, None, None)


def _group(cluster: Cluster, topic: Topic, name: str, ends: Mapping[int, int]) -> Group | None:
    try:
        committed = cluster.committed(name, topic.name, range(topic.partitions))
        members = cluster.members(name)
        reading = [member for member in members or [] if any(each == topic.name for each, _ in member.partitions)]
        if not committed and not reading:
            return None
        lag = sum(max(0, ends[number] - offset) for number, (offset, _) in committed.items())
        last_ms = _last_read_ms(cluster, topic.name, {number: offset for number, (offset, _) in committed.items()})
    except KafkaTrouble:
        return _unknown(name)
    return Group(name, None if members is None else len(reading), lag if committed else None, last_ms)


def _last_read_ms(cluster: Cluster, topic: str, offsets: Mapping[int, int]) -> int | None:
    """The newest time among the records right before the positions; None where retention has taken all of them."""
    starts = {number: offset - 1 for number, offset in offsets.items() if offset > 0}
    first = cluster.start_offsets(topic, starts)
    starts = {number: start for number, start in starts.items() if start >= first[number]}
    bounds = {number: start + 1 for number, start in starts.items()}
    times = [record.timestamp_ms for record in scan(cluster.kafka, topic, starts, bounds, committed=False)]
    return max((each for each in times if each != TIMESTAMP_NONE_MS), default=None)


def written_since(
    cluster: Cluster,
    migration: str,
    topic: Topic,
    since: Mapping[int, int],
    *,
    producer_header: str,
    look_records: int,
) -> Written:
    """Native records from ``since`` (the ends at the switch) on: those that no bridge of the migration wrote.

    The newest ``look_records`` offsets of each partition are looked at. Raises ``KafkaTrouble``.
    """
    partitions = range(topic.partitions)
    ends = cluster.end_offsets(topic.name, partitions, committed=True)
    first = cluster.start_offsets(topic.name, partitions)
    wanted = {number: max(since.get(number, 0), first[number]) for number in partitions}
    starts = {number: max(start, ends[number] - look_records) for number, start in wanted.items()}
    records, newest_ms, producers = 0, None, set[str]()
    for record in scan(cluster.kafka, topic.name, starts, ends):
        found = provenance.of(record.headers, record.key, record.value)
        if found is not None and found.migration == migration:
            continue
        records += 1
        if record.timestamp_ms != TIMESTAMP_NONE_MS:
            newest_ms = max(newest_ms or 0, record.timestamp_ms)
        name = next((value for key, value in record.headers if key == producer_header and value), None)
        if name is not None and len(producers) < LIMIT_PRODUCERS:
            producers.add(name.decode("utf-8", "backslashreplace")[:100])
    return Written(records, newest_ms, tuple(sorted(producers)), whole=starts == wanted)


def uncarried(cluster: Cluster, migration: str, topic: Topic, look_records: int) -> int | None:
    """Records of the topic that the up bridge has not carried and that are not the reverse bridge's copies, which it
    only passes over; None where a partition has no checkpoint.

    With more than ``look_records`` offsets left in a partition all of them count, unread. Raises ``KafkaTrouble``.
    """
    partitions = range(topic.partitions)
    committed = cluster.committed(checkpoint.group_of(migration, "up"), topic.name, partitions)
    if len(committed) < topic.partitions:
        return None
    ends = cluster.end_offsets(topic.name, partitions, committed=True)
    points = {number: checkpoint.parse(offset, said) for number, (offset, said) in committed.items()}
    found = sum(point.history_left for point in points.values())
    near = {number: point.offset for number, point in points.items() if ends[number] - point.offset <= look_records}
    found += sum(ends[number] - point.offset for number, point in points.items() if number not in near)
    for record in scan(cluster.kafka, topic.name, near, ends):
        copied = provenance.of(record.headers, record.key, record.value)
        found += copied is None or copied.migration != migration
    return found


def outstanding_letters(cluster: Cluster, migration: str, topic: str) -> int:
    """Dead letters of either direction that nobody has redriven or discarded. Raises ``KafkaTrouble``."""
    found = cluster.find(topic)
    if found is None:
        return 0
    settled = read_settled(cluster, found)
    return sum(letter.settled is None for letter in read_letters(cluster, found, migration, settled))
