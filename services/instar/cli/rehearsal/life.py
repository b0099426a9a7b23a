"""The life that is rehearsed: apply, replay, verify, switch, back and forward again, with a producer and readers."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from instar.backfill.governing import Wish
from instar.cli.asking import wait_until_asked
from instar.cli.governing import govern
from instar.cli.rehearsal.load import Load, pairs
from instar.cli.rehearsal.readers import Reader
from instar.cli.rehearsal.scratch import Scratch, copy_sample
from instar.cli.runs import prepare
from instar.core.provenance import Direction
from instar.core.rollout.event import Apply, Command, Lesson, Rollback, Switch
from instar.core.rollout.phase import Phase
from instar.kafka.errors import KafkaTrouble, Refused
from instar.operations.kept_results import keep_result
from instar.operations.planning import make_plan
from instar.operations.rolling import Rolling, rolling
from instar.operations.rollout_planning import rollout_plan
from instar.processor.assemble import Options
from instar.processor.supervise import Slot, supervise
from instar.rollout.coordinator import Result
from instar.rollout.look import look
from instar.verifier.opening import KafkaOpener
from instar.verifier.report import Report
from instar.verifier.run import Options as VerifyOptions
from instar.verifier.run import run as verify
from instar.verifier.state import State

WAIT_S = 300.0
_LOOK_EVERY_S = 0.3
_END_S = 60.0
_ACTOR = "rehearsal"


@dataclass(slots=True)
class Part:
    """One part of the life, and what it came to."""

    name: str
    seconds: float
    details: Mapping[str, Any]


@dataclass
class Life:
    """``say`` is told what is going on. ``rate_per_s`` is the load's."""

    there: Scratch
    topic: str
    records: int
    rate_per_s: float
    say: Callable[[str], None] = lambda _: None
    parts: list[Part] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    troubles: list[str] = field(default_factory=list)
    _workers: list[threading.Thread] = field(default_factory=list)

    def run(self) -> dict[str, Any]:
        """All of it; the report. Raises ``KafkaTrouble`` and what a transition is refused for."""
        with ExitStack() as stack:
            at = stack.enter_context(
                rolling(self.there.project, self.there.name, actor=_ACTOR, wait=True, stopped=self.stop.wait)
            )
            return self._run(at, stack)

    def _run(self, at: Rolling, stack: ExitStack) -> dict[str, Any]:
        with self._part("sample") as said:
            sample = copy_sample(self.there, self.topic, self.records)
            said["records"] = len(sample)
        with self._part("apply") as said:
            planned = make_plan(self.there.project, self.there.name, self.there.kafka)
            plan = rollout_plan(self.there.project, self.there.name, self.there.kafka, planned)
            self._approve(at, "apply", plan.fingerprint)
            circumstances = at.circumstances("apply", (), plan)
            self._moved(at, Apply(_ACTOR, "rehearsal", circumstances, plan), said)
        there_and_back = at.migration.reverse is not None and bool(self.there.groups)
        load = self._load(sample) if there_and_back else None
        readers = [Reader(self.there, group) for group in self.there.groups]
        for reader in readers:
            reader.start()
            stack.callback(reader.end)
        stack.callback(self._end)
        self._worker("up")
        with self._part("replay") as said:
            self._until(at, Phase.CAUGHT_UP, "the bridge to catch up")
            said.update(self._counts(at))
        with self._part("verify") as said:
            said.update(self._verify(at, "up"))
            self._until(at, Phase.VERIFIED, "the verification to count")
        if load is not None:
            self._worker("down")
            self._there_and_back(at, load, readers)
        self._end()
        if self.troubles:
            raise KafkaTrouble(f"A worker of the rehearsal ended: {self.troubles[0]}")
        return self._report(load, readers, at)

    def _end(self) -> None:
        """Let the workers save their checkpoints and go."""
        self.stop.set()
        for worker in self._workers:
            worker.join(_END_S)

    def _there_and_back(self, at: Rolling, load: Load, readers: list[Reader]) -> None:
        load.start()
        self._sent(load, 1.0)
        for name in ("switch", "rollback", "switch again"):
            self._until(at, Phase.SWITCHED if name == "rollback" else Phase.VERIFIED, f"{name} to be possible")
            with self._part(name) as said:
                reason = "rehearsal"
                if name == "rollback":
                    self._moved(at, Rollback(_ACTOR, reason, at.circumstances("rollback", ())), said)
                    lesson = Lesson(_ACTOR, reason, reason, reason)
                    at.coordinator.tell(at.name, lesson, actor=_ACTOR, reason=reason)
                else:
                    self._approve(at, "switch", at.coordinator.state(at.name).fingerprint)
                    self._moved(at, Switch(_ACTOR, reason, at.circumstances("switch", ())), said)
            self._sent(load, 1.0)
        with self._part("drain") as said:
            said["records"] = sent = load.end()
            try:
                self._wait("every reader to see every record", lambda: not any(each.missing(sent) for each in readers))
            except Refused as waited:
                found = "; ".join(each.unseen(sent) for each in readers)
                raise Refused(f"{waited} {found}.", waited.remedy) from waited
        with self._part("verify both ways") as said:
            self._wait("both bridges to carry what is left", lambda: self._idle(at))
            said.update({direction: self._verify(at, direction) for direction in ("up", "down")})

    # ---------------------------------------------------------------- what it is made of

    def _load(self, sample: list[Any]) -> Load | None:
        usable = pairs(self.there, sample)
        return Load(self.there, usable, self.rate_per_s) if usable else None

    def _worker(self, direction: Direction) -> None:
        """A worker in a thread of its own, as `instar worker --when-asked` is one in its process."""

        def work() -> None:
            try:
                self._work(direction)
            except KafkaTrouble as trouble:
                self.troubles.append(f"{direction}: {trouble}")

        thread = threading.Thread(target=work, name=f"rehearsal {direction}", daemon=True)
        thread.start()
        self._workers.append(thread)

    def _work(self, direction: Direction) -> None:
        there = self.there
        if direction == "down" and not wait_until_asked(
            there.cluster, there.migration, there.name, direction, self.stop
        ):
            return
        options = Options(
            there.project.root, there.project.environment_name, there.name, direction, there.kafka, create=True
        )
        run = prepare(there.project, options, there.cluster, recover=False)
        slot = Slot(f"rehearsal-{direction}", lambda: run.plan, partial(govern, Wish()))
        supervise([slot], self.stop, lambda _: None)

    def _approve(self, at: Rolling, action: str, fingerprint: str) -> None:
        """Its topics are its own, so the rehearsal gives itself what it may ask of others for the real ones."""
        expires_ms = at.now_ms() + 3_600_000
        asked = at.state.approvals.ask(at.name, action, fingerprint, f"{_ACTOR} (asks)", "rehearsal", expires_ms)
        at.state.approvals.approve(asked, f"{_ACTOR} (answers)", "rehearsal")

    def _moved(self, at: Rolling, command: Command, said: dict[str, Any]) -> Result:
        result = at.coordinator.command(at.name, command)
        if result.kind != "done":
            evidence = f" ({'; '.join(result.evidence)})" if result.evidence else ""
            raise Refused(f"The rehearsal stopped: {result.message}{evidence}.", result.remedy)
        said["steps"] = list(result.ran)
        return result

    def _verify(self, at: Rolling, direction: Direction) -> dict[str, Any]:
        opener = KafkaOpener(at.project, at.name, direction, at.kafka)
        folder = self.there.folder
        report: Report = verify(opener, partial(State, folder, at.name, direction), VerifyOptions(stop=self.stop))
        keep_result(at.project, at.name, [report])
        return {"right": report.right, **report.result.as_dict()}

    def _counts(self, at: Rolling) -> dict[str, Any]:
        seen = at.keeper.watch()
        return {key: value for key, value in seen.counts.as_dict().items() if value}

    def _idle(self, at: Rolling) -> bool:
        lags = [look(at.cluster, at.name, direction, topic).largest_lag for direction, topic in _sources(at)]
        return lags == [0, 0]

    def _until(self, at: Rolling, phase: Phase, what: str) -> None:
        def reached() -> bool:
            at.observe()
            return at.coordinator.state(at.name).phase in (phase, Phase.SWITCHED) or (
                phase is Phase.CAUGHT_UP and at.coordinator.state(at.name).phase is Phase.VERIFIED
            )

        self._wait(what, reached)

    def _sent(self, load: Load, seconds: float) -> None:
        """Let the load go on for a while: for so many seconds' worth of records."""
        wanted = load.sent + max(1, int(self.rate_per_s * seconds))
        self._wait("the load to be written", lambda: load.sent >= wanted or bool(load.refused))

    def _wait(self, what: str, ready: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + WAIT_S
        while not ready():
            if self.troubles:
                raise KafkaTrouble(f"A worker of the rehearsal ended: {self.troubles[0]}")
            if time.monotonic() > deadline_s:
                raise Refused(
                    f"The rehearsal waited {WAIT_S:.0f} s for {what}, in vain.", "`--keep` leaves its topics."
                )
            if self.stop.wait(_LOOK_EVERY_S):
                raise KeyboardInterrupt

    @contextmanager
    def _part(self, name: str) -> Iterator[dict[str, Any]]:
        self.say(name)
        began_s = time.monotonic()
        said: dict[str, Any] = {}
        yield said
        self.parts.append(Part(name, round(time.monotonic() - began_s, 2), said))

    def _report(self, load: Load | None, readers: list[Reader], at: Rolling) -> dict[str, Any]:
        sent = 0 if load is None else load.sent
        verified = [
            found
            for part in self.parts
            for found in (part.details, *(each for each in part.details.values() if isinstance(each, Mapping)))
            if "right" in found
        ]
        results = [reader.result(sent) for reader in readers] if load is not None else []
        passed = all(each["right"] for each in verified) and not any(
            each["lost"] or each["doubled"] for each in results
        )
        return {
            "passed": passed,
            "there_and_back": load is not None,
            "fingerprint_of_scratch": at.project.fingerprint(at.name),
            "load_records": sent,
            "load_per_s": self.rate_per_s,
            "readers": results,
            "parts": [{"part": each.name, "seconds": each.seconds, **each.details} for each in self.parts],
        }


def _sources(at: Rolling) -> tuple[tuple[Direction, str], ...]:
    return ("up", at.migration.source.topic), ("down", at.migration.target.topic)
