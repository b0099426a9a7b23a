"""Reading the census: everybody who has Kafka can, without Faust and without a database.

The results say up to which offset of the summaries each of them counts. What came since is read and counted here, so
that a census that is behind, or does not run, makes a reading slower and never wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instar.census.topics import CensusTopics
from instar.core.census_fold import Census, fold, newest
from instar.core.census_message import parse
from instar.core.census_result import WINDOW_MS, Result, counted, parse_result, started
from instar.core.rejected import Rejected
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import TopicMissing
from instar.kafka.scan import scan


class NoCensus(TopicMissing):
    """Nobody tells and nobody counts: there are no topics for it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """``behind`` are the summaries that the running census has not counted; ``unusable`` what could not be read."""

    census: Census
    behind: int = 0
    unusable: int = 0


def read_census(
    kafka: Mapping[str, Any], topics: CensusTopics, *, since_ms: int | None = None, window_ms: int = WINDOW_MS
) -> Reading:
    """The census as it is now; without what was last heard of before ``since_ms``.

    Raises ``NoCensus``, and ``KafkaTrouble`` otherwise.
    """
    cluster = Cluster(kafka)
    results, summaries = cluster.find(topics.results), cluster.find(topics.summaries)
    if results is None and summaries is None:
        raise NoCensus(
            f"There is no census: neither {topics.summaries!r} nor {topics.results!r} exists on {cluster.bootstrap}.",
            "`instar census run --create` begins one.",
        )
    state: dict[bytes, Result] = {}
    behind = unusable = 0
    if summaries is not None:  # asked for first: what is counted meanwhile is counted once
        starts, ends = _uncounted(cluster, topics, summaries)
        behind = sum(ends[each] - start for each, start in starts.items())
    if results is not None:
        unusable += _take_results(kafka, cluster, results, state)
    if summaries is not None:
        for record in scan(kafka, topics.summaries, starts, ends):
            message = parse(record.value or b"")
            if isinstance(message, Rejected):
                unusable += 1
                continue
            blank = started(message, record.partition, window_ms)
            state[blank.key] = counted(state.get(blank.key, blank), message, record.offset)
    census = fold(state.values())
    return Reading(census if since_ms is None else census.since(since_ms), behind, unusable)


def _take_results(kafka: Mapping[str, Any], cluster: Cluster, topic: Topic, state: dict[bytes, Result]) -> int:
    """How many of them cannot be read."""
    partitions = range(topic.partitions)
    starts, ends = cluster.start_offsets(topic.name, partitions), cluster.end_offsets(topic.name, partitions)
    found, unusable = [], 0
    for record in scan(kafka, topic.name, starts, ends):
        result = parse_result(record.value or b"")
        if isinstance(result, Rejected):
            unusable += 1
        else:
            found.append(result)
    state.update((result.key, result) for result in newest(found))
    return unusable


def _uncounted(cluster: Cluster, topics: CensusTopics, summaries: Topic) -> tuple[dict[int, int], dict[int, int]]:
    """Where the census stands in the summaries, and where they end."""
    partitions = range(summaries.partitions)
    committed = cluster.committed(topics.group, topics.summaries, partitions)
    firsts = cluster.start_offsets(topics.summaries, partitions)
    ends = cluster.end_offsets(topics.summaries, partitions)
    return {each: max(firsts[each], committed.get(each, (0, ""))[0]) for each in partitions}, ends
