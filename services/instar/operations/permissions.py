"""What the cluster lets us do with a migration's topics, groups and transactional ids."""

from collections.abc import Iterator

from instar.core.control import TOPIC
from instar.kafka.errors import KafkaTrouble, NotAllowed, TopicMissing
from instar.kafka.inspection import Broker, Inspection
from instar.operations.diagnosis import (
    Line,
    Need,
    Topics,
    grant,
    moving_line,
    moving_needs_of,
    needs_of,
    permission_line,
)
from instar.processor.assemble import directions
from instar.project.migration import Migration


def permission_lines(
    name: str, migration: Migration, topics: Topics, inspection: Inspection, broker: Broker, bootstrap: str
) -> Iterator[Line]:
    """What a migration's workers, and who moves its rollout, may do with the cluster: asked of it, changing nothing."""
    section = f"migration {name}"
    if broker.cluster_id.startswith("mockCluster"):
        return
    if not broker.has_authorizer:
        yield Line(section, "ok", "the cluster has no authorizer: everything is allowed")
        return
    there = {topic.name for topic in (topics.source, topics.target, topics.dead_letters, topics.history) if topic}
    for need in needs_of(name, migration, directions(migration)):
        try:
            if need.kind == "topic" and need.name in there:
                yield permission_line(section, need, inspection.topic_operations(need.name), bootstrap)
            elif need.kind == "topic":
                yield _creation_line(section, need.name, broker, bootstrap)
            elif need.kind == "group":
                yield permission_line(section, need, inspection.group_operations(need.name), bootstrap)
            else:
                message = f"whether we may write transactional ids {need.name}.* cannot be asked without writing"
                yield Line(section, "warn", message, f"If in doubt: {grant(need, need.operations, bootstrap)}")
        except NotAllowed:
            yield permission_line(section, need, frozenset(), bootstrap)
        except KafkaTrouble as problem:
            yield Line(section, "fail", str(problem), problem.remedy)

    for need in moving_needs_of(name, migration):
        yield _moving_line(section, need, there, inspection, broker, bootstrap)


def _moving_line(
    section: str, need: Need, there: set[str], inspection: Inspection, broker: Broker, bootstrap: str
) -> Line:
    """Of a topic that is not there yet, and of transactional ids, nobody tells."""
    try:
        allowed: frozenset[str] | None = None
        if need.kind == "cluster":
            allowed = broker.operations
        elif need.kind == "group":
            allowed = inspection.group_operations(need.name)
        elif need.kind == "topic" and (need.name in there or need.name == TOPIC):
            allowed = inspection.topic_operations(need.name)
    except NotAllowed:
        allowed = frozenset()
    except TopicMissing:
        allowed = None
    except KafkaTrouble as problem:
        return Line(section, "warn", str(problem), problem.remedy)
    return moving_line(section, need, allowed, bootstrap)


def _creation_line(section: str, topic: str, broker: Broker, bootstrap: str) -> Line:
    if "CREATE" in (broker.operations or ()):
        return Line(section, "ok", f"may create topic {topic}")
    message = f"may not create topic {topic}"
    remedy = (
        f"Let somebody create it, or: kafka-acls --bootstrap-server {bootstrap} --add --allow-principal User:NAME "
        f"--operation Create --topic {topic}"
    )
    return Line(section, "warn", message, remedy)
