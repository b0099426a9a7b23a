"""Differing records field by field, readable, with sensitive fields masked."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any

from instar.core import provenance
from instar.core.comparison import Difference, FieldDifference
from instar.core.content import Content, outside_differences, text_of
from instar.core.formats.sealed import MASK, Sealed
from instar.core.formats.shape import MISSING
from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.core.upcasting.difference import differing, write_place
from instar.core.upcasting.pattern import parse_pattern
from instar.core.upcasting.sealing import sealed
from instar.verifier.inputs import Judging

LIMIT_FIELDS = 30
LIMIT_TEXT_CHARS = 300
_OF_CONTENT = {"value", "key", "timestamp", "headers", "out-of-order"}


class Explainer:
    """Explains what a comparison found."""

    def __init__(self, judge: Judging) -> None:
        self._judge = judge

    def explained(self, difference: Difference) -> Difference:
        """The same difference with its fields filled in, as far as its records are at hand."""
        if difference.fields or (difference.source is None and difference.found is None):
            return difference
        fields = tuple(self._fields(difference))[:LIMIT_FIELDS]
        return replace(difference, fields=fields)

    def values(self, content: Content) -> Any:
        """A content's value, its sensitive fields sealed; None for a tombstone, Rejected where it cannot be read."""
        if content.body is None or content.subject is None:
            return None
        subject = self._judge.subjects[content.subject]
        value = subject.versions[content.version].decode(content.body)
        if isinstance(value, Rejected):
            return value
        return sealed(value, tuple(parse_pattern(path) for path in subject.sensitive))

    def _fields(self, difference: Difference) -> Iterator[FieldDifference]:
        source, found = difference.source, difference.found
        if found is None:
            if source is not None:
                yield from self._lost(source)
        elif source is None:
            yield from self._alone(found)
        elif difference.kind in _OF_CONTENT:
            yield from self._compared(source, found)

    def _compared(self, source: Record, found: Record) -> Iterator[FieldDifference]:
        contents = self._judge.decide(source).contents
        index = _index_of(found)
        have = self._judge.content(found)
        if index >= len(contents):
            return
        want = contents[index]
        if isinstance(have, str):
            yield FieldDifference("(value)", self._text(want), have)
            return
        yield from outside_differences(want, have)
        if want.body == have.body:
            return
        left, right = self.values(want), self.values(have)
        if isinstance(right, Rejected) or left is None or right is None:
            yield FieldDifference("(value)", self._text(want), self._text(have))
            return
        places = list(differing(left, right))
        for place, before, after in places:
            yield FieldDifference(write_place(place) or "(value)", _leaf(before), _leaf(after))
        if not places:
            yield FieldDifference("(bytes)", "the same value", "written in other bytes")

    def _lost(self, source: Record) -> Iterator[FieldDifference]:
        yield FieldDifference("(key)", text_of(source.key), None)
        yield FieldDifference("(timestamp)", f"{source.timestamp_ms} ms", None)
        for content in self._judge.decide(source).contents[:1]:
            yield FieldDifference("(value)", self._text(content), None)

    def _alone(self, found: Record) -> Iterator[FieldDifference]:
        yield FieldDifference("(key)", None, text_of(found.key))
        yield FieldDifference("(timestamp)", None, f"{found.timestamp_ms} ms")
        content = self._judge.content(found)
        yield FieldDifference("(value)", None, content if isinstance(content, str) else self._text(content))

    def _text(self, content: Content) -> str:
        value = self.values(content)
        if isinstance(value, Rejected):
            return f"unreadable ({value.code})"
        return "tombstone" if content.body is None else text_of_value(value)


def text_of_value(value: Any) -> str:
    """A value on one line, shortened."""
    text = json.dumps(value, default=_plain, ensure_ascii=False)
    return text if len(text) <= LIMIT_TEXT_CHARS else text[: LIMIT_TEXT_CHARS - 1] + "…"


def _leaf(value: Any) -> str | None:
    return None if value is MISSING else text_of_value(value)


def _plain(value: Any) -> Any:
    match value:
        case Sealed():
            return MASK
        case bytes():
            return "0x" + value.hex()
        case datetime() | date() | time():
            return value.isoformat()
        case _:
            return str(value)


def _index_of(record: Record) -> int:
    for name, content in reversed(record.headers):
        if name == provenance.HEADER:
            found = provenance.parse(content)
            return 0 if found is None else found.index
    return 0


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    return json.loads(json.dumps(value, default=_plain))
