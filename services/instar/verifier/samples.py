"""A random sample: each record as it is, after every hop, and as it stands in the target, for a person to confirm."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from instar.core import compare
from instar.core.comparison import Comparison
from instar.core.content import text_of
from instar.core.formats.values_json import to_readable
from instar.core.published import Letter, Output, Scope, classify, letter_of
from instar.core.record import Context, Record
from instar.core.rejected import Rejected
from instar.core.subject import Subject
from instar.core.upcasting.chain import Stage
from instar.core.upcasting.pattern import parse_pattern
from instar.core.upcasting.sealing import sealed
from instar.core.version import label
from instar.verifier.inputs import Inputs, Judging, Side

LINEAR_OFFSETS = 512  # about what one fetch brings
LIMIT_DRAWS_EACH = 20


@dataclass(frozen=True, slots=True)
class View:
    """One version of a record. ``hop`` led to it; ``values`` are readable, masked, and several after a fan-out."""

    title: str
    hop: str | None
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """A record and what became of it. ``told`` says what, in words; ``found`` are the target's records."""

    partition: int
    source_offset: int
    key: str
    timestamp_ms: int
    told: str
    views: tuple[View, ...] = ()
    found: tuple[View, ...] = ()
    target_offsets: tuple[int, ...] = ()
    right: bool = True


@dataclass(slots=True)
class Sampled:
    results: dict[int, Comparison] = field(default_factory=dict)  # by partition
    samples: list[Sample] = field(default_factory=list)


def draw(inputs: Inputs, count: int, random: Random) -> Sampled:
    """``count`` different records, each offset of the scope as likely as any other; fewer where there are no more."""
    ranges = [(partition, inputs.first(partition), inputs.bound(partition)) for partition in sorted(inputs.checkpoints)]
    sampled = Sampled()
    seen: set[tuple[int, int]] = set()
    for _ in range(count * LIMIT_DRAWS_EACH):
        if len(seen) >= count or not any(bound > first for _, first, bound in ranges):
            break
        (partition, first, bound) = random.choices(ranges, [max(0, bound - first) for _, first, bound in ranges])[0]
        source = next(iter(inputs.source.read(partition, random.randrange(first, bound), bound)), None)
        if source is None or (partition, source.offset) in seen:
            continue
        seen.add((partition, source.offset))
        sampled.samples.append(_sample(inputs, source, sampled.results.setdefault(partition, Comparison())))
    return sampled


def _sample(inputs: Inputs, source: Record, total: Comparison) -> Sample:
    partition = source.partition
    scope = inputs.scope(partition, first=source.offset, bound=source.offset + 1)
    outputs = list(_outputs_of(inputs.target, scope, partition))
    letters = list(_letters_of(inputs, scope, partition))
    parsed = [letter_of(scope, record, inputs.settled) for record in letters]
    if any(one is not None and one.settled is not None and one.settled.deed == "redriven" for one in parsed):
        # Its output stands anywhere behind the letter: a sample does not read that far.
        result, told = Comparison(read=1, dead_lettered=1, redriven=1), "a dead letter that was redriven since"
    else:
        result = compare.compare_partition(scope, [source], outputs, letters, inputs.judge.expect, inputs.settled)
        told = _told(result, len(outputs))
    total.add(result)
    found = tuple(_target_view(inputs, record) for record in outputs)
    key, offsets = text_of(source.key), tuple(one.offset for one in outputs)
    views = tuple(_views(inputs.judge, source))
    return Sample(partition, source.offset, key, source.timestamp_ms, told, views, found, offsets, result.right)


def _told(result: Comparison, outputs: int) -> str:
    if not result.right:
        return "; ".join(one.message for one in result.differences) or "is not as it must be"
    if result.echoed:
        return "an echo of the bridge in the other direction, not carried back"
    if result.dead_lettered:
        return "a dead letter, as the chain says"
    if result.dropped:
        return "the event ends here, as the chain says"
    return f"{outputs} output{'s'[: outputs != 1]} as the chain says"


