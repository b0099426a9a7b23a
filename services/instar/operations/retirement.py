"""Finding the evidence for a retirement: what the state, the project and the cluster show, and what cannot be asked."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from instar.census.reading import NoCensus, read_census
from instar.census.topics import CensusTopics
from instar.core.census_fold import Census
from instar.core.retirement import Client, Declared, Evidence, Group, Verdict, Written, judge
from instar.core.rollout.state import Rollout
from instar.core.version import label
from instar.kafka.cluster import Topic
from instar.operations.owners import group_owners, producer_owners
from instar.operations.rolling import Rolling
from instar.project.subject_file import sunset_of
from instar.rollout.evidence import GroupsSeen, asked, groups_on, outstanding_letters, uncarried, written_since
from instar.state.readers import DeclaredReader


@dataclass(frozen=True, slots=True)
class Known:
    """What whoever looks again and again has asked already; None: it could not be asked."""

    census: Census | None
    readers: tuple[DeclaredReader, ...] | None
    groups: GroupsSeen | None  # of the old topic


def verdicts(
    at: Rolling,
    *,
    subject: str | None,
    versions: Collection[int] | None,
    archive: str,
    look_records: int,
    known: Known | None = None,
) -> list[Verdict]:
    """One for each version of a subject that the migration's old topic may hold: those below its target."""
    if known is None:
        known = _asked(at)
    seen = _common(at, archive, look_records, known)
    found = []
    for each in at.project.subjects_of(at.migration):
        if subject not in (None, each.name):
            continue
        for version in sorted(v for v in each.versions if v < at.migration.target.version):
            if versions is None or version in versions:
                evidence = _of(at, seen, known, each.name, version)
                reasons = judge(evidence, each.name, label(version), now_ms=at.now_ms(), today=_today(at))
                found.append(Verdict(each.name, label(version), at.name, at.migration.source.topic, reasons))
    return found


def named_groups(census: Census | None, readers: Iterable[DeclaredReader] | None) -> set[str]:
    """The groups that programs and people have named."""
    said = {each.group for each in readers or ()} | {each.group for each in (census.clients if census else ())}
    return {name for name in said if name}


def _asked(at: Rolling) -> Known:
    census, readers = asked(lambda: _census(at)), at.readers_or_none()
    topic = asked(lambda: at.cluster.find(at.migration.source.topic))
    names = named_groups(census, readers)
    groups = None if topic is None else asked(lambda: groups_on(at.cluster, topic, names))
    return Known(census, readers, groups)


def _common(at: Rolling, archive: str, look_records: int, known: Known) -> Evidence:
    """What is the same for every version."""
    rollout = at.rollout_or_none()
    cluster, name = at.cluster, at.name
    topic = asked(lambda: cluster.find(at.migration.source.topic))
    until_ms = None
    if rollout is not None:
        verified = rollout.verification
        until_ms = verified.until_ms if verified is not None and verified.right else 0
    written = None if topic is None or rollout is None else _written(at, topic, rollout, look_records)
    return Evidence(
        phase=None if rollout is None else rollout.phase,
        underway="" if rollout is None or rollout.underway is None else rollout.underway.transition,
        groups=None if known.groups is None else _groups(known, rollout),
        unlisted="" if known.groups is None else known.groups.unlisted,
        written=None if written is None else _with_owner(written, known.census),
        uncarried=None if topic is None else asked(lambda: uncarried(cluster, name, topic, look_records)),
        letters=asked(lambda: outstanding_letters(cluster, name, at.migration.dead_letter_topic)),
        verified_until_ms=until_ms,
        archive=archive or at.migration.rollout.archive or "",
    )


def _groups(known: Known, rollout: Rollout | None) -> list[Group]:
    owners = group_owners(known.census, known.readers or ())
    moved = () if rollout is None else rollout.moved
    groups = () if known.groups is None else known.groups.groups
    return [replace(each, moved=each.name in moved, owner=owners.get(each.name, "")) for each in groups]


def _with_owner(written: Written, census: Census | None) -> Written:
    owners = producer_owners(census)
    named = dict.fromkeys(owners[each] for each in written.producers if each in owners)
    return replace(written, owner=", ".join(named))


def _of(at: Rolling, seen: Evidence, known: Known, subject: str, version: int) -> Evidence:
    """What concerns one version: who declared to read it, when it ends, what the way up loses of it."""
    hops = at.project.catalogue[subject].hops
    lost = {
        path for number, hop in hops.items() if version <= number < at.migration.target.version for path in hop.lost_up
    }
    return replace(
        seen,
        declared=None if known.readers is None else _declared(known.readers, subject, version),
        clients=None if known.census is None else _clients(at, known.census, subject, version),
        sunset=sunset_of(at.project.sources[subject].notes, version),
        kept=tuple(sorted(lost)),
    )


def _declared(readers: Iterable[DeclaredReader], subject: str, version: int) -> tuple[Declared, ...]:
    return tuple(
        Declared(each.group, each.owner, datetime.fromtimestamp(each.expires_at_ms / 1000, UTC).date())
        for each in readers
        if (each.subject, each.version) == (subject, version)
    )


def _census(at: Rolling) -> Census:
    """Empty where nobody keeps one: no program can have told of itself. Raises ``KafkaTrouble``."""
    settings = at.project.settings.census
    since_ms = at.now_ms() - settings.forget_after * 1000
    try:
        return read_census(at.cluster.kafka, CensusTopics(settings.topic), since_ms=since_ms).census
    except NoCensus:
        return Census({}, ())


def _clients(at: Rolling, census: Census, subject: str, version: int) -> tuple[Client, ...]:
    """Who asked for, or wrote, the version since it last counts, whatever the topic is."""
    since_ms = at.now_ms() - at.project.settings.census.forget_after * 1000
    found = []
    for each in census.clients:
        seen = each.versions.get(label(version))
        if each.subject == subject and seen is not None and seen.last_ms >= since_ms:
            name = each.client or each.group or "a program without a name"
            found.append(Client(name, each.kind, seen.last_ms, each.owner))
    return tuple(found)


def _written(at: Rolling, topic: Topic, rollout: Rollout, look_records: int) -> Written | None:
    if rollout.record is None or rollout.record.authority == "old":
        return Written(0, None)  # they write where they should, and the phase alone says no
    since = rollout.record.left
    header = at.producer_header
    return asked(
        lambda: written_since(at.cluster, at.name, topic, since, producer_header=header, look_records=look_records)
    )


def _today(at: Rolling) -> date:
    return datetime.fromtimestamp(at.now_ms() / 1000, UTC).date()
