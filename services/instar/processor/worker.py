"""A worker: the loop of one slot, consume - transform - produce - commit, in one transaction (design section 8).

The order within a turn is what the guarantees rest on:

1. poll (rebalances happen here, and end the open transaction before partitions go); then, where the mode reads history
   apart, poll history, whose records are worked after those that came in live;
2. transform, in memory;
3. begin, if nothing is open; queue the outputs and the dead letters;
4. when the transaction is old or large enough, or the source is idle: flush, send offsets, commit.

The governor is asked before each poll. A worker that it holds back keeps polling, with every partition paused, so that
it stays in the group; its checkpoints say why it stands still.

After ``Aborted`` everything since the last commit is read again. After ``AmbiguousOutcome`` the producer is destroyed,
a new one with the same transactional id is initialised, and the committed offsets decide what to read. A failure inside
a rebalance replaces the consumer too.
"""

import threading
import time
from collections.abc import Callable, Sequence

import structlog

from instar.core.bridge import Bridge
from instar.core.dead_letter import dead_letter
from instar.core.record import Output, Record
from instar.core.throttle import Allowance
from instar.kafka import groups
from instar.kafka.config import SESSION_TIMEOUT_MS
from instar.kafka.errors import Aborted, AmbiguousOutcome, Fenced, KafkaTrouble, PlaceInDoubt, Refused, Unreachable
from instar.kafka.failpoints import Failpoints
from instar.kafka.writer import Writer
from instar.processor.governor import Governor, Ungoverned
from instar.processor.in_place import InPlace
from instar.processor.letter_log import LetterLog
from instar.processor.observer import Observer, Unobserved
from instar.processor.outcome import OVERTAKEN, count, halted
from instar.processor.pace import Pace
from instar.processor.past import Past
from instar.processor.patience import Patience
from instar.processor.plan import BridgePlan
from instar.processor.position import Position
from instar.processor.progress import Progress, Said, Totals
from instar.processor.reader import Reader
from instar.processor.source_watch import SourceWatch
from instar.processor.telling import teller_of

log = structlog.get_logger(__name__)

POLL_S = 0.2
LIVE_POLL_S = 0.01  # while there is something else to read meanwhile
PROGRESS_EVERY_S = 0.5
OTHERS_EVERY_S = 0.5
PLACE_CHECK_EVERY_S = 0.5
HOLD_FROM_S = 5.0  # a longer wait than this for the next record would near max.poll.interval.ms
SAY_EVERY_S = 5.0  # how often a held worker's checkpoints may be written for a changed reason alone


