"""Who did or tried what through this server: a line of the log for each, and the audit of the state store.

What changes something is written down before it is done and once more when it has ended, so that a server that is
killed in between leaves "begun" behind and never nothing. Where the store is away the log has the line all the same;
what ``needs_store`` is not done then, and the lines of anything else wait here until it is back.

What strangers try is written down too, so much of it as cannot drown the rest (``_REFUSED_*``); what is more than that
is counted.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from uuid import uuid4

import structlog

from instar.dashboard.callers import Caller
from instar.dashboard.guard import Limiter
from instar.dashboard.problems import problem_of
from instar.dashboard.store import Store
from instar.state.audit import BEGUN, DONE, FAILED, REFUSED, Deed
from instar.state.errors import StateTrouble
from instar.state.wanted import Wanted

log = structlog.get_logger("instar.audit")

KEPT = 500
_REFUSED_BURST = 20.0  # of one address
_REFUSED_PER_S = 0.1
_ALL_REFUSED_BURST = 200.0  # of all addresses together
_ALL_REFUSED_PER_S = 1.0


class AuditStore(Protocol):
    """Where lines are."""

    def add(self, deed: Deed) -> None: ...

    def page(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Deed]: ...


class MemoryTrail:
    """The newest ``KEPT`` lines of one process."""

    def __init__(self) -> None:
        self._lines: deque[Deed] = deque(maxlen=KEPT)
        self._lock = threading.Lock()
        self._number = 0

    def add(self, deed: Deed) -> None:
        with self._lock:
            self._number += 1
            self._lines.append(replace(deed, number=self._number))

    def page(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Deed]:
        with self._lock:
            newest = {line.id: line for line in self._lines}
        found = sorted(newest.values(), key=lambda line: line.number, reverse=True)
        return [each for each in found if _is_wanted(each, wanted) and (before is None or each.number < before)][:limit]


@dataclass(slots=True)
class Doing:
    """A deed that is begun; ``details`` may grow until it ends, and ``outcome`` be another one than done."""

    deed: Deed
    details: dict[str, Any]
    outcome: str = DONE


@dataclass(slots=True)
class Audit:
    """``store`` is where lines are kept; None: in this process's memory."""

    store: Store | None = None
    now_s: Callable[[], float] = time.time
    _memory: MemoryTrail = field(default_factory=MemoryTrail)
    _waiting: deque[Deed] = field(default_factory=lambda: deque(maxlen=KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _writing: threading.Lock = field(default_factory=threading.Lock)
    _of_one: Limiter = field(default_factory=lambda: Limiter(_REFUSED_PER_S, _REFUSED_BURST))
    _of_all: Limiter = field(default_factory=lambda: Limiter(_ALL_REFUSED_PER_S, _ALL_REFUSED_BURST))
    _unsaid: int = 0

    @contextmanager
    def doing(
        self, caller: Caller, what: str, migration: str, why: str = "", *, needs_store: bool, **details: Any
    ) -> Iterator[Doing]:
        """Around a deed. Raises ``StateTrouble``, before it is done, where it ``needs_store`` and that is away."""
        doing = self.begin(caller, what, migration, why, needs_store=needs_store, **details)
        try:
            yield doing
        except BaseException as error:
            self.end(doing, FAILED, **({"error": problem_of(error).detail} if isinstance(error, Exception) else {}))
            raise
        self.end(doing, doing.outcome)

    def begin(
        self, caller: Caller, what: str, migration: str, why: str = "", *, needs_store: bool, **details: Any
    ) -> Doing:
        """Write down what is about to be done; ``end`` it. Raises like ``doing``."""
        now_ms = self._now_ms()
        role = caller.role.name.lower()
        deed = Deed(uuid4().hex, now_ms, now_ms, caller.name, role, what, migration, why, BEGUN, details)
        self._write(deed, needs_store=needs_store)
        return Doing(deed, details)

    def end(self, doing: Doing, outcome: str, **more: Any) -> None:
        """What became of it. Never fails for the store: it is done, whether that can be written down now or later."""
        ended = replace(doing.deed, at_ms=self._now_ms(), outcome=outcome, details={**doing.details, **more})
        self._write(ended, needs_store=False)

    def note(self, caller: Caller, what: str, migration: str, why: str = "", **details: Any) -> None:
        """What the ledger has in one transaction with the deed: one line, afterwards."""
        now_ms, role = self._now_ms(), caller.role.name.lower()
        deed = Deed(uuid4().hex, now_ms, now_ms, caller.name, role, what, migration, why, DONE, details)
        self._write(deed, needs_store=False)

    def refused(self, caller: Caller | None, what: str, why: str, address: str, migration: str = "") -> None:
        """Something that was tried and not allowed; ``why`` in words."""
        by, role = ("", "") if caller is None else (caller.name, caller.role.name.lower())
        with self._lock:
            if self._of_one.wait_s(address) or self._of_all.wait_s(""):
                self._unsaid += 1
                return
            details: dict[str, Any] = {"address": address} | ({"unsaid": self._unsaid} if self._unsaid else {})
            self._unsaid = 0
        now_ms = self._now_ms()
        self._write(
            Deed(uuid4().hex, now_ms, now_ms, by, role, what, migration, why, REFUSED, details), needs_store=False
        )

    def page(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Deed]:
        """The newest first. Raises ``StateTrouble``: ``remembered`` is what this server knows by itself."""
        if self.store is None:
            return self.remembered(wanted, limit, before)
        with self.store.asked() as state:
            return state.audit.page(wanted, limit, before)

    def remembered(self, wanted: Wanted, limit: int, before: int | None = None) -> list[Deed]:
        return self._memory.page(wanted, limit, before)

    def newest(self) -> list[Deed]:
        """What this server has noted since it started."""
        return self.remembered(Wanted(), KEPT)

    def flush(self) -> None:
        """Write down what waits for the store, in its order. Raises ``StateTrouble``."""
        if self.store is None:
            return
        with self._writing, self.store.asked() as state:
            while self._waiting:
                deed = self._waiting.popleft()
                try:
                    state.audit.add(deed)
                except StateTrouble:
                    self._waiting.appendleft(deed)
                    raise

    def _write(self, deed: Deed, *, needs_store: bool) -> None:
        said = {"by": deed.by, "role": deed.role, "what": deed.what, "migration": deed.migration, "why": deed.why}
        if self.store is not None:
            try:
                if self._waiting:  # what became of a deed must not be there before it was begun
                    self.flush()
                with self.store.asked() as state:
                    state.audit.add(deed)
            except StateTrouble as trouble:
                if needs_store:
                    log.warning("not done, for it could not be written down", **said, trouble=str(trouble))
                    raise
                self._waiting.append(deed)
        self._memory.add(deed)
        log.info("audit", **said, deed=deed.id, outcome=deed.outcome, about=dict(deed.details))

    def _now_ms(self) -> int:
        return int(self.now_s() * 1000)


def _is_wanted(deed: Deed, wanted: Wanted) -> bool:
    return (
        wanted.who.lower() in deed.by.lower()
        and wanted.what.lower() in deed.what.lower()
        and wanted.migration in ("", deed.migration)
        and (wanted.since_ms is None or deed.at_ms >= wanted.since_ms)
        and (wanted.until_ms is None or deed.at_ms < wanted.until_ms)
        and (not wanted.refused or deed.outcome == REFUSED)
    )
