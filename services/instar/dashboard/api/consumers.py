"""Who reads and writes which version in which topic, and how that is known."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from instar.dashboard.api.document import Document, Limit, problems
from instar.dashboard.paging import DEFAULT_LIMIT, page
from instar.dashboard.site import OfSite, Viewer
from instar.dashboard.views.matrix import Asked, document, matrix
from instar.operations.dependants import Does, Side, Way

router = APIRouter(prefix="/consumers", tags=["consumers"])

LIMIT_CURSOR_CHARS = 8_000  # it holds names, and Kafka sets no limit to those of groups
Cursor = Annotated[str | None, Query(max_length=LIMIT_CURSOR_CHARS, description="`next` of the page before.")]


class KnownAs(BaseModel):
    """One way in which it is known: the program said so, somebody declared it, its records have it, or its topic may
    hold it. Times are milliseconds since 1970 UTC."""

    known: Way
    records: int | None
    last_seen_ms: int | None


class TopicSide(BaseModel):
    migration: str
    side: Side


class ToldBy(BaseModel):
    """What one source says, when that was so, and what remains to be done; empty: nothing."""

    source: str
    text: str
    at_ms: int | None
    remedy: str


class ConsumerOrProducer(BaseModel):
    """One reader or writer of a subject in a topic. An empty name: nothing names it; an empty topic: nobody said
    which. What could not be asked is null. ``stands_against``: versions whose retirement it stands in the way of."""

    does: Does
    name: str
    topic: str
    subject: str
    sides: list[TopicSide]
    owners: list[str]
    versions: dict[str, list[KnownAs]]
    stands_against: list[str]
    last_seen_ms: int | None
    members: int | None
    lag_records: int | None
    told: list[ToldBy]


class NotSeen(BaseModel):
    source: str
    text: str
    remedy: str


class Consumers(BaseModel):
    """``unseen``: the sources that could not be asked, or not wholly: who is not here may be there."""

    items: list[ConsumerOrProducer]
    next: str | None = None
    unseen: list[NotSeen]


@router.get("", response_model=Consumers, responses=problems())
def list_consumers(
    site: OfSite,
    _: Viewer,
    does: Annotated[Does | None, Query()] = None,
    name: Annotated[str, Query(max_length=512, description="A part of the name.")] = "",
    subject: Annotated[str, Query(max_length=249)] = "",
    version: Annotated[str, Query(max_length=12, description="That it has to do with.", examples=["v1"])] = "",
    owner: Annotated[str, Query(max_length=512, description="A part of an owner's name.")] = "",
    in_the_way: Annotated[
        bool, Query(description="Only what stands in the way of retiring the version; without one, of any.")
    ] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Document:
    """Consumer groups, programs, declared readers and producers, each with what every source says of it."""
    found = matrix(site.project, site.watcher.seen)
    rows = found.fitting(Asked(does or "", name, subject, version, owner, in_the_way))
    said = page(sorted(map(document, rows), key=_place), limit, cursor, _place)
    unseen = [{"source": each.source, "text": each.text, "remedy": each.remedy} for each in found.unseen]
    return Document(said | {"unseen": unseen})


def _place(item: dict[str, Any]) -> str:
    return "\n".join((item["does"], item["name"], item["topic"], item["subject"]))
