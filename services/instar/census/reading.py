"""Reading the census: everybody who has Kafka can, without Faust and without a database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from instar.census.topics import CensusTopics
from instar.core.census_fold import Census, fold
from instar.core.census_result import Result, parse_result
from instar.core.rejected import Rejected
from instar.kafka.cluster import Cluster
from instar.kafka.errors import TopicMissing
from instar.kafka.scan import scan

# A result may be written this long before the end of its window, or of the delay with which its summary came.
_EARLIER_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Reading:
    """``behind`` are the summaries that no result counts yet; ``unusable`` the results that were left out."""

    census: Census
    behind: int
    unusable: int = 0


def read_census(kafka: Mapping[str, Any], topics: CensusTopics, since_ms: int | None = None) -> Reading:
    """The census as it is now; without what was last heard of before ``since_ms``.

    Raises ``TopicMissing`` where there is no census yet, ``KafkaTrouble`` otherwise.
    """
    cluster = Cluster(kafka)
    found = cluster.find(topics.results)
    if found is None:
        raise TopicMissing(
            f"There is no census yet: topic {topics.results!r} does not exist on {cluster.bootstrap}.",
            "`instar census run --create` begins one.",
        )
    partitions = range(found.partitions)
    ends = cluster.end_offsets(topics.results, partitions)
    if since_ms is None or cluster.built_in:
        starts = cluster.start_offsets(topics.results, partitions)
    else:
        starts = cluster.offsets_at(topics.results, partitions, max(0, since_ms - _EARLIER_MS))
    unusable = 0

    def results() -> Iterator[Result]:
        nonlocal unusable
        for record in scan(kafka, topics.results, starts, ends):
            result = parse_result(record.value or b"")
            if isinstance(result, Rejected):
                unusable += 1
            else:
                yield result

    census = fold(results())
    if since_ms is not None:
        census = census.since(since_ms)
    return Reading(census, _behind(cluster, topics), unusable)


def _behind(cluster: Cluster, topics: CensusTopics) -> int:
    summaries = cluster.find(topics.summaries)
    if summaries is None:
        return 0
    partitions = range(summaries.partitions)
    committed = cluster.committed(topics.group, topics.summaries, partitions)
    starts = cluster.start_offsets(topics.summaries, partitions)
    ends = cluster.end_offsets(topics.summaries, partitions)
    return sum(ends[each] - max(starts[each], committed.get(each, (0, ""))[0]) for each in partitions)
