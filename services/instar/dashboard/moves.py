"""Transitions that this server carries out: one at a time for each migration, in a thread of its own.

Nothing that counts is kept here. The coordinator writes down every step before it is taken, so that a server that ends
in the middle loses nothing: whoever gives the command again, here or at the command line, goes on from there.
"""

import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from instar.dashboard.problems import Problem, problem_of
from instar.kafka.errors import KafkaTrouble
from instar.operations.failure import Failure
from instar.operations.moving import as_dict
from instar.registry.port import RegistryError
from instar.rollout.coordinator import Result
from instar.state.errors import StateTrouble

log = structlog.get_logger(__name__)

STOPPED_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Move:
    """One transition as this server saw it. ``result`` is what the command would have printed, once it has ended."""

    what: str
    by: str
    began: datetime
    ended: datetime | None = None
    result: dict[str, Any] = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return self.ended is None

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "by": self.by,
            "began": self.began.isoformat(),
            "ended": None if self.ended is None else self.ended.isoformat(),
            "outcome": self.result or None,
        }


class Moves:
    """The last move of each migration. ``stopping`` is set when the server ends: whoever waits then stops waiting."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self._moves: dict[str, Move] = {}
        self._threads: dict[str, threading.Thread] = {}
        self._lock = threading.Lock()

    def of(self, migration: str) -> Move | None:
        return self._moves.get(migration)

    def begin(
        self, migration: str, what: str, by: str, work: Callable[[], Result], after: Callable[[dict[str, Any]], object]
    ) -> Move:
        """Start ``work``; ``after`` is given what became of it, before anybody is told so. Raises ``Problem`` while
        another one is at work."""
        with self._lock:
            known = self._moves.get(migration)
            if known is not None and known.running:
                raise Problem(
                    409,
                    "moving",
                    f"{migration} is being moved: {known.what}, begun by {known.by}.",
                    "Wait until it has ended.",
                    headers={"Retry-After": "2"},
                )
            move = self._moves[migration] = Move(what, by, datetime.now(UTC))
            thread = threading.Thread(
                target=self._run, args=(migration, move, work, after), name=f"move {migration}", daemon=True
            )
            self._threads[migration] = thread
            thread.start()
        return move

    def wait(self, migration: str, timeout_s: float) -> None:
        """Until its move has ended, or the time is over."""
        thread = self._threads.get(migration)
        if thread is not None:
            thread.join(timeout_s)

    def stop(self) -> None:
        """The server ends: moves that wait stop as if they had been killed, and the others get a while to finish."""
        self.stopping.set()
        for migration in list(self._threads):
            self.wait(migration, STOPPED_WITHIN_S)

    def _run(
        self, migration: str, move: Move, work: Callable[[], Result], after: Callable[[dict[str, Any]], object]
    ) -> None:
        result = _outcome(migration, move, work)
        try:
            after(result)
        except Exception:  # a look that fails must not leave the move running for ever; the log has why
            log.error("nobody could look after a move", migration=migration, trace=traceback.format_exc())  # noqa: TRY400
        self._moves[migration] = replace(move, ended=datetime.now(UTC), result=result)


def _outcome(migration: str, move: Move, work: Callable[[], Result]) -> dict[str, Any]:
    """What became of it; a thread has nobody to raise to."""
    again = "Give the command again: it goes on from where it is."
    try:
        result = work()
    except KeyboardInterrupt:  # how the coordinator ends a wait that was told to stop
        return {"result": "stopped", "message": "The server ended while it waited.", "remedy": again}
    except (KafkaTrouble, StateTrouble, RegistryError, Failure) as trouble:
        problem = problem_of(trouble)
        log.warning("a move failed", migration=migration, what=move.what, by=move.by, why=problem.detail)
        return {"result": "failed", "message": problem.detail, "remedy": problem.remedy or again}
    except Exception:
        trace = traceback.format_exc()  # as text: see app._answer
        log.error("a move broke off", migration=migration, what=move.what, by=move.by, trace=trace)  # noqa: TRY400
        return {"result": "failed", "message": "Something went wrong here; the log says what.", "remedy": again}
    log.info("moved", migration=migration, what=move.what, by=move.by, result=result.kind, why=result.message)
    return as_dict(result)