# ------------------------------------------------------------------ finding what became of a record


def _outputs_of(side: Side, scope: Scope, partition: int) -> Iterator[Record]:
    """The outputs of the scope's one source record: by halving, since outputs stand in the order of their source."""
    low, high = side.starts[partition], side.ends[partition]
    while high - low > LINEAR_OFFSETS:
        middle = (low + high) // 2
        output = _first_output(side, scope, partition, middle, high)
        if output is None or output.source_offset >= scope.first:
            high = middle
        else:
            low = output.record.offset + 1
    for record in side.read(partition, low, side.ends[partition]):
        what, output = classify(scope, record)
        if what != "output" or output is None:
            continue
        if scope.ahead(output.source_offset) and output.own:
            return
        if output.source_offset == scope.first:
            yield record


def _first_output(side: Side, scope: Scope, partition: int, start: int, end: int) -> Output | None:
    for record in side.read(partition, start, end):
        what, output = classify(scope, record)
        if what == "output" and output is not None and output.own:
            return output
    return None


def _letters_of(inputs: Inputs, scope: Scope, partition: int) -> Iterator[Record]:
    """Likewise for dead letters."""
    side = inputs.letters
    low, high = side.starts[partition], side.ends[partition]
    while high - low > LINEAR_OFFSETS:
        middle = (low + high) // 2
        letter = _first_letter(inputs, scope, partition, middle, high)
        if letter is None or letter.source_offset >= scope.first:
            high = middle
        else:
            low = letter.record.offset + 1
    for record in side.read(partition, low, side.ends[partition]):
        letter = letter_of(scope, record, inputs.settled)
        if letter is None:
            continue
        if scope.ahead(letter.source_offset):
            return
        if letter.source_offset == scope.first:
            yield record


def _first_letter(inputs: Inputs, scope: Scope, partition: int, start: int, end: int) -> Letter | None:
    for record in inputs.letters.read(partition, start, end):
        letter = letter_of(scope, record, inputs.settled)
        if letter is not None:
            return letter
    return None


# ------------------------------------------------------------------ showing it


def _views(judge: Judging, source: Record) -> Iterator[View]:
    if source.value is None:
        yield View("tombstone", None, ())
        return
    read = judge.read(source)
    if isinstance(read, Rejected):
        yield View(f"cannot be read: {read.code}", None, ())
        return
    subject, version, body = read
    way, value = subject.chain(version, judge.version), subject.versions[version].decode(body)
    for problem in (value, way):
        if isinstance(problem, Rejected):
            yield View(f"{subject.name} {label(version)}: {problem.code}", None, ())
            return
    context = Context(source.key, source.headers, source.timestamp_ms, source.topic, source.partition, source.offset)
    for stage in way.trace(value, context):  # type: ignore[union-attr]  # narrowed in the loop above
        yield _view(subject, stage)


def _view(subject: Subject, stage: Stage) -> View:
    rejected = stage.rejected
    title = f"{subject.name} {label(stage.version)}" + (f": rejected, {rejected.code}" if rejected else "")
    if rejected is not None:
        return View(title, stage.hop, ())
    values = tuple(_readable(subject, stage.version, record.value) for record in stage.records)
    return View(title, stage.hop, values)


def _target_view(inputs: Inputs, record: Record) -> View:
    content = inputs.judge.content(record)
    if isinstance(content, str):
        return View(f"offset {record.offset}: {content}", None, ())
    if content.body is None or content.subject is None:
        return View(f"offset {record.offset}: tombstone", None, ())
    subject = inputs.judge.subjects[content.subject]
    title = f"offset {record.offset}: {content.subject} {label(content.version)}"
    value = subject.versions[content.version].decode(content.body)
    if isinstance(value, Rejected):
        return View(f"{title}: {value.code}", None, ())
    return View(title, None, (_readable(subject, content.version, value),))


def _readable(subject: Subject, version: int, value: Any) -> Any:
    masked = sealed(value, tuple(parse_pattern(path) for path in subject.sensitive))
    return to_readable(subject.versions[version], masked)
