"""Runners of one migration on a real Kafka, as the processes of coordinators have them, one beside the other."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from instar.core.control import TOPIC
from instar.core.rollout import effect as do
from instar.core.rollout.control_messages import Message, Said, key_of, said_of, value_of
from instar.core.rollout.effect import EFFECTS, OWN, Effect, Undo
from instar.core.rollout.phase import Side
from instar.core.rollout.plan import Plan
from instar.kafka.cluster import Cluster
from instar.kafka.entries import read_entries, write_entries
from instar.kafka.failpoints import Failpoints
from instar.rollout.ports import Context, Outcome
from instar.rollout.running.bridges import BridgeHandler
from instar.rollout.running.control import RolloutControl
from instar.rollout.running.drain import DrainBridgeHandler
from instar.rollout.running.ends import RecordEndsHandler
from instar.rollout.running.epoch import CloseEpochHandler, WriteEpochHandler
from instar.rollout.running.groups import TranslateGroupHandler, Translator
from instar.rollout.running.handler import Handler
from instar.rollout.running.producers import AwaitProducersHandler, Permissions
from instar.rollout.running.reversible import Reversible
from instar.rollout.running.runner import Runner


class NotOfTheBarrier(Reversible):
    """Stands for the handlers of other effects; none of these may be reached."""

    def run(self, effect: Effect, context: Context) -> Outcome:
        raise AssertionError(f"{effect} is none of the barrier's")


@dataclass
class MadeUpPermissions:
    """Those of a cluster whose rules we make up. ``allowed`` None: it has no authorizer."""

    allowed: set[str] | None = None
    withdrawn: set[str] = field(default_factory=set)

    def known(self, topic: str) -> bool:
        return self.allowed is not None

    def writers(self, topic: str) -> Collection[str]:
        return sorted((self.allowed or set()) - self.withdrawn)

    def picture(self, topic: str) -> Mapping[str, Any]:
        return {"withdrawn": sorted(self.withdrawn)}

    def withdraw(self, topic: str, principals: Collection[str]) -> None:
        assert self.allowed is not None
        self.withdrawn.update(principals)

    def restore(self, topic: str, picture: Mapping[str, Any]) -> None:
        self.withdrawn = set(picture["withdrawn"])


def nothing_to_translate(migration: str, group: str, to: Side, switched: Mapping[int, int] | None) -> Outcome:
    return Outcome("done", {"to": to})


class Ticking:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Barrier:
    """The parts of a runner, for one coordinator process."""

    cluster: Cluster
    control: RolloutControl
    runner: Runner
    clock: Ticking
    permissions: Permissions


@dataclass
class Stage:
    """A migration between two topics, and what the rollout knows of it."""

    kafka: Mapping[str, Any]
    migration: str
    source: str
    target: str
    partitions: int = 2
    offsets: dict[str, Mapping[int, int]] = field(default_factory=dict)

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.kafka)

    def context(self, token: int = 1, **more: Any) -> Context:
        plan = Plan(self.migration, "f" * 64, self.source, self.target, self.partitions, "transforming", False, True)
        made = Context(self.migration, "test", plan, "ada", "a new format", token, 1, "step/1", offsets=self.offsets)
        return replace(made, **more)

    def said(self) -> Said:
        return said_of(self.migration, self.entries())

    def entries(self) -> dict[str, bytes]:
        return read_entries(self.cluster, TOPIC)

    def say(self, *messages: Message) -> None:
        """As programs say it: without a transaction."""
        entries = {key_of(self.migration, message): value_of(message) for message in messages}
        write_entries(self.cluster, TOPIC, entries)

    @contextmanager
    def coordinator(
        self,
        *,
        failpoint: str = "",
        permissions: Permissions | None = None,
        translate: Translator = nothing_to_translate,
    ) -> Iterator[Barrier]:
        """A coordinator's process, to its end."""
        cluster, clock, allowed = self.cluster, Ticking(), permissions or MadeUpPermissions()
        control = RolloutControl(cluster, Failpoints(failpoint))
        bridges = BridgeHandler(cluster, control)
        handlers: dict[type[Effect], Handler] = {
            each: NotOfTheBarrier() for each in EFFECTS if each not in (*OWN, Undo)
        }
        handlers |= {
            do.CloseEpoch: CloseEpochHandler(control),
            do.WriteEpoch: WriteEpochHandler(control),
            do.AwaitProducers: AwaitProducersHandler(cluster, control, allowed, monotonic_s=clock),
            do.RecordEnds: RecordEndsHandler(cluster),
            do.DrainBridge: DrainBridgeHandler(cluster),
            do.StartBridge: bridges,
            do.StopBridge: bridges,
            do.PauseBridge: bridges,
            do.TranslateGroup: TranslateGroupHandler(cluster, control, translate),
        }
        try:
            yield Barrier(cluster, control, Runner(handlers), clock, allowed)
        finally:
            control.close()


def make_stage(kafka: Mapping[str, Any], name: str, partitions: int = 2) -> Stage:
    """The migration's two topics are made."""
    stage = Stage(kafka, name, f"{name}.old", f"{name}.new", partitions)
    for topic in (stage.source, stage.target):
        stage.cluster.create(topic, partitions, {"retention.ms": "-1"})
    return stage
