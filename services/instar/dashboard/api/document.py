"""What every endpoint answers with, and what it may ask for."""

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict
from starlette.responses import JSONResponse

from instar.core.value_text import compact
from instar.dashboard.paging import MAX_LIMIT
from instar.dashboard.problems import MEDIA_TYPE, ProblemDetails


class Document(JSONResponse):
    """JSON in which every number keeps all its digits."""

    def render(self, content: Any) -> bytes:
        return compact(content).encode("utf-8", "replace")


class Page(BaseModel):
    """A page of a list; ``next`` is the cursor of the one behind it."""

    items: list[dict[str, Any]]
    next: str | None = None


class Asked(BaseModel):
    """A request's body: nothing that is not known is taken."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The errors of an endpoint, for its description; those that any endpoint can answer with are always there."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{ProblemDetails.__name__}"}}}
    always = (401, 403, 413, 421, 422, 429, 500)
    return {status: {"content": content, "description": "Problem details"} for status in sorted({*always, *statuses})}


# What Kafka is asked for can fail in all these ways.
KAFKA = (404, 409, 502, 503)

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many, at most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next` of the page before.")]
SubjectName = Annotated[str, Path(max_length=249, examples=["orders"])]
MigrationName = Annotated[str, Path(max_length=63, examples=["orders-v3"])]
TopicName = Annotated[str, Path(max_length=249, pattern=r"^[A-Za-z0-9._-]+$", examples=["orders"])]
PartitionNumber = Annotated[int, Path(ge=0, le=2**31 - 1)]
OffsetNumber = Annotated[int, Path(ge=0, le=2**63 - 1)]
FromVersion = Annotated[str, Query(alias="from", max_length=12, examples=["v1"])]
ToVersion = Annotated[str, Query(alias="to", max_length=12, examples=["v3"])]
