"""Coordinators of the real thing that die between any two of their calls: to the cluster, and to the state.

One that dies leaves its clients open until the next one is done, as a process that stands still does. Its lease is
given back; to whoever comes next that is the same as one whose time is over, which is not waited for here.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from tests.support.projects import Shop, event, produce, write_shop
from tests.support.rolled_out import rollout, run

from instar.backfill.governing import Wish
from instar.cli.asking import wait_until_asked
from instar.cli.governing import govern
from instar.cli.runs import prepare
from instar.clock import now_ms
from instar.core import checkpoint
from instar.core.control import PAUSE, key
from instar.core.provenance import Direction
from instar.core.rollout.effect import Effect
from instar.core.rollout.event import (
    Abandon,
    Apply,
    Command,
    Lesson,
    LimitsSeen,
    LimitVerdict,
    Readers,
    Retire,
    Rollback,
    Switch,
)
from instar.core.rollout.storage import Document, Held, Noted
from instar.kafka.topic_settings import given
from instar.operations.effects import runner
from instar.operations.planning import make_plan
from instar.operations.rolling import Rolling, rolling
from instar.operations.rollout_planning import rollout_plan
from instar.processor.assemble import Options
from instar.processor.supervise import Slot, supervise
from instar.project.project import load_project
from instar.rollout.coordinator import Coordinator, Result
from instar.rollout.ports import Context, EffectRunner, Lease, Outcome, Store
from instar.rollout.running.control import RolloutControl

ACTOR, REASON, ARCHIVE = "ada", "the campaign", "kept"
CANARY, OTHER = "canary", "other"
BROKEN = LimitVerdict("error_rate", "breached", "pause", "9 of 100")
READ = 4  # how far the groups have read in each partition
BARRIER_S = 120.0


class Killed(BaseException):
    """The coordinator's process ends here."""


@dataclass
class Places:
    """Counts the places between two calls, and kills at one of them, counted from 0."""

    kill_at: int | None = None
    passed: int = 0

    def __call__(self) -> None:
        if self.passed == self.kill_at:
            raise Killed(f"at {self.kill_at}")
        self.passed += 1


@dataclass
class KilledRunner:
    """An ``EffectRunner`` with a place before each call. A step that is waited for is run over and over: one place."""

    real: EffectRunner
    place: Places
    _last: tuple[str, str] = ("", "")

    def before(self, effect: Effect, context: Context) -> Mapping[str, Any]:
        self._place("before", context)
        return self.real.before(effect, context)

    def run(self, effect: Effect, context: Context) -> Outcome:
        self._place("run", context)
        return self.real.run(effect, context)

    def revert(self, effect: Effect, context: Context) -> Outcome:
        self._place("revert", context)
        return self.real.revert(effect, context)

    def happened(self, effect: Effect, context: Context) -> bool | None:
        self._place("happened", context)
        return self.real.happened(effect, context)

    def _place(self, call: str, context: Context) -> None:
        if self._last != (call, context.step_id):
            self.place()
        self._last = (call, context.step_id)


@dataclass
class KilledStore:
    """A ``Store`` with a place before each write, which is after the call whose outcome it keeps."""

    real: Store
    place: Places

    def held(self, migration: str) -> Held:
        return self.real.held(migration)

    def lease(self, migration: str, owner: str) -> AbstractContextManager[Lease]:
        return self.real.lease(migration, owner)

    def write(self, migration: str, document: Document, noted: Noted, *, expected_revision: int, lease: Lease) -> int:
        self.place()
        return self.real.write(migration, document, noted, expected_revision=expected_revision, lease=lease)


@dataclass
class _Waiting:
    """The coordinator's clock, with short waits."""

    ended: threading.Event

    def now_ms(self) -> int:
        return now_ms()

    def sleep(self, seconds: float) -> None:
        self.ended.wait(min(seconds, 0.05))


