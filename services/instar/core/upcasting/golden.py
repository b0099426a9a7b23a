"""Golden records: examples of one event at several versions, which the chain between them must reproduce."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Protocol

from instar.core.finding import Finding
from instar.core.record import Context
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.upcasting.chain import Chain
from instar.core.upcasting.difference import Place, differing, write_place
from instar.core.upcasting.pattern import Pattern, covered, masked, parse_pattern
from instar.core.version import label

SHOWN_DIFFERENCES = 5


class Decode(Protocol):
    """How an example's bytes become a value of a version of the subject."""

    def __call__(self, subject: Subject, version: int, data: bytes, /) -> Any | Rejected: ...


def decode_encoded(subject: Subject, version: int, data: bytes, /) -> Any | Rejected:
    """The bytes are as a record's value holds them, without framing."""
    return subject.versions[version].decode(data)


def check_golden(subject: Subject, *, decode: Decode = decode_encoded, context: Context = Context()) -> list[Finding]:  # noqa: B008 - immutable
    """Hold the chains to the subject's examples.

    Examples pair by their stem: ``refund.v1`` and ``refund.v3``. The chain from the lower to the next higher version
    must yield exactly the higher one; the chain down must yield the lower one, except for what the way up loses.
    """
    values: dict[str, dict[int, Any]] = {}
    found: list[Finding] = []
    for (stem, version), data in sorted(subject.examples.items()):
        file = _file(subject, stem, version)
        if version not in subject.versions:
            message = f"{file} is an example of {label(version)}, which {subject.name} does not have"
            found.append(_finding(subject, "example-without-version", message, "rename or delete it", file))
            continue
        value = decode(subject, version, data)
        problem = value if isinstance(value, Rejected) else subject.versions[version].problem(value)
        if problem is None:
            values.setdefault(stem, {})[version] = value
        else:
            message = f"the example is not valid under {label(version)}: {problem.message}"
            remedy = "correct the example, or the schema"
            found.append(_finding(subject, "example-invalid", message, remedy, file, problem.path))
    for stem, by_version in values.items():
        for low, high in pairwise(sorted(by_version)):
            found += _check_pair(subject, stem, (low, by_version[low]), (high, by_version[high]), context)
    return found


def _check_pair(
    subject: Subject, stem: str, low: tuple[int, Any], high: tuple[int, Any], context: Context
) -> Iterator[Finding]:
    up = subject.chain(low[0], high[0])
    if isinstance(up, Rejected):
        return  # a missing hop is found by build_subject, with its own remedy
    yield from _compare(subject, stem, up, low[1], high[1], (), context)
    down = subject.chain(high[0], low[0])
    if isinstance(down, Rejected):
        return
    lossy = any(link.hop.lost_up for link in up.links)
    if lossy and len(up.links) > 1:
        return  # which fields of the lower version the later hops lose cannot be said by path
    ignored = tuple(parse_pattern(path) for link in up.links for path in link.hop.lost_up)
    yield from _compare(subject, stem, down, high[1], low[1], ignored, context)


def _compare(
    subject: Subject,
    stem: str,
    way: Chain,
    start: Any,
    expected: Any,
    ignored: tuple[Pattern, ...],
    context: Context,
) -> Iterator[Finding]:
    file = _file(subject, stem, way.to_version)
    leads = f"the chain {label(way.from_version)} to {label(way.to_version)} of {stem}"
    made = way.fold(start, context)
    if isinstance(made, Rejected):
        message = f"{leads} is rejected at {made.hop}: {made.message}"
        yield _finding(subject, "golden-rejected", message, "correct the hop, or the example", file, made.path)
        return
    if len(made) != 1:
        message = f"{leads} yields {len(made)} records, and the example is one"
        yield _finding(subject, "golden-differs", message, "an event that fans out or ends has no pair", file)
        return
    hidden = tuple(parse_pattern(path) for path in subject.sensitive)
    places = [entry for entry in differing(expected, made[0]) if not covered(ignored, entry[0])]
    for place, right, wrong in places[:SHOWN_DIFFERENCES]:
        where = write_place(place) or "the record"
        message = f"{leads} yields {_shown(wrong, place, hidden)} in {where}; the example has "
        message += _shown(right, place, hidden)
        yield _finding(subject, "golden-differs", message, "correct the hop, or the example", file, write_place(place))


def _shown(value: Any, place: Place, hidden: tuple[Pattern, ...]) -> str:
    text = repr(masked(value, hidden, place)) if value is not None else "null"
    if text == "MISSING":
        return "nothing"
    return text if len(text) <= 80 else text[:77] + "..."


def _file(subject: Subject, stem: str, version: int) -> str:
    return f"schemas/{subject.name}/examples/{stem}.{label(version)}.json"


def _finding(subject: Subject, code: str, message: str, remedy: str, file: str, path: str | None = None) -> Finding:
    return Finding(code, message, remedy, file=file, path=path or None, subject=subject.name)
