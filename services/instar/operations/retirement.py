"""Finding the evidence for a retirement: what the state, the project and the cluster show, and what cannot be asked."""

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, date, datetime

from instar.census.reading import NoCensus, read_census
from instar.census.topics import CensusTopics
from instar.core.census_fold import Census
from instar.core.retirement import Client, Evidence, Verdict, Written, judge
from instar.core.rollout.state import Rollout
from instar.core.version import label
from instar.kafka.cluster import Topic
from instar.operations.rolling import Rolling
from instar.project.subject_file import sunset_of
from instar.rollout.evidence import asked, groups_on, outstanding_letters, uncarried, written_since


def verdicts(
    at: Rolling, *, subject: str | None, versions: Collection[int] | None, archive: str, look_records: int
) -> list[Verdict]:
    """One for each version of a subject that the migration's old topic may hold: those below its target."""
    seen = _common(at, archive, look_records)
    census = asked(lambda: _census(at))
    found = []
    for each in at.project.subjects_of(at.migration):
        if subject not in (None, each.name):
            continue
        for version in sorted(v for v in each.versions if v < at.migration.target.version):
            if versions is None or version in versions:
                evidence = _of(at, seen, census, each.name, version)
                reasons = judge(evidence, now_ms=at.now_ms(), today=_today(at))
                found.append(Verdict(each.name, label(version), at.name, at.migration.source.topic, reasons))
    return found


def _common(at: Rolling, archive: str, look_records: int) -> Evidence:
    """What is the same for every version."""
    rollout = at.rollout_or_none()
    cluster, name = at.cluster, at.name
    topic = asked(lambda: cluster.find(at.migration.source.topic))
    until_ms = None
    if rollout is not None:
        known = rollout.verification
        until_ms = known.until_ms if known is not None and known.right else 0
    return Evidence(
        phase=None if rollout is None else rollout.phase,
        underway="" if rollout is None or rollout.underway is None else rollout.underway.transition,
        # The built-in broker answers with no groups, whoever reads.
        groups=None if topic is None or cluster.built_in else asked(lambda: groups_on(cluster, topic, _moved(rollout))),
        written=None if topic is None or rollout is None else _written(at, topic, rollout, look_records),
        uncarried=None if topic is None else asked(lambda: uncarried(cluster, name, topic, look_records)),
        letters=asked(lambda: outstanding_letters(cluster, name, at.migration.dead_letter_topic)),
        verified_until_ms=until_ms,
        archive=archive or at.migration.rollout.archive or "",
    )


def _of(at: Rolling, seen: Evidence, census: Census | None, subject: str, version: int) -> Evidence:
    """What concerns one version: who declared to read it, when it ends, what the way up loses of it."""
    hops = at.project.catalogue[subject].hops
    lost = {
        path for number, hop in hops.items() if version <= number < at.migration.target.version for path in hop.lost_up
    }
    return replace(
        seen,
        declared=at.declared_or_none(subject, version),
        clients=None if census is None else _clients(at, census, subject, version),
        sunset=sunset_of(at.project.sources[subject].notes, version),
        kept=tuple(sorted(lost)),
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


def _moved(rollout: Rollout | None) -> Collection[str]:
    return () if rollout is None else rollout.moved


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