@dataclass
class Site:
    """A migration of its own, with two groups that have read a part of the old topic, and workers in threads."""

    shop: Shop
    stack: ExitStack
    ended: threading.Event = field(default_factory=threading.Event)
    _dead: list[ExitStack] = field(default_factory=list)

    # ------------------------------------------------------------ people

    def act(self, transition: str, kill_at: int | None = None) -> tuple[Result | None, int]:
        """A command by a coordinator of its own: what became of it, None where it was killed, and the places passed."""
        places = Places(kill_at)
        stack = ExitStack()
        at, coordinator = stack.enter_context(self._operator(places))
        try:
            result = _acted(at, coordinator, transition)
        except Killed:
            self._dead.append(stack)
            return None, places.passed
        self._bury(stack)
        return result, places.passed

    def done(self, transition: str) -> int:
        """The command, to its end; how many places it passed."""
        result, passed = self.act(transition)
        assert result is not None
        assert result.kind in ("done", "nothing"), (transition, result)
        return passed

    def revert(self) -> Result:
        stack = ExitStack()
        _, coordinator = stack.enter_context(self._operator(Places()))
        result = coordinator.revert(self.shop.migration, actor=ACTOR, reason=REASON)
        self._bury(stack)
        return result

    def calm(self) -> None:
        """No limit is broken any more, and people let the bridges go on."""
        run(self.shop, "resume")
        with self._operator(Places()) as (at, coordinator):
            coordinator.observe(self.shop.migration, [LimitsSeen(at.now_ms(), ())])

    def lesson(self) -> None:
        with self._operator(Places()) as (_, coordinator):
            told = Lesson(ACTOR, REASON, REASON, REASON)
            assert coordinator.tell(self.shop.migration, told, actor=ACTOR).kind == "done"

    @contextmanager
    def _operator(self, places: Places) -> Iterator[tuple[Rolling, Coordinator]]:
        with (
            rolling(load_project(self.shop.root), self.shop.migration, actor=ACTOR) as at,
            runner(at.project, at.name, at.kafka, at.cluster) as real,
        ):
            yield (
                at,
                Coordinator(
                    KilledStore(at.state.rollouts, places),
                    KilledRunner(real, places),
                    at.keeper,
                    _Waiting(self.ended),
                    environment=at.project.environment_name,
                    owner=ACTOR,
                    wait=True,
                    barrier_s=BARRIER_S,
                ),
            )

    def _bury(self, stack: ExitStack) -> None:
        for each in (stack, *self._dead):
            each.close()
        self._dead.clear()

    # ------------------------------------------------------------ workers

    def work(self, direction: Direction) -> None:
        """A worker in a thread; the one back waits until it is asked for."""
        thread = threading.Thread(target=self._work, args=(direction,), name=f"{direction} worker", daemon=True)
        thread.start()
        self.stack.callback(thread.join, 60)
        self.stack.callback(self.ended.set)

    def _work(self, direction: Direction) -> None:
        project, name, cluster = load_project(self.shop.root), self.shop.migration, self.shop.cluster
        migration = project.settings.migrations[name]
        if direction == "up" or wait_until_asked(cluster, migration, name, direction, self.ended):
            options = Options(project.root, project.environment_name, name, direction, dict(self.shop.kafka))
            plan = prepare(project, options, cluster, recover=False).plan
            supervise([Slot(f"{direction}-0", lambda: plan, partial(govern, Wish()))], self.ended, lambda _: None)

    # ------------------------------------------------------------ the world

    def left(self) -> Mapping[str, Any]:
        """All that a rollout may change, without numbers that grow from try to try: epochs, tokens, times."""
        shop, cluster = self.shop, self.shop.cluster
        names = {"old": shop.old, "new": shop.new, "letters": shop.letters}
        found = {label: cluster.find(topic) for label, topic in names.items()}
        readers = {"up": shop.group("up"), "down": shop.group("down"), CANARY: self.groups[0], OTHER: self.groups[1]}
        offsets = {
            f"{reader} in {label}": {
                number: checkpoint.parse(offset, said).offset
                for number, (offset, said) in cluster.committed(group, names[label], range(shop.partitions)).items()
            }
            for reader, group in readers.items()
            for label in ("old", "new")
            if found[label] is not None
        }
        control = RolloutControl(cluster)
        standing = control.read(shop.migration)
        said = standing.said
        control.close()
        state = rollout(shop)
        # An open epoch 0 says what none says. It stays where a step was undone: its token fences older coordinators.
        record = said.epoch if said.epoch is not None and (said.epoch.epoch or said.epoch.state != "open") else None
        return {
            "topics": {
                label: None if topic is None else (topic.partitions, given(cluster, topic.name))
                for label, topic in found.items()
            },
            "offsets": offsets,
            "epoch": None if record is None else (record.authority, record.state, record.begun),
            "bridges": {direction: each.order for direction, each in said.bridges.items()},
            "groups": {group.rpartition("-")[2]: (each.order, each.side) for group, each in said.groups.items()},
            "pauses": [way for way in ("up", "down") if key(shop.migration, way, PAUSE) in standing.entries],
            "paused": state.paused,
            "archive": (shop.root / ARCHIVE / "manifest.json").exists(),
            "phase": state.phase,
            "authority": state.authority,
            "moved": len(state.moved),
            "underway": state.underway,
        }

    @property
    def groups(self) -> tuple[str, str]:
        return f"{self.shop.migration}-{CANARY}", f"{self.shop.migration}-{OTHER}"


