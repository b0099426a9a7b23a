"""A chain: the hops from any version of a subject to any other, up or down, and what they mean.

``Chain.fold`` is the reference meaning of a migration: run each hop over plain values and validate after each.
Whatever runs faster must agree with it on every input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from instar.core.formats.schema import Schema
from instar.core.record import Context
from instar.core.rejected import HOP_OUTPUT_INVALID, INVALID_INPUT, NO_WAY, UNKNOWN_VERSION, Rejected
from instar.core.upcasting.difference import Difference, differences
from instar.core.upcasting.hop import FAN_OUT_LIMIT_RECORDS, BoundHop, Transform
from instar.core.upcasting.value import copy_of
from instar.core.version import label


class Versions(Protocol):
    """What a chain needs of a subject: hops are keyed by the version that they lead up from."""

    @property
    def name(self) -> str: ...

    @property
    def versions(self) -> Mapping[int, Schema]: ...

    @property
    def hops(self) -> Mapping[int, BoundHop]: ...


@dataclass(frozen=True, slots=True)
class Link:
    """One hop of a chain in the chain's direction. ``schema`` is that of ``to_version``."""

    hop: BoundHop
    run: Transform = field(repr=False)
    schema: Schema = field(repr=False)
    from_version: int
    to_version: int

    def name(self, rejected: Rejected, subject: str) -> Rejected:
        """The rejection with this hop's place filled in. Down through v1_to_v2 is still named v1_to_v2."""
        return rejected.within(
            subject=subject,
            hop=self.hop.name,
            from_version=label(self.from_version),
            to_version=label(self.to_version),
        )


@dataclass(frozen=True, slots=True)
class TracedRecord:
    """A record after a hop. ``parent`` is the index, among the stage before, of the record that it was made of."""

    value: Any
    parent: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """All that a record has become at one version; ``hop`` led here (None: where the trace starts).

    ``rejected`` ends a trace; its ``records`` are then those that were made before the rejection.
    """

    version: int
    hop: str | None
    records: tuple[TracedRecord, ...]
    rejected: Rejected | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """The hops from one version to another, in the order in which they run. Equal versions: no hop."""

    subject: str
    from_version: int
    to_version: int
    before: Schema = field(repr=False)
    after: Schema = field(repr=False)
    links: tuple[Link, ...] = field(repr=False)

    @property
    def one_way(self) -> bool:
        """Whether the way back is missing."""
        return any(link.hop.one_way for link in self.links)

    def fold(self, value: Any, context: Context) -> list[Any] | Rejected:
        """What the value becomes: one value, or several or none where an event fans out or ends.

        The given value must be valid under ``from_version`` and is left as it is. If one output of a fan-out is
        rejected, the whole is.
        """
        return self.fold_owned(copy_of(value), context) if self.links else [value]

    def fold_owned(self, value: Any, context: Context) -> list[Any] | Rejected:
        """``fold`` of a value that nobody else holds: it is consumed."""
        values = [value]
        for link in self.links:
            made: list[Any] = []
            for part in values:
                outputs = link.run(part, context)
                if isinstance(outputs, Rejected):
                    return link.name(outputs, self.subject)
                for output in outputs:
                    problem = link.schema.problem(output)
                    if problem is not None:
                        return link.name(problem, self.subject)
                made += outputs
                if len(made) > FAN_OUT_LIMIT_RECORDS:
                    return link.name(_too_many(), self.subject)
            values = made
        return values

    def trace(self, value: Any, context: Context) -> list[Stage]:
        """The record at each version on the way, what each hop changed, and where it ended: for people, so slow."""
        stage = Stage(self.from_version, None, (TracedRecord(copy_of(value), 0, ()),))
        problem = self.before.problem(value)
        if problem is not None:
            at = label(self.from_version)
            invalid = Rejected(INVALID_INPUT, problem.message, self.subject, None, problem.path, from_version=at)
            return [Stage(self.from_version, None, stage.records, invalid)]
        stages = [stage]
        for link in self.links:
            stage = self._trace_link(link, stage, context)
            stages.append(stage)
            if stage.rejected is not None:
                break
        return stages

    def _trace_link(self, link: Link, stage: Stage, context: Context) -> Stage:
        records: list[TracedRecord] = []
        rejected: Rejected | None = None
        for parent, record in enumerate(stage.records):
            outputs = link.run(copy_of(record.value), context)
            if isinstance(outputs, Rejected):
                rejected = outputs
                break
            for output in outputs:
                # The trace keeps a copy, since the next hop consumes what it is given.
                changed = tuple(differences(record.value, output))
                records.append(TracedRecord(copy_of(output), parent, changed))
                rejected = rejected or link.schema.problem(output)
            if rejected is None and len(records) > FAN_OUT_LIMIT_RECORDS:
                rejected = _too_many()
            if rejected is not None:
                break
        named = None if rejected is None else link.name(rejected, self.subject)
        return Stage(link.to_version, link.hop.name, tuple(records), named)


def chain(subject: Versions, from_version: int, to_version: int) -> Chain | Rejected:
    """The chain between two versions of a subject.

    Rejected (unknown-version, no-way) when a version does not exist, a hop is missing or the way down leads through a
    one-way hop. The rejection names the hop.
    """
    start, end = label(from_version), label(to_version)
    for version in (from_version, to_version):
        if version not in subject.versions:
            known = ", ".join(label(known) for known in sorted(subject.versions))
            message = f"{subject.name} has no {label(version)}; it has {known or 'no version'}"
            return Rejected(UNKNOWN_VERSION, message, subject.name, from_version=start, to_version=end)
    links: list[Link] = []
    step = 1 if to_version >= from_version else -1
    for here in range(from_version, to_version, step):
        there = here + step
        hop = subject.hops.get(min(here, there))
        name = f"{label(min(here, there))}_to_{label(max(here, there))}"
        if hop is None or there not in subject.versions:
            message = f"no chain leads from {start} to {end} of {subject.name}: the hop {name} is missing"
            return Rejected(NO_WAY, message, subject.name, name, from_version=start, to_version=end)
        if step < 0 and hop.one_way:
            message = f"no chain leads from {start} back to {end} of {subject.name}: the hop {name} is one-way"
            return Rejected(NO_WAY, message, subject.name, name, from_version=start, to_version=end)
        run = hop.up if step > 0 else hop.down
        links.append(Link(hop, run, subject.versions[there], here, there))
    before, after = subject.versions[from_version], subject.versions[to_version]
    return Chain(subject.name, from_version, to_version, before, after, tuple(links))


def _too_many() -> Rejected:
    message = f"one record became more than {FAN_OUT_LIMIT_RECORDS}, the limit of a fan-out"
    return Rejected(HOP_OUTPUT_INVALID, message)
