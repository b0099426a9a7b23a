"""Records: browsing a topic, one record at every version, and bytes that somebody pastes."""

from base64 import b64decode
from typing import Annotated, Any

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
from instar.core.value_text import compact
from instar.core.version import label
from instar.dashboard.api.topics import look, record_document, topic_rows
from instar.dashboard.pages.rendering import render
from instar.dashboard.problems import Problem, unfit
from instar.dashboard.site import OfSite, Site, Viewer
from instar.dashboard.views.marked import columns
from instar.kafka.errors import KafkaTrouble
from instar.operations.failure import Failure
from instar.operations.records import fetch, stages_both_ways
from instar.operations.scope import subject_of, version_of
from instar.operations.topic_reader import topic_reader

router = APIRouter(prefix="/records")

_SHOWN = 30
_VALUE_CHARS = 160
_ASKED = ("topic", "partition", "offset", "at", "key", "record_version")


@router.get("")
def browse(request: Request, site: OfSite, caller: Viewer) -> Response:
    """The form and what it finds. What is wrong with it is said on the page, beside what was typed."""
    asked = {name: request.query_params.get(name, "").strip() for name in _ASKED}
    topics = [row["name"] for row in topic_rows(site)]
    found: dict[str, Any] = {"rows": None, "next": None, "start": 0, "end": 0}
    problem: Problem | Failure | KafkaTrouble | None = None
    if asked["topic"]:
        try:
            found = _found(site, asked)
        except (Problem, Failure, KafkaTrouble) as trouble:
            problem = trouble
    return render(
        request,
        "records.html",
        caller,
        status=200 if problem is None else 422,
        asked=asked,
        topics=topics,
        versions=sorted({label(v) for subject in site.project.catalogue.subjects.values() for v in subject.versions}),
        problem=problem,
        **found,
    )


def _found(site: Site, asked: dict[str, str]) -> dict[str, Any]:
    reader = topic_reader(site.project, asked["topic"], subject=None, framing=None, migration=None)
    window = look(
        site,
        reader,
        asked["topic"],
        _number(asked["partition"], "partition") or 0,
        _number(asked["offset"], "offset"),
        asked["at"] or None,
        asked["key"] or None,
        asked["record_version"] or None,
        _SHOWN,
    )
    rows = []
    for record in window.records:
        said = record_document(reader, record)
        text = compact(said["value"]) if said["value"] is not None else ""
        rows.append(said | {"text": text if len(text) <= _VALUE_CHARS else text[: _VALUE_CHARS - 1] + "…"})
    return {"rows": rows, "next": window.next, "start": window.start, "end": window.end}


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
def one(request: Request, site: OfSite, caller: Viewer, topic: str, partition: int, offset: int) -> Response:
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