@contextmanager
def site(kafka: Mapping[str, Any], root: Path, name: str) -> Iterator[Site]:
    """A draft: an old topic with 20 records, and the groups' offsets in it."""
    canary, other = f"{name}-{CANARY}", f"{name}-{OTHER}"
    moving = f'{{ groups = [{{ group = "{canary}", canary = true }}, {{ group = "{other}" }}] }}'
    shop = write_shop(root, name, kafka, rollout=moving)
    produce(shop.kafka, shop.old, [event(number, 1, number % shop.partitions) for number in range(20)])
    for group in (canary, other):
        shop.cluster.commit(group, shop.old, dict.fromkeys(range(shop.partitions), (READ, "")))
    with ExitStack() as stack:
        yield Site(shop, stack)


def verified(there: Site) -> Site:
    """Applied, carried and verified, with both workers at work or waiting to be."""
    there.done("apply")
    run(there.shop, "worker", "--until", "now")
    run(there.shop, "verify")
    run(there.shop, "guard", "--once")
    assert rollout(there.shop).phase.value == "verified"
    return there


@dataclass
class Tally:
    """What became of the kills of one transition."""

    transition: str
    finished: int = 0
    undone: int = 0
    past_return: int = 0

    def __str__(self) -> str:
        killed = self.finished + self.undone + self.past_return
        undone = f"{self.undone} undone, {self.past_return} past their return and finished"
        return f"{self.transition}: killed {killed} times, {self.finished} finished by the command, {undone}"


def killed_and_finished(there: Site, tally: Tally, at: int, expected: Mapping[str, Any]) -> None:
    """Killed at a place, then finished by the same command: it leaves what an unkilled run leaves."""
    result, _ = there.act(tally.transition, kill_at=at)
    assert result is None, f"{tally.transition} has no place {at}: {result}"
    there.done(tally.transition)
    assert there.left() == expected, f"{tally.transition} killed at {at}"
    tally.finished += 1


def killed_and_reverted(there: Site, tally: Tally, at: int, origin: Mapping[str, Any], done: Mapping[str, Any]) -> bool:
    """Killed at a place, then undone, where that is still possible; was it?"""
    result, _ = there.act(tally.transition, kill_at=at)
    assert result is None, f"{tally.transition} has no place {at}: {result}"
    begun = rollout(there.shop).underway
    if begun is None:  # it died before it was on record that it began
        assert there.left() == origin, f"{tally.transition} killed at {at}"
        return True
    told = there.revert()
    if told.kind == "refused":
        assert told.code in ("past-return", "in-doubt"), told
        there.done(tally.transition)
        assert there.left() == done, f"{tally.transition} killed at {at}"
        tally.past_return += 1
        return False
    assert told.kind == "undone", told
    kept = there.left()["archive"]  # an archive that was made is kept: nothing is lost by having it
    assert there.left() == {**origin, "archive": kept}, f"{tally.transition} killed at {at}"
    tally.undone += 1
    return True


def there_and_back(there: Site, every: int, first: int = 0) -> list[Tally]:
    """A switch and the way back, over and over, each killed at every ``every``-th place from ``first`` on."""
    switch, rollback = Tally("switch"), Tally("rollback")
    for _ in range(2):  # the first time orders are given that stand ever after
        places = there.done("switch")
        switched = there.left()
        back = there.done("rollback")
        there.lesson()
        origin = there.left()
    for at in range(first, max(places, back), every):
        if at < places:
            if not killed_and_reverted(there, switch, at, origin, switched):
                there.done("rollback")
                there.lesson()
            killed_and_finished(there, switch, at, switched)
        else:
            there.done("switch")
        if at < back:
            if not killed_and_reverted(there, rollback, at, switched, origin):
                there.lesson()
                there.done("switch")
            killed_and_finished(there, rollback, at, origin)
        else:
            there.done("rollback")
        there.lesson()
    return [switch, rollback]


