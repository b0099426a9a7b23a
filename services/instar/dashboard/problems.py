"""Errors as RFC 9457 problem details, each with what to do about it."""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from instar.kafka.errors import Fenced, KafkaTrouble, NotAllowed, Refused, TopicMissing, Unreachable
from instar.operations.failure import REFUSED, USAGE, Broken, Failure, NotThere
from instar.registry.port import RegistryError
from instar.state.errors import NotThere as NotKept
from instar.state.errors import Refused as StateRefused
from instar.state.errors import StateTrouble

MEDIA_TYPE = "application/problem+json"
UNREACHABLE = 5  # the exit code of what does not answer
_URN = "urn:instar:problem:"


class Problem(Exception):
    """A request that cannot be answered. ``code`` ends its type; ``more`` are members of its own."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        remedy: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.more = more

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def document(self, instance: str) -> dict[str, Any]:
        return {
            "type": _URN + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **({"remedy": self.remedy} if self.remedy else {}),
            **self.more,
        }


class ProblemDetails(BaseModel):
    """RFC 9457, with ``remedy``: what to do about it."""

    type: str = Field(examples=[_URN + "not-found"])
    title: str
    status: int
    detail: str
    instance: str
    remedy: str | None = None


def not_found(detail: str, remedy: str = "") -> Problem:
    return Problem(404, "not-found", detail, remedy)


def unfit(detail: str, remedy: str = "", **more: Any) -> Problem:
    """The request is well-formed and makes no sense."""
    return Problem(422, "unfit", detail, remedy, **more)


def problem_of(error: Exception) -> Problem:
    """What is known errors' status; anything else is our own fault, and its text may hold anything: it is not told."""
    match error:
        case Problem():
            return error
        case NotThere():
            return not_found(str(error), error.remedy)
        case Broken():
            findings = [asdict(finding) for finding in error.findings[:20]]
            return Problem(409, "project-broken", str(error), error.remedy, findings=findings)
        case Failure():
            status = {USAGE: 422, REFUSED: 409}.get(error.exit_code, 500)
            return Problem(status, "refused-by-settings", str(error), error.remedy)
        case Unreachable():
            return Problem(503, "kafka-unreachable", str(error), error.remedy, headers={"Retry-After": "5"})
        case TopicMissing():
            return not_found(str(error), error.remedy)
        case NotAllowed():
            return Problem(502, "kafka-denied", str(error), error.remedy)
        case Refused() | Fenced():
            return Problem(409, "refused", str(error), error.remedy)
        case NotKept():
            return not_found(str(error), error.remedy)
        case StateRefused():
            return Problem(409, "refused", str(error), error.remedy)
        case StateTrouble():
            return Problem(503 if error.exit_code == UNREACHABLE else 502, "state", str(error), error.remedy)
        case KafkaTrouble():
            return Problem(502, "kafka", str(error), error.remedy)
        case RegistryError():
            return Problem(502, "registry", str(error), error.remedy)
    return Problem(500, "internal", "Something went wrong here; the log says what.", "Tell whoever runs this server.")
