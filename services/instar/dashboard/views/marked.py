"""A record as lines of JSON, those marked that a hop changed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from instar.core.formats.shape import MISSING
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.trace_document import value_document
from instar.core.upcasting.chain import Stage
from instar.core.upcasting.difference import Difference, write_place
from instar.core.value_text import compact, shown
from instar.core.version import label

Mark = Literal["", "made", "gone"]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of JSON. ``made`` by the hop before it, or ``gone`` with the hop behind it."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing that a hop did, in words."""

    kind: str
    path: str
    was: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Column:
    """The record at one version: its lines, and what the hop that led here did."""

    version: str
    hop: str
    summary: str
    records: tuple[tuple[Line, ...], ...]
    changes: tuple[Changed, ...]
    rejected: Rejected | None


def columns(subject: Subject, stages: Sequence[Stage]) -> list[Column]:
    """A column for each version on the way. ``stages`` are sealed."""
    made = []
    for index, stage in enumerate(stages):
        following = stages[index + 1] if index + 1 < len(stages) else None
        records = []
        for number, record in enumerate(stage.records):
            new = {path for each in record.differences for path in _after(each)}
            gone = set()
            if following is not None:
                ours = [one for one in following.records if one.parent == number]
                gone = {path for one in ours for each in one.differences for path in _before(each)}
                if following.rejected is not None and following.rejected.path:
                    gone.add(following.rejected.path)  # what it failed at
            document = value_document(subject, stage, record)
            records.append(tuple(_lines(document, new, gone)))
        changes = tuple(_told(each) for record in stage.records for each in record.differences) if stage.hop else ()
        made.append(
            Column(
                label(stage.version), stage.hop or "", _summary(subject, stage), tuple(records), changes, stage.rejected
            )
        )
    return made


def _summary(subject: Subject, stage: Stage) -> str:
    if not stage.hop:
        return ""
    start = min(int(part.removeprefix("v")) for part in stage.hop.split("_to_"))
    return subject.hops[start].hop.summary


def _after(each: Difference) -> list[str]:
    return [each.path] if each.kind in ("added", "changed", "moved") else []


def _before(each: Difference) -> list[str]:
    match each.kind:
        case "removed" | "changed":
            return [each.path]
        case "moved":
            return [each.was or each.path]
    return []


def _told(each: Difference) -> Changed:
    return Changed(
        each.kind,
        each.path or "(the record)",
        each.was or "",
        "" if each.before is MISSING else shown(each.before),
        "" if each.after is MISSING else shown(each.after),
    )


def _lines(document: Any, new: set[str], gone: set[str]) -> Iterator[Line]:
    for depth, text, place in _walk(document, (), 0, "", ""):
        mark: Mark = "made" if _within(place, new) else "gone" if _within(place, gone) else ""
        yield Line("  " * depth + text, mark)


def _within(place: Place, paths: set[str]) -> bool:
    """Is the place one of the paths, or inside one? The record itself never is: it is always there."""
    return any(write_place(place[:end]) in paths for end in range(1, len(place) + 1))


def _walk(value: Any, place: Place, depth: int, name: str, comma: str) -> Iterator[tuple[int, str, Place]]:
    if isinstance(value, dict) and value:
        yield depth, f"{name}{{", place
        last = len(value) - 1
        for index, (key, part) in enumerate(value.items()):
            said = f"{json.dumps(str(key), ensure_ascii=False)}: "
            yield from _walk(part, (*place, str(key)), depth + 1, said, "," if index < last else "")
        yield depth, f"}}{comma}", place
    elif isinstance(value, list) and value:
        yield depth, f"{name}[", place
        last = len(value) - 1
        for index, part in enumerate(value):
            yield from _walk(part, (*place, index), depth + 1, "", "," if index < last else "")
        yield depth, f"]{comma}", place
    else:
        yield depth, f"{name}{compact(value)}{comma}", place