def paused_and_resumed(there: Site, every: int, first: int = 0) -> list[Tally]:
    """After a switch: a limit that pauses both bridges, killed at every ``every``-th place, and people who resume."""
    pause = Tally("pause")
    there.calm()
    origin = there.left()
    places = there.done("pause")
    paused = there.left()
    assert (paused["pauses"], paused["paused"]) == (["up", "down"], True)
    there.calm()
    for at in range(first, places, every):
        assert killed_and_reverted(there, pause, at, origin, paused)
        killed_and_finished(there, pause, at, paused)
        there.calm()
        assert there.left() == origin
    return [pause]


Sites = Callable[[], AbstractContextManager[Site]]
"""Makes a new draft."""


def made_and_abandoned(sites: Sites, every: int, first: int = 0) -> list[Tally]:
    """An apply and an abandon, each killed at every ``every``-th place, on a new draft, since abandoning is final."""
    apply, abandon = Tally("apply"), Tally("abandon")
    with sites() as there:
        draft = there.left()
        to_apply = there.done("apply")
        applied = there.left()
        to_abandon = there.done("abandon")
        abandoned = there.left()
    for at in range(first, max(to_apply, to_abandon), every):
        with sites() as there:
            if at >= to_apply:
                there.done("apply")
            elif killed_and_reverted(there, apply, at, draft, applied):
                killed_and_finished(there, apply, at, applied)
            if at < to_abandon and killed_and_reverted(there, abandon, at, applied, abandoned):
                killed_and_finished(there, abandon, at, abandoned)
    return [apply, abandon]


def planned_anew_and_retired(sites: Sites, every: int, first: int = 0) -> list[Tally]:
    """After a switch: another plan, and the end of the old topic, killed at every ``every``-th place."""
    replan, retire = Tally("apply"), Tally("retire")

    def switched(there: Site) -> Site:
        verified(there)
        there.work("up")
        there.work("down")
        there.done("switch")
        hop = there.shop.root / "upcasters" / "parcels" / "v2_to_v3.py"
        hop.write_text(hop.read_text(encoding="utf-8").replace("WEB", "COUNTER"), encoding="utf-8")
        return there

    with sites() as there:
        switched(there)
        there.done("apply")
        replanned = there.left()
        places = there.done("retire")
        retired = there.left()
    for at in range(first, places, every):
        with sites() as there:
            killed_and_finished(switched(there), replan, 0, replanned)
            if killed_and_reverted(there, retire, at, replanned, retired):
                killed_and_finished(there, retire, at, retired)
    return [replace(replan, transition="replan"), retire]


def _acted(at: Rolling, coordinator: Coordinator, transition: str) -> Result:
    """What begins a transition or goes on with it: a command, and for a pause a guard that looks at limits."""
    if transition != "pause":
        return coordinator.command(at.name, _command(at, transition))
    if coordinator.state(at.name).underway is not None:
        return coordinator.resume(at.name)
    return coordinator.observe(at.name, [LimitsSeen(at.now_ms(), (BROKEN,))])


def _command(at: Rolling, transition: str) -> Command:
    circumstances: Callable[[], Any] = lambda: at.circumstances(transition, ())  # noqa: E731
    match transition:
        case "apply":
            plan = rollout_plan(at.project, at.name, at.kafka, make_plan(at.project, at.name, at.kafka))
            return Apply(ACTOR, REASON, at.circumstances("apply", (), plan), plan)
        case "switch":
            return Switch(ACTOR, REASON, circumstances())
        case "rollback":
            return Rollback(ACTOR, REASON, circumstances())
        case "retire":
            expires_ms = at.now_ms() + 600_000
            fingerprint = at.coordinator.state(at.name).fingerprint
            asked = at.state.approvals.ask(at.name, transition, fingerprint, ACTOR, REASON, expires_ms)
            at.state.approvals.approve(asked, "bob", REASON)
            return Retire(ACTOR, REASON, circumstances(), Readers("yes"), ARCHIVE)
        case "abandon":
            return Abandon(ACTOR, REASON, circumstances())
    raise AssertionError(transition)
