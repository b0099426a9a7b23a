"""Finding out what a plan says: each part asks the project, the cluster or the registry, and changes nothing."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from threading import Event
from typing import Any

from instar.backfill.rehearsal import rehearse
from instar.core import checkpoint
from instar.core.control import TOPIC as CONTROL_TOPIC
from instar.core.estimate import duration_text, shared_seconds, size_text
from instar.core.forecast import Forecast
from instar.core.plan_text import Change, ExecutorLine, HopRisk, Plan, ReaderLine, Trap
from instar.core.rejected import Rejected
from instar.core.throttle import UNLIMITED_RATE
from instar.core.upcasting.spans.executor import ExecutorName, Spans, compile_spans
from instar.core.version import label
from instar.kafka.cluster import Cluster, Topic
from instar.kafka.errors import KafkaTrouble, Refused
from instar.kafka.inspection import Inspection
from instar.operations.diagnosis import Topics as Found
from instar.operations.diagnosis import topic_lines
from instar.operations.permissions import permission_lines
from instar.operations.plan_drift import applied_plans, check_plan
from instar.operations.topic_reader import open_registry, topic_reader, version_of
from instar.processor.assemble import Options, assemble_project, directions, schema_id
from instar.processor.plan import BridgePlan
from instar.processor.prepare import Topics, settings_of
from instar.project.migration import Migration
from instar.project.project import Project
from instar.registry.identify import Identity
from instar.state.errors import StateTrouble

SAMPLE_OFFSETS = 500  # of each partition
LIMIT_GROUPS = 500
# Publishing costs about as much again as reading and transforming (bench/worker.py).
PUBLISHING = 2.0
_DAY_MS = 86_400_000
_BEGINS = {
    "ordered": "begins at the first record of {}",
    "live-first": "begins at the end of {}, and history follows, without keys that are published by then",
    "in-place": "rewrites {} up to its present end, behind a write fence (--fence)",
    "segregated": "begins at the end of {}, and history follows into a topic of its own",
}


def make_plan(project: Project, name: str, kafka: Mapping[str, Any]) -> Plan:
    """Raises ``KafkaTrouble`` when the source topic is missing or the cluster does not answer."""
    cluster = Cluster(kafka)
    migration = project.settings.migrations[name]
    there = {"up": True, "down": cluster.find(migration.target.topic) is not None}
    options = [Options(project.root, None, name, one, kafka, dry=True) for one in directions(migration) if there[one]]
    plans = [assemble_project(project, one) for one in options]
    up = plans[0]
    top = label(migration.target.version)
    route = f"{migration.source.topic} → {migration.target.topic}, {', '.join(migration.subjects)} to {top}"
    plan = Plan(name, project.fingerprint(name), route)
    topics = Topics(up.source, up.target, up.dead_letters, up.history if migration.history_topic else None)
    plan.changes += _topic_changes(cluster, migration, topics)
    plan.changes += _schema_changes(project, migration)
    plan.changes += _group_changes(cluster, plans)
    if "down" in directions(migration) and not there["down"]:
        begins = (f"begins at the first record of {migration.target.topic}",)
        plan.changes.append(Change("+", "group", f"instar.{name}.down", begins))
    plan.hops += _hops(project, migration)
    plan.executors += _executors(project, migration)
    plan.traps += _topic_traps(cluster, name, migration, topics)
    plan.traps += _drift(cluster, project, name, plans)
    sample = _sample(project, cluster, up)
    if sample is not None:
        forecast, lags = sample
        seconds = shared_seconds(list(lags.values()), 1, _pace(forecast))
        plan.estimates += _estimates(forecast, lags, seconds)
        plan.traps += _time_traps(topics.source, seconds)
    plan.readers += _readers(cluster, topics.source)
    plan.permissions += _permissions(name, migration, cluster, topics)
    plan.way_back += _way_back(project, name, migration)
    return plan


# --------------------------------------------------------------------------------------------------- changes


def _topic_changes(cluster: Cluster, migration: Migration, topics: Topics) -> Iterator[Change]:
    source = topics.source
    made = settings_of(
        source,
        topics.target.name,
        topics.dead_letters.name,
        migration.history_topic,
        live_first=migration.mode == "live-first",
    )
    for name, settings in made.items():
        found = cluster.find(name)
        if found is None:
            details = [f"{source.partitions} partitions, as {source.name} has"]
            details += [f"{key} = {value}" for key, value in settings.items()]
            yield Change("+", "topic", name, tuple(details))
        else:
            yield Change("=", "topic", name, (f"{found.partitions} partitions",))
    if cluster.find(CONTROL_TOPIC) is None:
        yield Change("+", "topic", CONTROL_TOPIC, ("1 partition, compacted: what operators ask of running workers",))


def _schema_changes(project: Project, migration: Migration) -> Iterator[Change]:
    """Versions that are written under a registry's id, and have none there yet."""
    subjects = {subject.name: subject for subject in project.subjects_of(migration)}
    written = [(migration.target.version, migration.target_framing, migration.target.topic)]
    if migration.reverse is not None and "down" in directions(migration):
        written.append((migration.reverse.version, migration.source.framing, migration.source.topic))
    registry = open_registry(project)
    try:
        identity = Identity(registry, project.ids(), subjects.values())
        for version, settings, topic in written:
            if not settings.build(version=version, subject=migration.sole_subject).needs_ids:
                continue
            for name in subjects:
                found = schema_id(project, identity, name, version, topic, register=False)
                if found is None:
                    yield Change("+", "schema", f"{name} {label(version)}", (f"registered in {registry.name}",))
                else:
                    yield Change("=", "schema", f"{name} {label(version)}", (f"id {found} in {registry.name}",))
    finally:
        registry.close()


