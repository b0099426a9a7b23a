"""Topics: their records, one record at every version, and who reads them."""

from dataclasses import dataclass
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
from instar.core.version import label, parse_label
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
from instar.dashboard.paging import DEFAULT_LIMIT, cursor_of, foreign_cursor, page, place_of
from instar.dashboard.problems import unfit
from instar.dashboard.site import OfSite, Site, Viewer
from instar.operations.browsing import Wanted, Window, browse
from instar.operations.records import fetch, stages_of
from instar.operations.tailing import Filter
from instar.operations.topic_reader import TopicReader, topic_reader

router = APIRouter(prefix="/topics", tags=["topics"])

KEY = "Text, or 0x and hexadecimal digits."

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
    partition: Annotated[int | None, Query(ge=0, le=2**31 - 1, description="All of them by default.")] = None,
    offset: Annotated[int | None, Query(ge=0, le=2**63 - 1, description="The first one, in each partition.")] = None,
    at: Annotated[str | None, Query(max_length=40, description="From this time on, RFC 3339.")] = None,
    until: Annotated[str | None, Query(max_length=40, description="Up to this time, RFC 3339.")] = None,
    key: Annotated[str | None, Query(max_length=1_000, description=KEY)] = None,
    version: Annotated[str | None, Query(max_length=12, examples=["v1"])] = None,
    subject: Annotated[str | None, Query(max_length=249)] = None,
    migration: Migration = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Document:
    """Committed records: from an offset or a time on, one partition after the other; without either the last ones, the
    newest first. At most 20,000 are looked at for those that fit: `next` goes on where the look ended."""
    asked = Search(partition, offset, at, until, key, version, subject, cursor)
    reader = topic_reader(site.project, topic, subject=None, framing=None, migration=migration)
    window = look(site, reader, topic, asked, limit)
    items = [record_document(reader, record) for record in window.records]
    headers = {"Instar-Looked-At": str(window.looked)}
    if partition is not None:
        headers["Instar-Offsets"] = "{}-{}".format(*window.held[partition])
    return Document({"items": items, "next": None if window.next is None else cursor_of(window.next)}, headers=headers)


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked of a topic's records, as it was written."""

    partition: int | None = None
    offset: int | None = None
    at: str | None = None
    until: str | None = None
    key: str | None = None
    version: str | None = None
    subject: str | None = None
    cursor: str | None = None


def look(site: Site, reader: TopicReader, topic: str, asked: Search, limit: int) -> Window:
    """The records that fit. Raises ``Problem``, ``Failure`` and ``KafkaTrouble``."""
    place = place_of(asked.cursor, int, int)
    if place is not None and (min(place) < 0 or asked.partition not in (None, place[0])):
        raise foreign_cursor()
    version, subject = known_version(reader, asked.version), known_subject(reader, asked.subject)
    chosen = Filter(key_of(asked.key), version, subject=subject)
    wanted = Wanted(
        asked.partition,
        None if place is None else (place[0], place[1]),
        asked.offset,
        _time_ms(asked.at),
        _time_ms(asked.until),
        (lambda record: chosen.fits(reader, record)) if chosen != Filter() else None,
    )
    return browse(site.connection.cluster(), topic, wanted, limit)


def key_of(text: str | None) -> bytes | None:
    """A key as it is asked for. Raises ``Problem``."""
    try:
        return key_bytes(text) if text else None
    except ValueError as error:
        raise unfit("The key is not hexadecimal behind 0x.", "Write an even number of digits 0-9 and a-f.") from error


def known_version(reader: TopicReader, text: str | None) -> str | None:
    """A version that is asked for. Raises ``Problem``."""
    if not text:
        return None
    number = parse_label(text)
    if number is None or not any(number in subject.versions for subject in reader.subjects.values()):
        raise unfit(f"No subject of this topic has a version {text!r}.", "Versions are written like v1.")
    return text


def known_subject(reader: TopicReader, text: str | None) -> str | None:
    """A subject that is asked for. Raises ``Problem``."""
    if text and text not in reader.subjects:
        raise unfit(f"The topic holds no subject {text!r}.", f"It holds {', '.join(sorted(reader.subjects))}.")
    return text or None


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


def readable(read: Read | Rejected | None) -> tuple[Any, Rejected | None]:
    """The value as JSON has it, sensitive fields masked, or why it cannot be read."""
    if not isinstance(read, Read):
        return None, read
    value = read.value()
    if isinstance(value, Rejected):
        return None, value
    patterns = tuple(parse_pattern(path) for path in read.subject.sensitive)
    return document_of(read.subject.versions[read.version], sealed(value, patterns)), None


def record_document(reader: TopicReader, record: Record) -> dict[str, Any]:
    """A record as it stands in its topic, sensitive fields masked."""
    read = reader.read(record)
    value, trouble = readable(read)
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
        "value": value,
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