class Worker:
    """One slot of a migration's direction. ``instance`` is stable across restarts: it names slot and transactions."""

    def __init__(
        self,
        plan: BridgePlan,
        instance: str,
        *,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] = lambda _: None,
        failpoints: Failpoints | None = None,
        governor: Governor | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._plan = plan
        self._slot = f"instar.{plan.migration}.{plan.direction}.{instance}"
        self._stop = stop
        self._on_progress = on_progress
        self._failpoints = failpoints or Failpoints()
        self._governor = governor or Ungoverned()
        self._observer = observer or Unobserved()
        self._bridge: Bridge = plan.make_bridge()
        self._teller = teller_of(plan, self._bridge)
        self._into = plan.target.name  # what takes the outputs of the batch
        self._carry = self._observer.carrying(self._bridge, lambda _: self._into)
        self._polled_s = 0.0
        self._reader = Reader(plan, self._slot, self, self._failpoints)
        self._past = Past(plan) if plan.mode in ("live-first", "segregated") else None
        self._in_place = InPlace(plan) if plan.mode == "in-place" else None
        self._writer = Writer(plan.kafka, plan.written, self._slot, self._failpoints)
        self._totals = Totals()
        self._pace = Pace(plan.limits.batch_records, plan.limits.batch_bytes)
        self._patience = Patience()
        self._held = 0  # records that are not committed
        self._held_since_s = 0.0
        self._allowance = Allowance()
        self._said = Said()
        self._halt: KafkaTrouble | None = None  # to be raised once what precedes it is committed
        self._idle = False
        self._next_progress_s = 0.0
        self._next_others_s = 0.0
        self._log = log.bind(migration=plan.migration, direction=plan.direction, slot=self._slot)
        self._letter_log = LetterLog(self._log)
        self._source = SourceWatch(plan, self._log, time.monotonic())

    def run(self) -> None:
        """Work until stopped, or until the plan's bounds are reached.

        Raises ``KafkaTrouble`` when an operator must act; everything committed before that stays right.
        """
        needs_producer = needs_consumer = True
        try:
            while not self._finished():
                try:
                    if needs_producer:
                        if self._writer.outlived:
                            raise PlaceInDoubt("a transaction outlived its timeout")
                        self._writer.replace()
                        if needs_consumer:
                            self._reader.open()
                        else:
                            self._reader.reload()
                        self._forget_held()
                        needs_producer = needs_consumer = False
                    self._turn()
                except Refused:
                    # A checkpoint that is missing or does not fit is often of a topic that changed: then say that.
                    if not self._plan.built_in:
                        self._source.check()
                    raise
                except Aborted as reason:
                    self._log.warning("transaction aborted, reading again", reason=str(reason))
                    self._give_up_after(self._patience.failed(time.monotonic(), self._totals.transactions), str(reason))
                    self._observer.aborted(str(reason))
                    needs_producer = not self._roll_back()
                    self._stop.wait(self._patience.wait_s)
                except AmbiguousOutcome as reason:
                    self._give_up_after(self._patience.failed(time.monotonic(), self._totals.transactions), str(reason))
                    self._log.warning("outcome unknown, starting a new producer", reason=str(reason))
                    self._totals.recoveries += 1
                    self._observer.aborted(str(reason))
                    in_doubt = self._writer.outlived or isinstance(reason, PlaceInDoubt)
                    self._abandon_clients()
                    if in_doubt:
                        self._wait_for_place()
                    needs_producer = needs_consumer = True
                    self._stop.wait(self._patience.wait_s)
            if not needs_producer:  # else what is open can neither be committed nor is it known what it holds
                self._finish()
        finally:
            self._abort_quietly()
            self._writer.discard()
            self._close_readers()
            self._governor.close()
            self._report(force=True)
            self._teller.close()
            self._observer.close()

    # ------------------------------------------------------------------ one turn

    def _turn(self) -> None:
        self._polled_s = time.monotonic()
        records = self._read()
        if records:
            self._failpoints.hit("polled", in_transaction=self._writer.open)
            self._process(records, self._plan.target.name)
        elif self._idle:
            for position in self._reader.positions.values():
                position.take_end()
        if self._past is not None and self._halt is None:
            self._follow_history(self._past, len(records))
        if self._idle:
            self._watch()
        said = self._to_say()
        if said is not None:
            self._commit(list(self._reader.positions.values()))
            self._said = said
        elif self._due():
            self._commit()
        self._report()
        if self._halt is not None:
            raise self._halt

    def _read(self) -> list[Record]:
        """What the governor lets through. The source is idle when nothing came though something might have."""
        allowance = self._allowance = self._governor.allow(self._reader.positions)
        holds = allowance.hold or allowance.wait_s > HOLD_FROM_S
        self._reader.hold(holds or not self._may_read())
        self._idle = False
        if allowance.records == 0 and not holds:
            self._stop.wait(min(allowance.wait_s, POLL_S))
            return []
        wanted = self._pace.batch_records
        if allowance.records:
            wanted = min(wanted, allowance.records)
        wait_s = self._plan.limits.idle_ms / 1000 if self._held else POLL_S
        learning = self._in_place is not None and not self._in_place.ready
        if learning or (self._past is not None and self._past.behind and not holds):
            wait_s = LIVE_POLL_S
        records = self._reader.poll(wanted, wait_s)
        self._idle = not records
        return records

    def _may_read(self) -> bool:
        """Does the mode let the source be read now? A worker that may not stays in its group meanwhile."""
        if self._in_place is not None:
            self._in_place.follow((self._reader.assignments, self._reader.loads), self._reader.positions)
            self._in_place.learn(self._plan.limits.idle_ms / 1000)
            return self._in_place.ready
        return self._past is None or not self._past.full

    def _follow_history(self, past: Past, live_records: int) -> None:
        """Carry some history behind the live records of this turn, within the same allowance."""
        past.follow((self._reader.assignments, self._reader.loads), self._reader.positions)
        allowance = self._allowance
        if not past.behind or allowance.hold or allowance.wait_s > HOLD_FROM_S:
            return
        wanted = self._pace.batch_records
        if allowance.records is not None:
            wanted = min(wanted, allowance.records - live_records)
        if wanted <= 0:
            return
        self._polled_s = time.monotonic()
        records = past.poll(wanted, 0.0 if live_records else self._plan.limits.idle_ms / 1000)
        if records:
            self._idle = False
            self._failpoints.hit("polled", in_transaction=self._writer.open)
            assert self._plan.history is not None  # noqa: S101 - these modes have one
            self._process(records, self._plan.history.name, past=True)
        else:
            for position in self._reader.positions.values():
                position.take_past_end()

    def _process(self, records: list[Record], target: str, *, past: bool = False) -> None:
        """``target`` takes what the records become. ``past``: they are history's, and live may have overtaken them."""
        plan, positions, carry = self._plan, self._reader.positions, self._carry
        in_place, teller, tells = self._in_place, self._teller, plan.telling is not None
        teller.begin()
        self._bridge.forget_rejected_routes()
        self._into = target
        self._observer.polled(records, self._polled_s)
        outputs: dict[tuple[str, int], list[Output]] = {}
        done = size_bytes = 0
        began_s = time.monotonic()
        for record in records:
            position = positions[record.partition]
            keys = position.keys
            if in_place is not None:
                overtaken = in_place.overtaken(record)
            else:
                overtaken = past and keys is not None and record.key in keys
            carried = OVERTAKEN if overtaken else carry(record, position.stamp)
            if carried.rejected is not None:
                if plan.stop_on_error:
                    self._halt = halted(record, carried.rejected)
                    break
                self._letter_log.take(record, carried.rejected)
                letter = dead_letter(record, plan.source.id, carried.rejected, plan.migration, plan.direction)
                outputs.setdefault((plan.dead_letters.name, record.partition), []).append(letter)
            elif carried.outputs:
                outputs.setdefault((target, record.partition), []).extend(carried.outputs)
                if keys is not None and not past and record.key is not None:
                    keys.publish(record.key)
            count(position, carried)
            if tells:
                teller.take(record)
            size = len(record.value or b"") + len(record.key or b"")
            position.size_bytes += size
            size_bytes += size
            if past:
                position.past = record.offset + 1
            else:
                position.next = record.offset + 1
            done += 1
        self._observer.transformed(size_bytes, outputs)
        self._governor.took(done, size_bytes)
        self._pace.observe(len(records), size_bytes, time.monotonic() - began_s)
        self._failpoints.hit("transformed", in_transaction=self._writer.open)
        if outputs:
            self._writer.begin()
            for (topic, partition), some in outputs.items():
                self._writer.produce(topic, partition, some)
            self._failpoints.hit("produced", in_transaction=True)
        if not self._held:
            self._held_since_s = began_s
        self._held += done

    def _due(self) -> bool:
        limits = self._plan.limits
        if self._halt is not None or self._held >= limits.transaction_records:
            return True
        # Records that became nothing open no transaction, and still must not wait for long.
        held_for_s = time.monotonic() - self._held_since_s if self._held else 0.0
        if max(self._writer.open_for_s, held_for_s) * 1000 >= limits.transaction_ms:
            return True
        return self._idle and any(position.moved for position in self._reader.positions.values())

    def _to_say(self) -> Said | None:
        """What the checkpoints must be written for alone: a hold that began or ended, or to keep them from expiring."""
        said, allowance, now_s = self._said, self._allowance, time.monotonic()
        if not self._reader.positions:
            return None
        key = (allowance.hold, self._reader.assignments)
        if key == said.key or not (allowance.hold or said.key[0]):
            due_s = self._plan.limits.recommit_s if allowance.reason == said.reason else SAY_EVERY_S
            if not allowance.hold or now_s - said.at_s < due_s:
                return None
        return Said(key, allowance.reason, now_s)

    def _commit(self, positions: Sequence[Position] | None = None) -> None:
        """Commit the positions, those that moved when none are given."""
        moved = positions or [position for position in self._reader.positions.values() if position.moved]
        if not moved:
            return
        self._writer.begin()
        if self._in_place is not None:
            self._writer.flush()
            self._in_place.before_commit()
        offsets = self._reader.offsets(moved, self._why_slow)
        began_s = time.monotonic()
        self._writer.commit(offsets, self._reader.group_metadata)
        took_s = time.monotonic() - began_s
        self._governor.committed(took_s)
        if self._plan.built_in:
            self._reader.commit_plainly(offsets)
        before = self._totals.committed
        for position in moved:
            self._totals.committed = self._totals.committed.plus(position.counts.minus(position.committed_counts))
            position.confirm()
        self._teller.confirm()
        partitions = [position.partition for position in moved]
        self._observer.committed(self._totals.committed.minus(before), partitions, began_s, took_s)
        self._held = 0
        self._totals.transactions += 1

    @property
    def _why_slow(self) -> str:
        if self._allowance.reason or self._past is None or not self._past.full:
            return self._allowance.reason
        return "live waits for history: what it has published takes all the memory that it may"

    # ------------------------------------------------------------------ when it does not go straight

    @property
    def in_transaction(self) -> bool:
        return self._writer.open

    def before_revoke(self) -> None:
        """Partitions are about to go: commit what is open, so that the next owner need not repeat it."""
        try:
            self._commit()
        except Aborted as reason:
            self._observer.aborted(str(reason))
            self._writer.abort()
        self._forget_held()

    def after_loss(self) -> None:
        """Partitions are gone: another may have read them already, so nothing of ours may become visible."""
        self._observer.aborted("the partitions were lost to another member")
        self._writer.abort()
        self._forget_held()

    def before_reading(self, partitions: Sequence[int]) -> None:
        """Somebody may read these partitions outside the group; the governor knows, and shuts them out."""
        self._governor.before_reading(partitions)

    def _roll_back(self) -> bool:
        """Abort and read again. False: the abort itself did not go through, a new producer is needed."""
        self._forget_held()
        try:
            self._writer.abort()
            for position in self._reader.positions.values():
                position.roll_back()
            self._reader.rewind()
            if self._past is not None:
                self._past.rewind()
        except (Aborted, AmbiguousOutcome) as reason:
            self._log.warning("abort did not go through", reason=str(reason))
            return False
        return True

    def _abort_quietly(self) -> None:
        """On the way out: an open transaction would hold readers back until it times out."""
        try:
            self._writer.abort()
        except (Aborted, AmbiguousOutcome, KafkaTrouble) as reason:
            self._log.warning("the open transaction is left to its timeout", reason=str(reason))

    def _forget_held(self) -> None:
        """Nothing of what is not committed will be: it is read again, here or elsewhere."""
        self._held = 0
        self._teller.roll_back()

    def _abandon_clients(self) -> None:
        self._forget_held()
        self._writer.discard()
        self._close_readers()

    def _close_readers(self) -> None:
        self._reader.close()
        if self._past is not None:
            self._past.close()
        if self._in_place is not None:
            self._in_place.close()

    def _wait_for_place(self) -> None:
        """Wait until the group has no member of this slot's name: then nobody took it while this worker stood still.

        A new producer would fence a twin, so this comes first. The member that this worker was itself, and one that
        a lost answer left behind, is gone when its session times out; a twin stays. Raises ``Fenced`` then.
        """
        if self._plan.built_in or self._plan.assigned is not None:
            return
        limit_s = 1.5 * int(self._plan.kafka.get("session.timeout.ms", SESSION_TIMEOUT_MS)) / 1000
        began_s = time.monotonic()
        held_since_s: float | None = None
        while not self._stop.wait(PLACE_CHECK_EVERY_S):
            now_s = time.monotonic()
            try:
                held = self._slot in groups.instances(self._plan.kafka, self._plan.group)
            except Unreachable as reason:
                held_since_s = None
                self._give_up_after(now_s - began_s, str(reason))
                continue
            if not held:
                return
            held_since_s = held_since_s or now_s
            if now_s - held_since_s > limit_s:
                raise Fenced(
                    f"Worker {self._slot} was fenced: another worker joined {self._plan.group} under the same name. "
                    "This one has written nothing since.",
                    "Give every machine's workers their own --instance name.",
                )

    def _give_up_after(self, failing_for_s: float, reason: str) -> None:
        if failing_for_s > self._plan.limits.patience_s:
            raise Unreachable(
                f"Nothing could be committed for {failing_for_s:.0f} s: {reason}. The checkpoint is saved.",
                "Start the worker again when that is mended; it goes on where it stood.",
            )

    def _watch(self) -> None:
        """While idle: is the source still the topic that it was, and is the cluster there at all?"""
        if self._reader.all_brokers_down:
            raise AmbiguousOutcome("no broker is reachable")
        # While we are held it is us who hold records back, and nobody's transaction.
        read = () if self._allowance.hold else self._reader.positions.values()
        try:
            self._source.look(read, time.monotonic())
        except Unreachable as reason:  # waited for, like any other outage
            raise AmbiguousOutcome(str(reason)) from reason

    # ------------------------------------------------------------------ the end

    def _finished(self) -> bool:
        """Stopped, or at the bounds: a partition is done when its committed offset is at or past its bound.

        Partitions of other members count as well: were one of them to die, this worker would be needed.
        """
        if self._stop.is_set():
            return True
        ended = self._governor.ended
        if ended:
            self._log.info("ending with the checkpoint saved", why=ended)
            return True
        bounds = self._plan.bounds
        if bounds is None:
            return False
        positions = self._reader.positions
        if not all(position.done(bounds[position.partition]) for position in positions.values()):
            return False
        rest = [partition for partition in bounds if partition not in positions]
        if not rest:
            return True
        now_s = time.monotonic()
        if now_s < self._next_others_s:
            return False
        self._next_others_s = now_s + OTHERS_EVERY_S
        try:
            others = self._reader.committed_by_others()
        except AmbiguousOutcome:
            return False
        return all(others.get(partition, -1) >= bounds[partition] for partition in rest)

    def _finish(self) -> None:
        """Commit what is open. Failing that, it is read again by whoever starts next: nothing is lost."""
        try:
            self._commit()
            self._observer.stands(self._reader.lags, self._allowance.cause)
        except (Aborted, AmbiguousOutcome) as reason:
            self._log.warning("stopped before the last transaction was committed", reason=str(reason))

    def _report(self, *, force: bool = False) -> None:
        now_s = time.monotonic()
        if not force and now_s < self._next_progress_s:
            return
        self._next_progress_s = now_s + PROGRESS_EVERY_S
        self._teller.tell_when_due()
        if not force:
            self._observer.stands(self._reader.lags, self._allowance.cause)
        offsets = {position.partition: position.committed for position in self._reader.positions.values()}
        self._on_progress(
            Progress(self._slot, self._totals.committed, offsets, self._totals.transactions, self._totals.recoveries)
        )
