"""A migration's dead letters: by cause, one by one, and what becomes of them."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import Field

from instar.core.reading import Read
from instar.core.record_text import bytes_text, time_text
from instar.core.rejected import Rejected
from instar.core.trace_document import rejection, stages_document
from instar.core.version import label
from instar.dashboard import actions
from instar.dashboard.api.changing import Key, once
from instar.dashboard.api.document import (
    KAFKA,
    Asked,
    Cursor,
    Document,
    Limit,
    MigrationName,
    OffsetNumber,
    Page,
    PartitionNumber,
    problems,
)
from instar.dashboard.paging import DEFAULT_LIMIT, cursor_of, place_of
from instar.dashboard.problems import not_found
from instar.dashboard.site import OfSite, Operator, Site, Viewer
from instar.dead_letters.choice import Choice, by_cause, field_of
from instar.kafka.letters import Letter
from instar.operations.dead_letters import DeadLetters, dead_letters, stages_of

router = APIRouter(prefix="/migrations/{migration}/dead-letters", tags=["dead letters"])

Side = Annotated[Literal["up", "down"] | None, Query()]
Text = Annotated[str | None, Query(max_length=500)]
Partition = Annotated[int, Field(ge=0, le=2**31 - 1)]
Offset = Annotated[int, Field(ge=0, le=2**63 - 1)]


class Letters(Asked):
    """Which letters; every part that is given must fit. Without ``execute`` it is only said what would happen."""

    direction: Literal["up", "down"] | None = None
    code: str | None = Field(default=None, max_length=100)
    hop: str | None = Field(default=None, max_length=100)
    field: str | None = Field(default=None, max_length=500)
    letters: list[tuple[Partition, Offset]] | None = Field(
        default=None, max_length=1_000, description="Partitions and offsets in the dead-letter topic."
    )
    execute: bool = False

    @property
    def wanted(self) -> actions.Wanted:
        letters = None if self.letters is None else frozenset(self.letters)
        return actions.Wanted(Choice(self.direction, self.code, self.hop, self.field, letters), self.execute)


class Discard(Letters):
    reason: str = Field(min_length=1, max_length=2_000, description="Why these records are not wanted. Kept.")
    confirm: str = Field(default="", max_length=63, description="The migration's name again, where it is executed.")


@router.get("", response_model=Page, responses=problems(*KAFKA))
def list_letters(
    site: OfSite,
    _: Viewer,
    migration: MigrationName,
    direction: Side = None,
    code: Text = None,
    hop: Text = None,
    field: Text = None,
    outstanding: bool = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Document:
    """Letters in the order of their places in the dead-letter topic."""
    place = place_of(cursor, int, int)
    letters = open_letters(site, migration).read(Choice(direction, code, hop, field), outstanding=outstanding)
    rest = sorted((each for each in letters if place is None or at(each) > tuple(place)), key=at)
    shown = rest[:limit]
    following = cursor_of(at(shown[-1])) if len(rest) > limit else None
    return Document({"items": [letter_document(each) for each in shown], "next": following})


@router.get("/causes", response_model=Page, responses=problems(*KAFKA))
def causes(site: OfSite, _: Viewer, migration: MigrationName) -> Document:
    """Letters by cause: how many are outstanding, redriven and discarded."""
    found = by_cause(open_letters(site, migration).read(Choice()))
    items = [
        {
            "direction": each.direction,
            "code": each.code,
            "hop": each.hop,
            "field": each.field,
            "outstanding": each.outstanding,
            "redriven": each.redriven,
            "discarded": each.discarded,
            "first": list(at(each.first)) if each.first else None,
            "last": list(at(each.last)) if each.last else None,
            "message": each.first.verdict.rejected.message if each.first else None,
        }
        for each in found
    ]
    return Document({"items": items, "next": None})


@router.get("/{partition}/{offset}", responses=problems(*KAFKA))
def one_letter(
    site: OfSite, _: Viewer, migration: MigrationName, partition: PartitionNumber, offset: OffsetNumber
) -> Document:
    """One letter: why it was refused, the record readable, and how far today's chain takes it."""
    found = open_letters(site, migration)
    letter = found.at(partition, offset)
    if letter is None:
        raise not_found(f"{found.topic.name} has no dead letter of {migration} at {partition}:{offset}.")
    read = found.reading(letter)
    stages = stages_of(found, letter, read) if isinstance(read, Read) else []
    rejected = read if isinstance(read, Rejected) else stages[-1].rejected if stages else None
    return Document(
        letter_document(letter)
        | {
            "subject": read.subject.name if isinstance(read, Read) else None,
            "version": label(read.version) if isinstance(read, Read) else None,
            "stages": stages_document(read.subject, stages) if isinstance(read, Read) else [],
            "today": rejection(rejected) if rejected else None,
        }
    )


@router.post("/redrive", responses=problems(*KAFKA))
def redrive(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Letters, key: Key, request: Request
) -> Document:
    """Publish outstanding letters through today's chain; the same letter is never published twice."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: actions.redrive(site, caller, migration, asked.wanted),
        needs_store=asked.execute,
    )


@router.post("/discard", responses=problems(*KAFKA))
def discard(
    site: OfSite, caller: Operator, migration: MigrationName, asked: Discard, key: Key, request: Request
) -> Document:
    """Decide that outstanding letters are not wanted. Who, when and why is kept; the letters stay."""
    return once(
        site,
        caller,
        key,
        request,
        asked,
        lambda: actions.discard(site, caller, migration, asked.wanted, asked.reason, asked.confirm),
        needs_store=asked.execute,
    )


def open_letters(site: Site, migration: str) -> DeadLetters:
    return dead_letters(site.project, migration, site.connection.settings(), site.connection.cluster())


def at(letter: Letter) -> tuple[int, int]:
    return letter.position.partition, letter.position.offset


def letter_document(letter: Letter) -> dict[str, Any]:
    """A letter without its record's value."""
    record, settled = letter.record, letter.settled
    return {
        "partition": letter.position.partition,
        "offset": letter.position.offset,
        "written": time_text(letter.written_ms),
        "direction": letter.verdict.direction,
        "field": field_of(letter),
        "source": {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "time": time_text(record.timestamp_ms),
            "key": bytes_text(record.key),
            "value_bytes": None if record.value is None else len(record.value),
        },
        "rejected": rejection(letter.verdict.rejected),
        "settled": asdict(settled) if settled else None,
    }
