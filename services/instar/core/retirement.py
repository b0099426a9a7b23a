"""Whether a version may be retired: yes, no or unknown, with every reason and where it was seen.

Nothing is dropped while a known reader remains, and what could not be seen counts as a reader (design section 12, 13).
So every source of evidence is either what it shows or None: it could not be asked. One reason makes a no of a yes; one
source that is missing makes an unknown of it; a no stays a no, because the missing source cannot take it back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from instar.core.rollout.event import Readers
from instar.core.rollout.phase import Phase

Answer = Literal["yes", "no", "unknown"]
Source = Literal[
    "rollout", "groups", "declared readers", "clients", "producers", "sunset", "way back", "dead letters",
    "verification", "archive",
]  # fmt: skip
SOURCES: tuple[Source, ...] = (
    "rollout", "groups", "declared readers", "clients", "producers", "sunset", "way back", "dead letters",
    "verification", "archive",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group with offsets in the old topic, or with members that read it.

    ``members`` and ``lag_records`` are None where the group may not be looked into. ``last_read_ms`` is the time of the
    last record before its position, as near as Kafka tells to when it last moved. ``moved``: we moved it to the new
    topic, and its offsets here are what it left behind.
    """

    name: str
    members: int | None
    lag_records: int | None
    last_read_ms: int | None = None
    moved: bool = False
    owner: str = ""

    @property
    def reads(self) -> bool:
        return not self.moved or self.members is None or self.members > 0


@dataclass(frozen=True, slots=True)
class Declared:
    """Somebody's word that a program reads a version, until ``expires`` (the first day without it)."""

    name: str
    owner: str
    expires: date


@dataclass(frozen=True, slots=True)
class Client:
    """A program that said by itself that it reads or writes the version (`instar.client`, the census)."""

    name: str
    role: Literal["reads", "writes"]
    last_seen_ms: int
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Records that producers, not bridges, wrote to the old topic since the switch. ``whole``: all were looked at.

    ``owner`` is whose producers they are, where somebody has said so.
    """

    records: int
    newest_ms: int | None
    producers: tuple[str, ...] = ()
    whole: bool = True
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each source shows; None: it could not be asked.

    ``sunset``: the first day without the version; False: it is not deprecated, True: deprecated without a day.
    ``kept``: what only the old topic holds, because the way up loses it; ``archive``: where it will be kept.
    ``uncarried``: records of the old topic that the up bridge has not carried. ``letters``: outstanding dead letters.
    ``unlisted``: why ``groups`` may not be all; empty: they are.
    ``verified_until_ms``: how long the newest verification holds; 0: there is none that counts.
    """

    phase: Phase | None
    underway: str = ""
    groups: Sequence[Group] | None = None
    unlisted: str = ""
    declared: Sequence[Declared] | None = None
    clients: Sequence[Client] | None = None
    written: Written | None = None
    sunset: date | bool | None = None
    uncarried: int | None = None
    letters: int | None = None
    verified_until_ms: int | None = None
    kept: tuple[str, ...] = ()
    archive: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not, or what is not known. ``owner`` is who can change it, where that is known."""

    source: Source
    answer: Literal["no", "unknown"]
    text: str
    remedy: str
    owner: str = ""

    def as_dict(self) -> dict[str, str]:
        return {
            "source": self.source,
            "answer": self.answer,
            "reason": self.text,
            "remedy": self.remedy,
            "owner": self.owner,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about a version of a subject in a migration's old topic."""

    subject: str
    version: str
    migration: str
    topic: str
    reasons: tuple[Reason, ...]

    @property
    def answer(self) -> Answer:
        answers = {reason.answer for reason in self.reasons}
        return "no" if "no" in answers else "unknown" if answers else "yes"

    @property
    def readers(self) -> Readers:
        """As `retire` takes it."""
        return Readers(self.answer, tuple(f"{each.source}: {each.text}" for each in self.reasons))

    def as_dict(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "version": self.version,
            "migration": self.migration,
            "topic": self.topic,
            "answer": self.answer,
            "reasons": [each.as_dict() for each in self.reasons],
        }


def judge(evidence: Evidence, subject: str, version: str, *, now_ms: int, today: date) -> tuple[Reason, ...]:
    """Every reason against retiring a version (``v1``) of a subject, in the order of the sources."""
    return tuple(
        reason
        for each in (
            _rollout(evidence),
            _groups(evidence, now_ms),
            _declared(evidence, subject, today),
            _clients(evidence, now_ms),
            _written(evidence, now_ms),
            _sunset(evidence, subject, version, today),
            _way_back(evidence),
            _letters(evidence),
            _verification(evidence, now_ms),
            _archive(evidence),
        )
        for reason in each
    )


def _rollout(seen: Evidence) -> Iterator[Reason]:
    if seen.phase is None:
        yield _unknown("rollout", "the state store could not be asked", "`instar db check` says what is wrong.")
    elif seen.underway:
        yield Reason("rollout", "no", f"{seen.underway} is in progress", "Finish it: run its command again.")
    elif seen.phase is not Phase.SWITCHED:
        phase = "a draft" if seen.phase is Phase.DRAFT else seen.phase.value
        text = f"the migration is {phase}: the old topic has not handed over"
        yield Reason("rollout", "no", text, "`instar switch` comes first.")


