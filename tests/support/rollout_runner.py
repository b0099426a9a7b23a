"""Runs the rollout's effects in the small world, with a place to be killed before and after each of its changes."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.support.rollout_world import PARTITIONS, World

from instar.core.rollout import effect as do
from instar.core.rollout.effect import Effect
from instar.rollout.ports import Context, Outcome

_DONE = Outcome("done")


class Killed(BaseException):
    """The coordinator's process ends here."""


class Ticker:
    """Counts the places between two changes, and kills at one of them."""

    def __init__(self, world: World, kill_at: int | None = None) -> None:
        self.world = world
        self.kill_at = kill_at
        self.count = 0

    def __call__(self) -> None:
        self.world.live()
        self.count += 1
        if self.kill_at is not None and self.count > self.kill_at:
            raise Killed(f"at {self.kill_at}")


class WorldRunner:
    """``lose_epoch_write``: the next epoch record is in flight and its answer lost. ``refuse``: effects that fail."""

    def __init__(self, world: World, tick: Callable[[], None]) -> None:
        self.world = world
        self.tick = tick
        self.lose_epoch_write = False
        self.refuse: dict[type[Effect], str] = {}
        self.stall: set[type[Effect]] = set()
        self.runs = 0

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        self.tick()
        world = self.world
        match effect:
            case do.CreateTopic(topic) | do.DeleteTopic(topic):
                return {"id": world.topics[topic].id if topic in world.topics else None}
            case do.HoldRetention(topic) | do.ReleaseRetention(topic):
                return {"settings": dict(world.topics[topic].settings)}
            case do.RegisterSchema(subject, version):
                return {"there": (subject, version) in world.schemas}
            case do.CommitStart(direction):
                return {"partitions": sorted(world.checkpoints[direction])}
            case do.StartBridge(direction) | do.StopBridge(direction) | do.PauseBridge(direction):
                return {"asked": world.bridges[direction], "paused": world.paused[direction]}
            case do.CloseEpoch():
                return dict(world.epoch)
            case do.AwaitProducers(topic=topic) | do.GrantWrite(topic):
                return {"permitted": sorted(world.permitted[topic]), "withdrawn": sorted(world.withdrawn[topic])}
            case do.TranslateGroup(group):
                return {"side": world.groups[group]}
            case do.LockTopic(topic):
                return {"locked": world.topics[topic].locked}
            case _:
                return {}

    def run(self, effect: Effect, context: Context) -> Outcome:
        self.runs += 1
        self.tick()
        if type(effect) in self.refuse:
            return Outcome("failed", message=self.refuse[type(effect)])
        if type(effect) in self.stall:
            return Outcome("waiting", message="not yet")
        outcome = self._run(effect, context)
        self.tick()
        return outcome

    def revert(self, effect: Effect, context: Context) -> Outcome:
        self.tick()
        self._revert(effect, context.before)
        self.tick()
        return _DONE

    def happened(self, effect: Effect, context: Context) -> bool | None:
        world = self.world
        self.tick()
        match effect:
            case do.WriteEpoch(epoch):
                world.fence = max(world.fence, context.token)
                world.in_flight = None
                return bool(world.epoch["epoch"] == epoch and world.epoch["state"] == "open")
            case do.DeleteTopic(topic):
                return topic not in world.topics
            case do.Undo():
                return None  # whether a part of it came about cannot be told
            case _:
                raise AssertionError(f"{effect} is not final")

    def _run(self, effect: Effect, context: Context) -> Outcome:
        world = self.world
        match effect:
            case do.CreateTopic(topic, _, settings):
                if topic not in world.topics:
                    world.make(topic, dict(settings))
            case do.HoldRetention(topic):
                world.topics[topic].settings["retention.ms"] = "-1"
            case do.ReleaseRetention(topic, settings):
                world.topics[topic].settings = dict(settings)
            case do.RegisterSchema(subject, version):
                world.schemas.add((subject, version))
            case do.CommitStart(direction, topic, at):
                for partition in range(PARTITIONS):
                    start = 0 if at == "beginning" else context.offsets["T"][partition]
                    world.checkpoints[direction].setdefault(partition, start)
                    self.tick()
            case do.StartBridge(direction):
                world.paused[direction] = False
                self.tick()
                world.bridges[direction] = "run"
            case do.StopBridge(direction):
                world.bridges[direction] = "stop"
            case do.PauseBridge(direction):
                world.paused[direction] = True
            case do.Notify(subject, _):
                world.messages[context.step_id] = subject
            case do.LockTopic(topic):
                world.topics[topic].locked = True
            case do.ArchiveTopic(topic, destination):
                world.archives[destination] = sum(world.ends(topic).values())
            case do.DeleteTopic(topic):
                if topic in world.topics and world.topics[topic].id == context.before["id"]:
                    del world.topics[topic]
            case do.Undo(of, before):
                self._revert(of, before)
            case do.TranslateGroup(group, to):
                world.carry("up" if to == "new" else "down")
                if not world.translate(group, to):
                    return Outcome("waiting", message=f"the bridge is not past {group}'s position")
            case _:
                return self._barrier(effect, context)
        return _DONE

    def _barrier(self, effect: Effect, context: Context) -> Outcome:
        world = self.world
        match effect:
            case do.CloseEpoch(epoch, _):
                world.fence = max(world.fence, context.token)
                world.epoch = {**world.epoch, "epoch": epoch, "state": "closing"}
            case do.AwaitProducers():
                return self._await_producers(effect)
            case do.RecordEnds(_, topic):
                return Outcome("done", {"offsets": {str(p): end for p, end in world.ends(topic).items()}})
            case do.DrainBridge(direction, topic, ends):
                bounds = context.offsets["B"] if ends == "B" else world.ends(topic)
                world.carry(direction)
                if any(world.checkpoints[direction][partition] < bound for partition, bound in bounds.items()):
                    return Outcome("waiting", message=f"{direction} is behind")
            case do.WriteEpoch(epoch, authority):
                if context.token < world.fence:
                    return Outcome("failed", message="fenced by a newer coordinator")
                record = {"epoch": epoch, "authority": authority, "state": "open"}
                if self.lose_epoch_write:
                    self.lose_epoch_write = False
                    world.in_flight = record
                    return Outcome("unknown", message="no answer in time")
                world.fence, world.in_flight, world.epoch = context.token, None, record
            case do.GrantWrite(topic):
                world.permitted[topic] |= world.withdrawn[topic]
                self.tick()
                world.withdrawn[topic] = set()
            case _:
                raise AssertionError(f"{effect} is none of a runner's")
        return _DONE

    def _await_producers(self, effect: do.AwaitProducers) -> Outcome:
        world = self.world
        world.live()
        stopped = set()
        for name in sorted(world.permitted[effect.topic]):
            producer = world.producers[name]
            if producer.acknowledged == effect.epoch or name in effect.waived:
                continue
            if not world.has_acls:
                return Outcome("failed", message=f"{name} neither acknowledges nor can be stopped", remedy="waive it")
            world.permitted[effect.topic].discard(name)
            world.withdrawn[effect.topic].add(name)
            stopped.add(name)
            self.tick()
        return Outcome("done", {"withdrawn": sorted(stopped)})

    def _revert(self, effect: Effect, before: Mapping[str, Any]) -> None:
        world = self.world
        match effect:
            case do.CreateTopic(topic):
                if before["id"] is None:
                    world.topics.pop(topic, None)
            case do.HoldRetention(topic) | do.ReleaseRetention(topic):
                if topic in world.topics:
                    world.topics[topic].settings = dict(before["settings"])
            case do.RegisterSchema(subject, version):
                if not before["there"]:
                    world.schemas.discard((subject, version))
            case do.CommitStart(direction):
                for partition in range(PARTITIONS):
                    if partition not in before["partitions"]:
                        world.checkpoints[direction].pop(partition, None)
                        self.tick()
            case do.StartBridge(direction) | do.StopBridge(direction) | do.PauseBridge(direction):
                world.bridges[direction], world.paused[direction] = before["asked"], before["paused"]
            case do.CloseEpoch():
                world.epoch = dict(before)
            case do.AwaitProducers(topic=topic) | do.GrantWrite(topic):
                world.permitted[topic] = set(before["permitted"])
                world.withdrawn[topic] = set(before["withdrawn"])
            case do.TranslateGroup(group):
                world.carry("up" if before["side"] == "new" else "down")
                assert world.translate(group, before["side"])
            case do.LockTopic(topic):
                world.topics[topic].locked = before["locked"]
            case do.WriteEpoch() | do.DeleteTopic() | do.Undo():
                raise AssertionError(f"{effect} is final: nobody may ask to undo it")
            case _:
                pass

    def arrive(self) -> None:
        """What was in flight reaches the broker, unless its writer was fenced meanwhile."""
        if self.world.in_flight is not None:
            self.world.epoch, self.world.in_flight = self.world.in_flight, None
