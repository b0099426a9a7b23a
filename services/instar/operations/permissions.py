"""What the cluster lets us do with a migration's topics, groups and transactional ids."""

from collections.abc import Iterator

from instar.kafka.errors import KafkaTrouble, NotAllowed
from instar.kafka.inspection import Broker, Inspection
from instar.operations.diagnosis import Line, Topics, grant, needs_of, permission_line
from instar.processor.assemble import directions
from instar.project.migration import Migration


def permission_lines(
    name: str, migration: Migration, topics: Topics, inspection: Inspection, broker: Broker, bootstrap: str
) -> Iterator[Line]:
    """What a migration's workers may do with the cluster: asked of it, changing nothing."""
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


def _creation_line(section: str, topic: str, broker: Broker, bootstrap: str) -> Line:
    if "CREATE" in (broker.operations or ()):
        return Line(section, "ok", f"may create topic {topic}")
    message = f"may not create topic {topic}"
    remedy = (
        f"Let somebody create it, or: kafka-acls --bootstrap-server {bootstrap} --add --allow-principal User:NAME "
        f"--operation Create --topic {topic}"
    )
    return Line(section, "warn", message, remedy)