def _groups(seen: Evidence, now_ms: int) -> Iterator[Reason]:
    if seen.groups is None:
        yield _unknown("groups", "the consumer groups cannot be listed", "`instar doctor` names the permission.")
        return
    for group in seen.groups:
        if not group.reads:
            continue
        members = "members unknown" if group.members is None else f"{group.members} member{'s'[: group.members != 1]}"
        lag = "lag unknown" if group.lag_records is None else f"{group.lag_records:,} behind"
        last = "" if group.last_read_ms is None else f", last record of {ago(now_ms - group.last_read_ms)} ago"
        remedy = (
            "Move it (`instar switch`, `instar consumers translate`), or delete its offsets if it is gone for good."
        )
        yield Reason("groups", "no", f"{group.name} reads it: {members}, {lag}{last}", remedy, group.owner)
    if seen.unlisted:
        remedy = "Allow DESCRIBE on the cluster, as `instar doctor` says: then none is left out."
        yield _unknown("groups", seen.unlisted, remedy)


def _declared(seen: Evidence, subject: str, today: date) -> Iterator[Reason]:
    if seen.declared is None:
        remedy = "Mend the state store: `instar db check` says what is wrong."
        yield _unknown("declared readers", "the declared readers cannot be read", remedy)
        return
    for one in seen.declared:
        if today < one.expires:
            text = f"{one.name} was declared to read it until {one.expires.isoformat()}"
            withdraw = f"`instar consumers withdraw {one.name} --subject {subject}`"
            remedy = f"Ask {one.owner or 'its owner'}; then {withdraw}."
            yield Reason("declared readers", "no", text, remedy, one.owner)


def _clients(seen: Evidence, now_ms: int) -> Iterator[Reason]:
    if seen.clients is None:
        yield _unknown("clients", "the census cannot be read", "Is instar.census readable, and the census running?")
        return
    for client in seen.clients:
        text = f"{client.name} {client.role} it, last seen {ago(now_ms - client.last_seen_ms)} ago"
        does = "ask for" if client.role == "reads" else "write"
        remedy = f"Have {client.owner or 'its owner'} {does} the new version; an entry that ages out stops counting."
        yield Reason("clients", "no", text, remedy, client.owner)


def _written(seen: Evidence, now_ms: int) -> Iterator[Reason]:
    written = seen.written
    if written is None:
        text = "the old topic cannot be read, so nobody knows who writes it"
        yield _unknown("producers", text, "`instar doctor` names the permission.")
    elif written.records:
        by = f" by {', '.join(written.producers)}" if written.producers else ""
        last = "" if written.newest_ms is None else f", the last {ago(now_ms - written.newest_ms)} ago"
        text = f"{written.records:,} records were written to it since the switch{by}{last}"
        yield Reason("producers", "no", text, "Move those producers to the new topic.", written.owner)
    elif not written.whole:
        text = "only a part of what was written since the switch could be looked at"
        yield _unknown("producers", text, "Look at more: --look RECORDS.")


def _sunset(seen: Evidence, subject: str, version: str, today: date) -> Iterator[Reason]:
    remedy = f"`instar schema deprecate {subject} {version} --sunset DATE --reason TEXT`"
    if seen.sunset is None:
        yield _unknown("sunset", "subject.toml cannot be read", "`instar check` says what is wrong.")
    elif seen.sunset is False:
        yield Reason("sunset", "no", "it is not deprecated, so its readers were never told", f"Tell them: {remedy}.")
    elif seen.sunset is True:
        yield _unknown("sunset", "it is deprecated without a day", f"Say when: {remedy}.")
    elif today < seen.sunset:
        yield Reason("sunset", "no", f"readers were promised it until {seen.sunset.isoformat()}", "Wait for that day.")


def _way_back(seen: Evidence) -> Iterator[Reason]:
    if seen.uncarried is None:
        yield _unknown("way back", "the up bridge's checkpoint cannot be read", "`instar status` says what is wrong.")
    elif seen.uncarried:
        many = "s of the old topic are" if seen.uncarried != 1 else " of the old topic is"
        text = f"{seen.uncarried:,} record{many} not carried yet"
        yield Reason("way back", "no", text, "Let the up bridge finish: `instar worker`.")


def _letters(seen: Evidence) -> Iterator[Reason]:
    if seen.letters is None:
        yield _unknown("dead letters", "the dead letters cannot be read", "`instar dlq list` says what is wrong.")
    elif seen.letters:
        text = f"{seen.letters:,} records are in the dead letters: only the old topic has them as they were"
        yield Reason("dead letters", "no", text, "`instar dlq redrive` or `instar dlq discard` them.")


def _verification(seen: Evidence, now_ms: int) -> Iterator[Reason]:
    if seen.verified_until_ms is None:
        yield _unknown("verification", "its result cannot be read", "`instar db check` says what is wrong.")
    elif seen.verified_until_ms <= now_ms:
        text = (
            "no verification of this plan counts any more"
            if seen.verified_until_ms
            else "no verification counts for the rollout"
        )
        yield Reason("verification", "no", text, "`instar verify`.")


def _archive(seen: Evidence) -> Iterator[Reason]:
    if seen.kept and not seen.archive:
        text = f"the way up loses {', '.join(seen.kept)}: only the old topic has it, and no archive is named"
        remedy = "Name one: --archive FOLDER, or archive under [migrations.NAME.rollout]."
        yield Reason("archive", "no", text, remedy)


def _unknown(source: Source, text: str, remedy: str) -> Reason:
    return Reason(source, "unknown", text, remedy)


def ago(ms: int) -> str:
    """A length of time in the largest unit that fits: ``3 min``."""
    seconds = max(0, ms) // 1000
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
