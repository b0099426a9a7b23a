"""Opening routes: from the identity that a framing reads to the program and the framing that serve it."""

import time
from dataclasses import dataclass, field
from typing import NoReturn

from instar.core.bridge import Route
from instar.core.formats.framing import Identity as Key
from instar.core.formats.framing import Named, SchemaGuid, SchemaId, Write
from instar.core.provenance import Direction
from instar.core.rejected import UNKNOWN_SUBJECT, UNKNOWN_VERSION, VERSION_ABOVE_TARGET, Rejected
from instar.core.subject import Subject
from instar.core.upcasting.carry import Carrier
from instar.core.upcasting.spans.executor import ExecutorName, Spans, compile_spans
from instar.core.version import label
from instar.kafka.errors import AmbiguousOutcome, KafkaTrouble
from instar.registry.identify import Identity
from instar.registry.port import RegistryRefused, RegistryUnreachable

ASK_AGAIN_AFTER_S = 30.0


@dataclass(slots=True)
class Routes:
    """Routes of one direction. Called once for each identity, so it may ask the registry.

    ``writers`` frame each subject at ``version``; ``carry_lost`` says whether what downcasts lose is carried.
    ``executor`` is who runs the programs that it can run.
    """

    direction: Direction
    version: int
    subjects: dict[str, Subject]
    sole_subject: str | None
    identity: Identity
    writers: dict[str, Write]
    carry_lost: bool
    in_place: bool = False
    executor: ExecutorName = "spans"
    named: dict[Key, tuple[str, int]] = field(default_factory=dict)  # subject and version of what was opened
    _asked_s: float = 0.0

    def open(self, key: Key) -> Route | Rejected:
        named = self._named(key)
        if isinstance(named, Rejected):
            return named
        subject, version = named
        self.named[key] = (subject.name, version)
        if self.direction == "up" and version > self.version:
            return Rejected(
                VERSION_ABOVE_TARGET,
                f"The record is {subject.name} {label(version)}, above the migration's target {label(self.version)}. "
                "Its producer is ahead: move the migration's target to that version.",
                subject=subject.name,
                from_version=label(version),
                to_version=label(self.version),
            )
        program = subject.program(version, self.version)
        if isinstance(program, Rejected):
            return program
        carrier = None
        if self.carry_lost:
            back = subject.program(self.version, version)
            if not isinstance(back, Rejected) and version != self.version:
                carrier = (
                    Carrier.of(program, back, subject.sensitive)
                    if self.direction == "down"
                    else Carrier.of(back, program, subject.sensitive)
                )
        current = self.in_place and version == self.version
        fast = compile_spans(program) if self.executor == "spans" else None
        executor = fast if isinstance(fast, Spans) else None
        return Route(program, self.writers[subject.name], carrier, current, executor)

    def _named(self, key: Key) -> tuple[Subject, int] | Rejected:
        if isinstance(key, Named):
            name, version = key.subject or self.sole_subject, key.version
        else:
            found = self._identify(key)
            if isinstance(found, Rejected):
                return found
            name, version = found
        subject = self.subjects.get(name or "")
        known = ", ".join(sorted(self.subjects))
        if subject is None:
            what = f"names the subject {name!r}" if name else "does not name its subject"
            return Rejected(UNKNOWN_SUBJECT, f"The record {what}; this migration has {known}.")
        if version not in subject.versions:
            has = ", ".join(label(one) for one in sorted(subject.versions))
            return Rejected(
                UNKNOWN_VERSION,
                f"The record is {subject.name} {label(version)}, and schemas/{subject.name} has {has}.",
                subject=subject.name,
                from_version=label(version),
            )
        return subject, version

    def _identify(self, key: SchemaId | SchemaGuid) -> tuple[str, int] | Rejected:
        now_s = time.monotonic()
        if now_s - self._asked_s > ASK_AGAIN_AFTER_S:
            self._asked_s = now_s
            self.identity.forget_unknown()
        try:
            return self.identity.version_of(key)
        except RegistryUnreachable as problem:
            # Not the record's fault: the batch is read again when the registry answers.
            raise AmbiguousOutcome(str(problem)) from problem
        except RegistryRefused as problem:
            refused(problem)


def refused(problem: RegistryRefused) -> NoReturn:
    raise KafkaTrouble(str(problem), problem.remedy) from problem
