"""Records: browsing a topic, one record at every version, and bytes that somebody pastes."""

from base64 import b64decode
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from instar.core.formats.values_json import value_of_text
from instar.core.reading import Read
from instar.core.record import Context
from instar.core.record_text import bytes_text, headers_told, time_text
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.trace_document import seal_stages
from instar.core.upcasting.chain import Stage
from instar.core.version import label
from instar.dashboard.api.document import OffsetNumber, PartitionNumber, TopicName
from instar.dashboard.api.topics import Search, look, topic_rows
from instar.dashboard.pages.rendering import render
from instar.dashboard.paging import cursor_of
from instar.dashboard.problems import Problem, unfit
from instar.dashboard.site import OfSite, Site, Viewer
from instar.dashboard.views.marked import columns
from instar.dashboard.views.rows import row
from instar.kafka.errors import KafkaTrouble
from instar.operations.browsing import Window
from instar.operations.failure import Failure
from instar.operations.records import fetch, stages_both_ways
from instar.operations.scope import subject_of, version_of
from instar.operations.topic_reader import TopicReader, topic_reader
from instar.registry.port import RegistryError

router = APIRouter(prefix="/records")

_SHOWN = 30
_ASKED = ("topic", "partition", "offset", "at", "until", "key", "record_version", "subject", "cursor", "live")


@router.get("")
def browse(request: Request, site: OfSite, caller: Viewer) -> Response:
    """The form and what it finds. What is wrong with it is said on the page, beside what was typed."""
    asked = {name: request.query_params.get(name, "").strip() for name in _ASKED}
    found: dict[str, Any] = {"rows": None, "looked": "", "onwards": "", "from_start": ""}
    problem: Problem | Failure | KafkaTrouble | RegistryError | None = None
    subjects: list[str] = []
    if asked["topic"]:
        try:
            reader = topic_reader(site.project, asked["topic"], subject=None, framing=None, migration=None)
            subjects = sorted(reader.subjects)
            found = _found(site, reader, asked)
        except (Problem, Failure, KafkaTrouble, RegistryError) as trouble:
            problem = trouble
    return render(
        request,
        "records.html",
        caller,
        status=200 if problem is None else 422,
        asked=asked,
        topics=[row["name"] for row in topic_rows(site)],
        versions=sorted({label(v) for subject in site.project.catalogue.subjects.values() for v in subject.versions}),
        subjects=subjects,
        problem=problem,
        watched=_query(
            {
                "partition": asked["partition"],
                "key": asked["key"],
                "version": asked["record_version"],
                "subject": asked["subject"],
            }
        ),
        most=_SHOWN,
        **found,
    )


def _found(site: Site, reader: TopicReader, asked: dict[str, str]) -> dict[str, Any]:
    search = Search(
        _number(asked["partition"], "partition"),
        _number(asked["offset"], "offset"),
        asked["at"],
        asked["until"],
        asked["key"],
        asked["record_version"],
        asked["subject"],
        asked["cursor"] or None,
    )
    window = look(site, reader, asked["topic"], search, _SHOWN)
    here = {name: text for name, text in asked.items() if name not in ("cursor", "live")}
    further = "" if window.next is None else f"/records?{_query(here | {'cursor': cursor_of(window.next)})}"
    from_start = f"/records?{_query(here | {'offset': '0'})}" if window.older else ""
    return {
        "rows": [row(reader, record) for record in window.records],
        "looked": _looked(window),
        "onwards": further,
        "from_start": from_start,
    }


def _looked(window: Window) -> str:
    """How far was looked, in words."""
    held = sum(end - start for start, end in window.held.values())
    if len(window.held) == 1:
        [(partition, (start, end))] = window.held.items()
        where = f"Partition {partition} holds offsets {start:,} to {end - 1:,}" if end > start else "It is empty"
    else:
        where = f"{len(window.held)} partitions hold {held:,} offsets"
    looked = f"{window.looked:,} record{'s'[: window.looked != 1]}"
    if window.next is not None:
        return f"{where}; looked at {looked}, up to {window.next[0]}:{window.next[1]:,}."
    return f"{where}; looked at the last {looked}." if window.older else f"{where}; looked at {looked}, to the end."


def _query(asked: dict[str, str]) -> str:
    return urlencode({name: text for name, text in asked.items() if text})


def _number(text: str, what: str) -> int | None:
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise unfit(f"The {what} is not a whole number.", "Write digits only.")
    return int(text)


@router.get("/pasted")
def paste(request: Request, site: OfSite, caller: Viewer) -> Response:
    """The form for a record that stands in no topic."""
    return _pasted_page(request, site, caller, {}, None, [], None)


@router.post("/pasted")
def pasted(
    request: Request,
    site: OfSite,
    caller: Viewer,
    subject: Annotated[str, Form(max_length=249)],
    start: Annotated[str, Form(max_length=12)],
    content: Annotated[str, Form(max_length=1_000_000)],
    kind: Annotated[str, Form(max_length=10)] = "json",
) -> Response:
    """The record at every version. Nothing is kept, so no form token is needed."""
    asked = {"subject": subject, "start": start, "content": content, "kind": kind}
    family = subject_of(site.project, subject)
    first = version_of(family, start)
    value = _value(family, first, content, kind)
    if isinstance(value, Rejected):
        return _pasted_page(request, site, caller, asked, family, [], value)
    way = family.chain(first, family.latest)
    stages = [Stage(first, None, (), way)] if isinstance(way, Rejected) else way.trace(value, Context())
    stages = seal_stages(family, stages)
    return _pasted_page(request, site, caller, asked, family, stages, None)


def _value(subject: Subject, version: int, content: str, kind: str) -> Any | Rejected:
    schema = subject.versions[version]
    if kind == "json":
        return value_of_text(schema, content.encode("utf-8", "surrogatepass"))
    text = "".join(content.split())
    try:
        data = bytes.fromhex(text.removeprefix("0x")) if kind == "hex" else b64decode(text, validate=True)
    except ValueError:
        return Rejected("unreadable", f"this is not {'hexadecimal' if kind == 'hex' else 'base64'}")
    return schema.decode(data)


def _pasted_page(
    request: Request,
    site: Site,
    caller: Any,
    asked: dict[str, str],
    subject: Subject | None,
    stages: list[Stage],
    rejected: Rejected | None,
) -> Response:
    return render(
        request,
        "pasted.html",
        caller,
        subjects=[each for _, each in sorted(site.project.catalogue.subjects.items())],
        asked=asked,
        columns=columns(subject, stages) if subject is not None else [],
        rejected=rejected,
    )


@router.get("/{topic}/{partition}/{offset}")
def one(
    request: Request, site: OfSite, caller: Viewer, topic: TopicName, partition: PartitionNumber, offset: OffsetNumber
) -> Response:
    reader = topic_reader(site.project, topic, subject=None, framing=None, migration=None)
    record, standing = fetch(site.connection.cluster(), topic, partition, offset)
    read = reader.read(record)
    stages = stages_both_ways(read, record) if isinstance(read, Read) else []
    body = read.body if isinstance(read, Read) else None
    return render(
        request,
        "record.html",
        caller,
        record=record,
        standing=standing,
        time=time_text(record.timestamp_ms),
        key=bytes_text(record.key),
        headers=headers_told(record, body),
        subject=read.subject.name if isinstance(read, Read) else "",
        own=label(read.version) if isinstance(read, Read) else "",
        columns=columns(read.subject, stages) if isinstance(read, Read) else [],
        rejected=read if isinstance(read, Rejected) else None,
        uses=reader.uses,
    )
