"""Lists in pages: a cursor says where the next one begins, and means nothing to anybody else."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from instar.dashboard.problems import Problem

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


def cursor_of(place: Sequence[int | str]) -> str:
    return urlsafe_b64encode(orjson.dumps(list(place))).decode().rstrip("=")


def place_of(cursor: str | None, *kinds: type) -> list[Any] | None:
    """The place that a cursor names, each part of the kind given. Raises ``Problem``."""
    if cursor is None:
        return None
    try:
        place = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, UnicodeEncodeError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise foreign_cursor()
    return place


def foreign_cursor() -> Problem:
    return Problem(422, "cursor", "The cursor is not one of this list.", "Begin again without it.")


def page(
    items: Iterable[dict[str, Any]],
    limit: int,
    cursor: str | None,
    name: Callable[[dict[str, Any]], str] = lambda item: item["name"],
) -> dict[str, Any]:
    """A page of items that are sorted by their name: those behind the cursor's, and the next cursor."""
    place = place_of(cursor, str)
    rest = [item for item in items if place is None or name(item) > place[0]]
    shown = rest[:limit]
    return {"items": shown, "next": cursor_of([name(shown[-1])]) if len(rest) > limit else None}