def _group_changes(cluster: Cluster, plans: list[BridgePlan]) -> Iterator[Change]:
    for plan in plans:
        committed = cluster.committed(plan.group, plan.source.name, plan.partitions)
        missing = len(plan.partitions) - len(committed)
        if missing:
            where = f"{_BEGINS[plan.mode].format(plan.source.name)}, in {missing} partitions"
            yield Change("+" if not committed else "~", "group", plan.group, (where,))
        else:
            ends = cluster.end_offsets(plan.source.name, plan.partitions)
            lag = sum(
                max(0, ends[partition] - offset) + checkpoint.parse(offset, said).history_left
                for partition, (offset, said) in committed.items()
            )
            yield Change("=", "group", plan.group, (f"{lag:,} offsets behind",))


def _hops(project: Project, migration: Migration) -> Iterator[HopRisk]:
    for subject in project.subjects_of(migration):
        for version in sorted(subject.hops):
            if version < migration.target.version:
                yield HopRisk.of(subject.hops[version])


def _executors(project: Project, migration: Migration) -> Iterator[ExecutorLine]:
    """For each version that may be read, up and, where there is a reverse bridge, down."""
    for subject in project.subjects_of(migration):
        target, reverse = migration.target.version, migration.reverse
        ways = [(version, target) for version in sorted(subject.versions) if version < target]
        if reverse is not None and "down" in directions(migration):
            ways += [(version, reverse.version) for version in sorted(subject.versions) if version > reverse.version]
        for start, end in ways:
            program = subject.program(start, end)
            if isinstance(program, Rejected):  # a hop without a way down; the traps say so
                continue
            made = compile_spans(program)
            executor: ExecutorName = "spans" if isinstance(made, Spans) else "reference"
            why = "" if isinstance(made, Spans) else made.why
            yield ExecutorLine(subject.name, label(start), label(end), executor, why)


# --------------------------------------------------------------------------------------------------- traps


def _found(cluster: Cluster, topics: Topics) -> Found:
    """The topics as they are there, whatever was imagined of them."""
    history = None if topics.history is None else cluster.find(topics.history.name)
    return Found(topics.source, cluster.find(topics.target.name), cluster.find(topics.dead_letters.name), history)


def _topic_traps(cluster: Cluster, name: str, migration: Migration, topics: Topics) -> Iterator[Trap]:
    found = _found(cluster, topics)
    for line in topic_lines(name, migration, found):
        if line.status == "fail" or (line.status == "warn" and "does not exist yet" not in line.message):
            yield Trap(line.status == "fail", line.message, line.remedy)
    source = topics.source
    if "down" in directions(migration) and source.settings.get("message.timestamp.type") == "LogAppendTime":
        yield Trap(
            False,
            f"{source.name} replaces the time of every record that the way back writes (message.timestamp.type)",
            "Set it to CreateTime, or do without the times of records that come back.",
        )


def _time_traps(source: Topic, seconds: float) -> Iterator[Trap]:
    """What happens to records of the source while it is being read."""
    settings = source.settings
    tombstones_ms = int(settings.get("delete.retention.ms", _DAY_MS))
    if source.compacted and seconds * 1000 > tombstones_ms:
        yield Trap(
            False,
            f"reading {source.name} takes about {duration_text(seconds)}, and it forgets deletes after "
            f"{duration_text(tombstones_ms / 1000)} (delete.retention.ms): some would be missed",
            f"Raise delete.retention.ms of {source.name} until the backfill is through, or use more workers.",
        )
    retention_ms = int(settings.get("retention.ms", -1))
    if retention_ms >= 0 and "delete" in settings.get("cleanup.policy", "delete") and seconds * 2000 > retention_ms:
        yield Trap(
            False,
            f"reading {source.name} takes about {duration_text(seconds)}, and it keeps records for "
            f"{duration_text(retention_ms / 1000)} (retention.ms): the oldest may go before they are read",
            f"Raise retention.ms of {source.name} until the backfill is through, or use more workers.",
        )


