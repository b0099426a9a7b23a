"""Records from any version of a subject to any other, for programs in other languages."""

from base64 import b64decode, b64encode
from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import Field, ValidationError, model_validator
from starlette.concurrency import run_in_threadpool

from instar.core.formats.json_text import read_json
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.trace_document import rejection
from instar.core.upcasting.program import Program
from instar.core.value_text import compact
from instar.core.version import label
from instar.dashboard.api.document import Asked, Document, SubjectName, problems
from instar.dashboard.problems import Problem, unfit
from instar.dashboard.site import OfSite, Site, Viewer
from instar.operations.conversion import run_text
from instar.operations.scope import subject_of, version_of

router = APIRouter(prefix="/subjects", tags=["convert"])

MAX_RECORDS = 1_000


class Conversion(Asked):
    """One record, or many. In JSON, Avro records are in the readable notation of schemas/SUBJECT/examples.

    With ``base64`` they are the bytes of the value without any framing.
    """

    from_version: str = Field(alias="from", max_length=12, examples=["v1"])
    to_version: str = Field(alias="to", max_length=12, examples=["v3"])
    encoding: Literal["json", "base64"] = "json"
    record: Any = Field(default=None, examples=[{"order_id": "A-1"}])
    records: list[Any] | None = Field(default=None, max_length=MAX_RECORDS)

    @model_validator(mode="after")
    def _one_of_two(self) -> "Conversion":
        if ("record" in self.model_fields_set) == (self.records is not None):
            raise ValueError("give record or records, one of the two")
        return self


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Conversion.model_json_schema(by_alias=True)}},
    }
}


@router.post("/{subject}/convert", responses=problems(400, 404, 409, 415), openapi_extra=_BODY)
async def convert(site: OfSite, _: Viewer, subject: SubjectName, request: Request) -> Document:
    """Convert one record, or a batch in which each is converted or rejected by itself.

    A record becomes one; several or none where its event fans out or ends. A single one that is rejected is an error.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "media-type", "The body is not application/json.", "Send Content-Type: application/json.")
    return await run_in_threadpool(_convert, site, subject, await request.body())


def _convert(site: Site, name: str, body: bytes) -> Document:
    asked = _read(body)
    subject = subject_of(site.project, name)
    start, end = version_of(subject, asked.from_version), version_of(subject, asked.to_version)
    program = subject.program(start, end)
    if isinstance(program, Rejected):
        raise Problem(409, program.code, f"{program.message}.", "`instar check` shows the hops.", hop=program.hop)
    said = {"subject": name, "from": label(start), "to": label(end), "encoding": asked.encoding}
    if asked.records is None:
        outputs = _run(program, asked.record, asked.encoding)
        if isinstance(outputs, Rejected):
            raise Problem(422, "rejected", outputs.message, "Correct the record.", rejected=rejection(outputs))
        return Document(said | {"outputs": outputs})
    results: list[dict[str, Any]] = []
    for record in asked.records:
        outputs = _run(program, record, asked.encoding)
        results.append({"rejected": rejection(outputs)} if isinstance(outputs, Rejected) else {"outputs": outputs})
    rejected = sum("rejected" in each for each in results)
    return Document(said | {"converted": len(results) - rejected, "rejected": rejected, "results": results})


def _read(body: bytes) -> Conversion:
    """The request, every number with all its digits, which FastAPI's own reading does not keep."""
    document = read_json(body)
    if isinstance(document, Rejected):
        raise Problem(400, "json", f"The body is not JSON: {document.message.rstrip('.')}.")
    try:
        return Conversion.model_validate(document)
    except ValidationError as error:
        raise unfit("The request is not as it must be.", errors=errors_of(error.errors())) from error


def errors_of(errors: Any) -> list[dict[str, str]]:
    """Where a request is wrong and why. What was sent is not repeated: it may be a record."""
    return [{"at": "/".join(map(str, each["loc"])), "message": str(each["msg"])} for each in errors]


def _run(program: Program, record: Any, encoding: str) -> list[Any] | Rejected:
    if encoding == "json":
        outputs = run_text(program, compact(record).encode("utf-8", "surrogatepass"))
        return outputs if isinstance(outputs, Rejected) else [read_json(output) for output in outputs]
    if not isinstance(record, str):
        return Rejected("unreadable", "the record is not text in base64")
    try:
        data = b64decode(record, validate=True)
    except ValueError:
        return Rejected("unreadable", "the record is not text in base64")
    made = program.run(data, Context())
    return made if isinstance(made, Rejected) else [b64encode(output).decode() for output in made]
