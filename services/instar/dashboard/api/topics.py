"""Topics: their records, one record at every version, and who reads them."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from instar.core.reading import Read
from instar.core.record import Record
from instar.core.record_text import bytes_text, headers_document, headers_told, key_bytes, time_text
from instar.core.rejected import Rejected
from instar.core.trace_document import rejection, stages_document
from instar.core.upcasting.chain import Stage
from instar.core.upcasting.pattern import parse_pattern
from instar.core.upcasting.sealing import sealed
from instar.core.value_text import document_of
from instar.core.version import label
from instar.dashboard.api.document import (
    KAFKA,
    Cursor,
    Document,
    Limit,
    OffsetNumber,
    Page,
    PartitionNumber,
    TopicName,
    problems,
)
from instar.dashboard.paging import DEFAULT_LIMIT, cursor_of, page, place_of
from instar.dashboard.problems import unfit
from instar.dashboard.site import OfSite, Site, Viewer
from instar.operations.browsing import Window, browse
from instar.operations.records import fetch, stages_of
from instar.operations.topic_reader import TopicReader, topic_reader

router = APIRouter(prefix="/topics", tags=["topics"])

Migration = Annotated[
    str | None, Query(max_length=63, description="As which migration's topic to read it, where several name it.")
]


@router.get("", response_model=Page, responses=problems())
def list_topics(site: OfSite, _: Viewer, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Document:
    """The topics that the settings' migrations name, and what each is to them."""
    return Document(page(topic_rows(site), limit, cursor))


def topic_rows(site: Site) -> list[dict[str, Any]]:
    uses: dict[str, list[dict[str, str]]] = {}
    for name, migration in sorted(site.project.settings.migrations.items()):
        for topic, role in (
            (migration.source.topic, "source"),
            (migration.target.topic, "target"),
            (migration.dead_letter_topic, "dead letters"),
        ):
            uses.setdefault(topic, []).append({"migration": name, "role": role})
    return [{"name": topic, "uses": said} for topic, said in sorted(uses.items())]


@router.get("/{topic}/records", response_model=Page, responses=problems(*KAFKA))
def records(
    site: OfSite,
    _: Viewer,
    topic: TopicName,
    partition: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
    offset: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="The first one.")] = None,
    at: Annotated[str | None, Query(max_length=40, description="From this time on, RFC 3339.")] = None,
    key: Annotated[str | None, Query(max_length=1_000, description="Text, or 0x and hexadecimal digits.")] = None,
    version: Annotated[str | None, Query(max_length=12, examples=["v1"])] = None,
    migration: Migration = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Document:
    """Committed records of one partition: from an offset or a time on, without either the last ones."""
    place = place_of(cursor, int)
    reader = topic_reader(site.project, topic, subject=None, framing=None, migration=migration)
    first = place[0] if place is not None else offset
    window = look(site, reader, topic, partition, first, at, key, version, limit)
    items = [record_document(reader, record) for record in window.records]
    return Document(
        {"items": items, "next": None if window.next is None else cursor_of([window.next])},
        headers={"Instar-Offsets": f"{window.start}-{window.end}"},
    )


def look(
    site: Site,
    reader: TopicReader,
    topic: str,
    partition: int,
    offset: int | None,
    at: str | None,
    key: str | None,
    version: str | None,
    limit: int,
) -> Window:
    """The records that fit. Raises ``Problem``, ``Failure`` and ``KafkaTrouble``."""
    try:
        wanted = None if not key else key_bytes(key)
    except ValueError as error:
        raise unfit("The key is not hexadecimal behind 0x.", "Write an even number of digits 0-9 and a-f.") from error

    def fits(record: Record) -> bool:
        if wanted is not None and record.key != wanted:
            return False
        return not version or version_in(reader.read(record)) == version

    return browse(
        site.connection.cluster(),
        topic,
        partition,
        offset=offset,
        at_ms=_time_ms(at),
        limit=limit,
        fits=fits,
    )


@router.get("/{topic}/records/{partition}/{offset}", responses=problems(*KAFKA))
def one_record(
    site: OfSite,
    _: Viewer,
    topic: TopicName,
    partition: PartitionNumber,
    offset: OffsetNumber,
    to: Annotated[str | None, Query(max_length=12, description="Up to which version; the newest by default.")] = None,
    migration: Migration = None,
) -> Document:
    """One record as it is and at every version on its way, with what each hop changed. Sensitive fields are masked."""
    reader = topic_reader(site.project, topic, subject=None, framing=None, migration=migration)
    record, standing = fetch(site.connection.cluster(), topic, partition, offset)
    read = reader.read(record)
    stages: list[Stage] = stages_of(read, record, to) if isinstance(read, Read) else []
    rejected = read if isinstance(read, Rejected) else stages[-1].rejected if stages else None
    return Document(
        record_document(reader, record)
        | {
            "standing": standing,
            "stages": stages_document(read.subject, stages) if isinstance(read, Read) else [],
            "rejected": rejection(rejected) if rejected else None,
        }
    )


@router.get("/{topic}/groups", response_model=Page, responses=problems(*KAFKA))
def groups(site: OfSite, _: Viewer, topic: TopicName, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Document:
    """The consumer groups with offsets in a migration's topic, or members that read it, as last seen."""
    groups_seen = [
        looks[topic] for seen in site.watcher.seen.migrations.values() if topic in (looks := seen.groups or {})
    ]
    found: dict[str, dict[str, Any]] = {
        group.name: {
            "name": group.name,
            "members": group.members,
            "lag_records": group.lag_records,
            "owner": group.owner,
        }
        for seen in groups_seen
        for group in seen.groups
    }
    return Document(page([found[name] for name in sorted(found)], limit, cursor))


def version_in(read: Read | Rejected | None) -> str | None:
    return label(read.version) if isinstance(read, Read) else None


def record_document(reader: TopicReader, record: Record) -> dict[str, Any]:
    """A record as it stands in its topic, sensitive fields masked."""
    read = reader.read(record)
    value = read.value() if isinstance(read, Read) else None
    if isinstance(read, Read) and not isinstance(value, Rejected):
        patterns = tuple(parse_pattern(path) for path in read.subject.sensitive)
        readable = document_of(read.subject.versions[read.version], sealed(value, patterns))
    else:
        readable = None
    trouble = read if isinstance(read, Rejected) else value if isinstance(value, Rejected) else None
    body = read.body if isinstance(read, Read) else None
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "time": time_text(record.timestamp_ms),
        "key": bytes_text(record.key),
        "value_bytes": None if record.value is None else len(record.value),
        "headers": headers_document(record.headers, headers_told(record, body)),
        "subject": read.subject.name if isinstance(read, Read) else None,
        "version": version_in(read),
        "value": readable,
        "trouble": rejection(trouble) if trouble else None,
    }


def _time_ms(text: str | None) -> int | None:
    """Milliseconds since 1970 of an RFC 3339 time; one without a zone is UTC. Raises ``Problem``."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        at_ms = int(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise unfit("This is not a time.", "Write 2026-01-05T08:00:00Z.") from error
    if at_ms < 0:
        raise unfit("The time is before 1970.", "Kafka knows no earlier ones.")
    return at_ms
