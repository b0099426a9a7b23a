"""What every effect on topics, settings, groups and a registry promises, on real servers: idempotent, undone, survived.

The same tests for each of them; what is particular to one is in its own module.
"""

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.support.effects import Trial, context, killed, plan
from tests.support.folders import TEXT, json_object

from instar.core.checkpoint import group_of
from instar.core.formats.json_schema import parse_json
from instar.core.rollout import effect as do
from instar.core.subject import Subject
from instar.kafka.access import Access
from instar.kafka.cluster import Cluster
from instar.kafka.topic_settings import given
from instar.project.lock import Lock, LockIds
from instar.registry.confluent import ConfluentRegistry
from instar.registry.identify import Identity
from instar.registry.port import Document
from instar.rollout.running.permissions import Locks
from instar.rollout.running.retention import Retention
from instar.rollout.running.schemas import Schemas, Version
from instar.rollout.running.starts import Lane, Starts
from instar.rollout.running.topics import CreateTopics
from realkafka.pytest_plugin import Kafka

pytestmark = pytest.mark.kafka

Make = Callable[[], Trial]

CASES = (
    "create",
    "hold",
    "hold-given",
    "release",
    "start",
    "start-beside-others",
    "start-at-T",
    "start-live-first",
    "lock",
    "register",
)


@pytest.fixture(params=CASES)
def make(request: pytest.FixtureRequest, kafka: Kafka, tmp_path: Path) -> Iterator[Make]:
    """Makes the effect's trial anew, in a world that no other has."""
    if request.param == "register":
        url = request.getfixturevalue("registry_url")
        opened: list[ConfluentRegistry] = []
        yield lambda: _register(url, tmp_path, opened)
        for registry in opened:
            registry.close()
    else:
        cluster = Cluster(kafka.client_config())
        yield lambda: _trial(request.param, cluster)


@pytest.fixture
def trial(make: Make) -> Trial:
    return make().begun()


def test_run_twice_leaves_what_running_once_leaves(trial: Trial) -> None:
    untouched = trial.world()
    trial.done()
    once = trial.world()
    assert once != untouched
    trial.done()
    assert trial.world() == once


def test_taking_the_picture_changes_nothing(make: Make) -> None:
    fresh = make()
    untouched = fresh.world()
    fresh.begun()
    assert fresh.world() == untouched


def test_undone_everything_is_as_it_was_before(trial: Trial) -> None:
    untouched = trial.world()
    done = trial.done()
    assert done.revert().kind == "done"
    assert trial.world() == untouched
    assert done.revert().kind == "done"
    assert trial.world() == untouched


def test_undoing_what_never_came_about_changes_nothing(trial: Trial) -> None:
    untouched = trial.world()
    assert trial.revert().kind == "done"
    assert trial.world() == untouched


def test_forward_back_and_forward_again_is_forward(trial: Trial) -> None:
    done = trial.done()
    once = trial.world()
    done.revert()
    trial.begun().done()
    assert trial.world() == once


def test_killed_anywhere_and_run_again_it_is_done(make: Make) -> None:
    for at in count():
        trial = make().begun()
        died = killed(trial.run, at)
        trial.done()
        finished = trial.world()
        trial.done()
        assert trial.world() == finished
        if not died:
            assert at, "there is no place where it could be killed"
            return


def test_killed_anywhere_and_undone_it_is_as_before(make: Make) -> None:
    for at in count():
        trial = make().begun()
        untouched = trial.world()
        died = killed(trial.run, at)
        assert trial.revert().kind == "done"
        assert trial.world() == untouched, f"killed at {at}"
        if not died:
            return


def test_killed_while_it_is_undone_undoing_is_finished(make: Make) -> None:
    for at in count():
        trial = make().begun()
        untouched = trial.world()
        done = trial.done()
        died = killed(done.revert, at)
        assert done.revert().kind == "done"
        assert trial.world() == untouched, f"killed at {at}"
        if not died:
            return


def _trial(case: str, cluster: Cluster) -> Trial:
    source, target = (f"{name}-{uuid4().hex[:8]}" for name in ("old", "new"))
    facts = context(plan(source, target, settings={"retention.ms": "604800000"}), offsets={"T": {0: 3, 1: 5}, "B": {}})
    topic = source if case.startswith("start") or case == "lock" else target
    if case != "create":
        own = {"retention.ms": "86400000", "max.message.bytes": "2000000", "cleanup.policy": "compact"}
        cluster.create(topic, 2, own if case == "hold-given" else {})

    def world() -> Any:
        found = cluster.find(topic)
        committed = {
            direction: cluster.committed(group_of(facts.migration, direction), topic, range(2)) if found else {}
            for direction in ("up", "down")
        }
        offsets = {direction: {n: offset for n, (offset, _) in each.items()} for direction, each in committed.items()}
        return found and found.id, found and given(cluster, topic), offsets

    match case:
        case "create":
            settings = {"cleanup.policy": "compact", "retention.ms": "604800000"}
            return Trial(
                lambda between: CreateTopics(cluster, between),
                do.CreateTopic(target, 2, settings),
                facts,
                _no_id(world),
            )
        case "hold" | "hold-given":
            return Trial(lambda between: Retention(cluster, between), do.HoldRetention(target), facts, world)
        case "release":
            held = Trial(lambda between: Retention(cluster, between), do.HoldRetention(target), facts, world)
            held.begun().done()
            effect = do.ReleaseRetention(target, {"retention.ms": "604800000", "cleanup.policy": "delete"})
            return Trial(lambda between: Retention(cluster, between), effect, facts, world)
        case "lock":
            access = Access(cluster.kafka)
            return Trial(lambda between: Locks(cluster, access, between), do.LockTopic(source), facts, world)
        case _:
            if case == "start-beside-others":
                cluster.commit(group_of(facts.migration, "up"), source, {0: (2, "")})
            mode: Any = "live-first" if case == "start-live-first" else "ordered"
            lanes = {direction: Lane(mode, (target,)) for direction in ("up", "down")}
            effect = (
                do.CommitStart("down", source, "T")
                if case == "start-at-T"
                else do.CommitStart("up", source, "beginning")
            )
            return Trial(lambda between: Starts(cluster, lanes, between), effect, facts, world)


def _no_id(world: Callable[[], Any]) -> Callable[[], Any]:
    """A topic that is made again has another id, and that is all right."""
    return lambda: world()[1:]


def _register(url: str, folder: Path, opened: list[ConfluentRegistry]) -> Trial:
    subject = f"people-{uuid4().hex[:8]}"
    text = json.dumps(json_object({subject: TEXT}))  # one of its own: a registry has one id for equal schemas
    document = Document("json", text)
    names = (f"{subject}.old-value", f"{subject}.new-value")

    def connected() -> ConfluentRegistry:
        opened.append(ConfluentRegistry({"url": url}))  # each anew: a client remembers what it has asked
        return opened[-1]

    def making(between: Callable[[], None]) -> Schemas:
        registry = connected()
        family = Subject(subject, "json", {1: parse_json(json.loads(text))})
        identity = Identity(registry, LockIds(folder, "real", Lock()), [family])
        return Schemas(registry, identity, lambda *_: Version(document, names), between)

    def world() -> Any:
        registry = connected()
        return {name: registry.id_of(name, document) for name in names}

    return Trial(making, do.RegisterSchema(subject, 1), context(plan(f"{subject}.old", f"{subject}.new")), world)