def _drift(cluster: Cluster, project: Project, name: str, plans: list[BridgePlan]) -> Iterator[Trap]:
    """Once a rollout has begun, this plan is how a change is approved, and its verification finds what disagrees."""
    for plan in plans:
        try:
            check_plan(cluster, project.parts(name), plan, accept=False)
        except Refused as refusal:
            if _on_its_way(project, name):
                remedy = "Applying this plan accepts that: verify again before you switch, or take the change back."
                yield Trap(False, str(refusal), remedy)
            else:
                yield Trap(True, str(refusal), refusal.remedy)


def _on_its_way(project: Project, name: str) -> bool:
    try:
        return bool(applied_plans(project, name))
    except StateTrouble:
        return False


# --------------------------------------------------------------------------------------------------- what to expect


def _sample(project: Project, cluster: Cluster, plan: BridgePlan) -> tuple[Forecast, dict[int, int]] | None:
    """What the first records that are not carried yet would become; None when there are none."""
    topic = plan.source.name
    first, ends = cluster.start_offsets(topic, plan.partitions), cluster.end_offsets(topic, plan.partitions)
    committed = cluster.committed(plan.group, topic, plan.partitions)
    read = {number: checkpoint.parse(*said).reads_from for number, said in committed.items()}
    starts = {number: max(first[number], read.get(number, 0)) for number in ends}
    lags = {number: end - starts[number] for number, end in ends.items() if end > starts[number]}
    if not lags:
        return None
    reader = topic_reader(project, topic, subject=None, framing=None, migration=plan.migration)
    with redirect_stdout(sys.stderr):  # a hop that prints must not end up in the plan
        forecast = rehearse(
            plan.make_bridge(),
            topic,
            plan.source.id,
            plan.kafka,
            {number: starts[number] for number in lags},
            {number: ends[number] for number in lags},
            version_of=version_of(reader),
            rate=UNLIMITED_RATE,
            stop=Event(),
            limit_records=SAMPLE_OFFSETS,
        )
    return (forecast, lags) if forecast.counts.read else None


def _pace(forecast: Forecast) -> float:
    return forecast.counts.read / forecast.seconds / PUBLISHING if forecast.seconds else 0.0


def _estimates(forecast: Forecast, lags: Mapping[int, int], seconds: float) -> Iterator[str]:
    todo, seen = sum(lags.values()), forecast.counts.read
    scale = max(1.0, todo / seen)
    mix = ", ".join(f"{name} {count / seen:.0%}" for name, count in forecast.versions.most_common(6))
    yield f"records   about {todo:,}: {mix}"
    yield f"rejects   {forecast.counts.dead_lettered:,} of {seen:,} in the sample"
    for (code, hop, path), count in forecast.rejects.most_common(5):
        yield f"          {count:,} × {' '.join(part for part in (code, hop, path) if part)}"
    written = size_text(forecast.written_bytes * scale)
    yield f"space     about {written} in the target, uncompressed, times its replicas"
    yield f"time      about {duration_text(seconds)} with one worker"


def _readers(cluster: Cluster, source: Topic) -> Iterator[ReaderLine]:
    for group in cluster.groups()[:LIMIT_GROUPS]:
        if group.startswith("instar."):
            continue
        try:
            committed = cluster.committed(group, source.name, range(source.partitions))
            if not committed:
                continue
            ends = cluster.end_offsets(source.name, committed)
            members = cluster.members(group)
        except KafkaTrouble:
            yield ReaderLine(group, 0, None)  # not ours to look into, so it counts as a reader
            continue
        lag = sum(max(0, ends[partition] - offset) for partition, (offset, _) in committed.items())
        yield ReaderLine(group, lag, None if members is None else len(members))


def _permissions(name: str, migration: Migration, cluster: Cluster, topics: Topics) -> Iterator[str]:
    inspection = Inspection(cluster.kafka)
    found = _found(cluster, topics)
    for line in permission_lines(name, migration, found, inspection, inspection.broker(), cluster.bootstrap):
        yield f"{line.status:<5} {line.message}"
        if line.remedy:
            yield f"      → {line.remedy}"


def _way_back(project: Project, name: str, migration: Migration) -> Iterator[str]:
    source, target = migration.source.topic, migration.target.topic
    if migration.in_place:
        yield (
            f"There is none: compaction removes the old records of {source} once they are rewritten. Before you begin, "
            f"keep them with `instar topic export {source} FOLDER`."
        )
        return
    yield (
        f"Until producers write {target}: stop the workers and delete {target}, {migration.dead_letter_topic} and the "
        f"groups instar.{name}.*; nothing in {source} was changed."
    )
    if migration.reverse is None:
        yield f'After that there is none: no reverse bridge writes {source}. Add reverse = {{ version = "v1" }}.'
        return
    back = label(migration.reverse.version)
    lost = sorted(
        {
            path
            for subject in project.subjects_of(migration)
            for version, hop in subject.hops.items()
            if migration.reverse.version <= version < migration.target.version
            for path in hop.lost_down
        }
    )
    carried = " (carried in a header, carry_lost)" if migration.reverse.carry_lost else ""
    without = f", without {', '.join(lost)}{carried}" if lost else ", with nothing lost"
    yield f"After that: the reverse bridge writes {source} at {back}{without}."
