"""Running the slots of a migration: in this process when there is one, else a process each.

A slot that dies is started again: its transactional id and group instance stay, so the new one ends what the old one
left open and goes on at the committed offset. A slot that stops with a reason an operator must act on stops all.
"""

import contextlib
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import structlog

from instar.core.checkpoint import Counts
from instar.kafka.errors import KafkaTrouble
from instar.kafka.failpoints import Failpoints
from instar.processor.cycles import seldom_looked_for
from instar.processor.governor import Governor, Ungoverned
from instar.processor.observer import Observer, Unobserved
from instar.processor.plan import BridgePlan
from instar.processor.progress import Progress
from instar.processor.worker import Worker

log = structlog.get_logger(__name__)

RESTARTS_WITHIN_S = 60.0
RESTARTS_ALLOWED = 5
STOP_TIMEOUT_S = 60.0


def ungoverned(_plan: BridgePlan) -> Governor:
    return Ungoverned()


def unobserved(_plan: BridgePlan) -> Observer:
    return Unobserved()


def unprepared() -> None: ...


@dataclass(frozen=True, slots=True)
class Slot:
    """A worker to run. ``assemble`` makes its plan, ``govern`` its governor and ``observe`` its observer, in the
    worker's own process; ``begin`` is called first where that is a new one. So all must be picklable."""

    instance: str
    assemble: Callable[[], BridgePlan]
    govern: Callable[[BridgePlan], Governor] = field(default=ungoverned)
    observe: Callable[[BridgePlan], Observer] = field(default=unobserved)
    begin: Callable[[], None] = field(default=unprepared)


@dataclass(slots=True)
class Tally:
    """What all slots have committed since they started, restarts included."""

    _now: dict[str, Progress] = field(default_factory=dict)
    _gone: Counts = field(default_factory=Counts)
    restarts: int = 0

    def take(self, progress: Progress) -> None:
        self._now[progress.slot] = progress

    def restarted(self, slot_name: str) -> None:
        last = self._now.pop(slot_name, None)
        self.restarts += 1
        if last is not None:
            self._gone = self._gone.plus(last.counts)

    @property
    def counts(self) -> Counts:
        total = self._gone
        for progress in self._now.values():
            total = total.plus(progress.counts)
        return total

    @property
    def transactions(self) -> int:
        return sum(progress.transactions for progress in self._now.values())


def supervise(
    slots: Sequence[Slot], stop: threading.Event, on_tally: Callable[[Tally], None], *, at_once: int | None = None
) -> Tally:
    """Run the slots until all are done or ``stop`` is set. Raises the ``KafkaTrouble`` of the first that has one.

    ``at_once`` is how many run at a time, where they do not share partitions; the others follow as these end.
    """
    tally = Tally()
    if len(slots) == 1:

        def report(progress: Progress) -> None:
            tally.take(progress)
            on_tally(tally)

        _run(slots[0], stop, report)
        return tally
    _Processes(slots, stop, tally, on_tally, at_once or len(slots)).run()
    return tally


def _run(slot: Slot, stop: threading.Event, report: Callable[[Progress], None]) -> None:
    plan = slot.assemble()
    failpoints = Failpoints.from_environment()
    governor = slot.govern(plan)
    worker = Worker(
        plan,
        slot.instance,
        stop=stop,
        on_progress=report,
        failpoints=failpoints,
        governor=governor,
        observer=slot.observe(plan),
    )
    with seldom_looked_for():
        worker.run()


@dataclass(slots=True)
class _Child:
    slot: Slot
    process: BaseProcess
    pipe: Connection
    name: str = ""
    started_s: list[float] = field(default_factory=list)
    finished: bool = False


class _Processes:
    def __init__(
        self,
        slots: Sequence[Slot],
        stop: threading.Event,
        tally: Tally,
        on_tally: Callable[[Tally], None],
        at_once: int,
    ) -> None:
        # Spawn, not fork: librdkafka's threads do not survive a fork.
        self._context = multiprocessing.get_context("spawn")
        self._stop = stop
        self._tally = tally
        self._on_tally = on_tally
        self._trouble: KafkaTrouble | None = None
        self._waiting = list(slots[at_once:])
        self._children = [self._start(slot, []) for slot in slots[:at_once]]

    def run(self) -> None:
        try:
            while not self._stop.is_set() and self._trouble is None and self._running:
                self._listen(0.25)
        finally:
            self._stop_all()
        if self._trouble is not None:
            raise self._trouble

    @property
    def _running(self) -> list[_Child]:
        return [child for child in self._children if not child.finished]

    def _start(self, slot: Slot, started_s: list[float]) -> _Child:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_child_main, args=(slot, there), name=f"instar {slot.instance}")
        process.start()
        there.close()
        return _Child(slot, process, here, started_s=[*started_s, time.monotonic()])

    def _listen(self, timeout_s: float) -> None:
        running = self._running
        for ready in wait([child.pipe for child in running], timeout_s):
            child = next(one for one in running if one.pipe is ready)
            try:
                said: Any = child.pipe.recv()
            except EOFError:
                self._ended(child)
                continue
            if isinstance(said, Progress):
                child.name = said.slot
                self._tally.take(said)
                self._on_tally(self._tally)
            elif isinstance(said, KafkaTrouble):
                self._trouble = self._trouble or said

    def _ended(self, child: _Child) -> None:
        child.process.join()
        child.pipe.close()
        child.finished = True
        code = child.process.exitcode
        if code == 0 or self._stop.is_set() or self._trouble is not None:
            if self._waiting and not self._stop.is_set() and self._trouble is None:
                self._children.append(self._start(self._waiting.pop(0), []))
            return
        now_s = time.monotonic()
        recent = [at_s for at_s in child.started_s if now_s - at_s < RESTARTS_WITHIN_S]
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        if len(recent) > RESTARTS_ALLOWED:
            self._trouble = KafkaTrouble(
                f"Worker {child.slot.instance} died {len(recent)} times in {RESTARTS_WITHIN_S:.0f} s, last by {how}.",
                "Its log above says why. The checkpoint is saved; start the workers again when it is mended.",
            )
            return
        log.warning("worker died, starting it again", worker=child.slot.instance, how=how)
        self._tally.restarted(child.name)
        self._children[self._children.index(child)] = self._start(child.slot, recent)

    def _stop_all(self) -> None:
        """Let every child commit what it holds; kill what does not end in time."""
        for child in self._running:
            if child.process.is_alive():
                child.process.terminate()
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while self._running and time.monotonic() < deadline_s:
            self._stop.set()
            self._listen(0.25)
        for child in self._running:
            child.process.kill()
            child.process.join()


def _child_main(slot: Slot, pipe: Connection) -> None:
    """A slot's process. Ends on SIGTERM, and when its parent is gone (the pipe's other end closes)."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the whole group; the parent decides

    def end_with_parent() -> None:
        with contextlib.suppress(EOFError, OSError):
            pipe.recv()
        stop.set()

    threading.Thread(target=end_with_parent, daemon=True).start()

    def report(progress: Progress) -> None:
        with contextlib.suppress(BrokenPipeError):  # the parent is gone; stop follows
            pipe.send(progress)

    try:
        slot.begin()
        _run(slot, stop, report)
    except KafkaTrouble as trouble:
        with contextlib.suppress(BrokenPipeError):
            pipe.send(trouble)
    finally:
        pipe.close()
