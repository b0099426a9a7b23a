"""Saying of an endpoint that its end is near: the Deprecation (RFC 9745) and Sunset (RFC 8594) headers."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Ending:
    """An endpoint is deprecated since ``since`` and answers until ``sunset``; ``successor`` is the path to use."""

    since: datetime
    sunset: datetime | None = None
    successor: str | None = None

    def headers(self) -> dict[str, str]:
        found = {"Deprecation": f"@{int(self.since.timestamp())}"}
        if self.sunset is not None:
            found["Sunset"] = format_datetime(self.sunset.astimezone(UTC), usegmt=True)
        if self.successor is not None:
            found["Link"] = f'<{self.successor}>; rel="successor-version"'
        return found


def ending(found: Ending) -> Callable[[Response], None]:
    """A dependency for an endpoint, or for all of a router: ``dependencies=[Depends(ending(...))]``."""

    def tell(response: Response) -> None:
        response.headers.update(found.headers())

    return tell
