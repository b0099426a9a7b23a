"""What the dashboard keeps, in memory and in databases, to be tested alike; and time that passes for it."""

from typing import Protocol

from instar.dashboard.audit import AuditStore, MemoryTrail
from instar.dashboard.idempotency import AnswerStore, MemoryAnswers
from instar.dashboard.sessions import MemorySessions, SessionStore
from instar.state.opening import State
from instar.state.tables import idempotency, sessions


class KeptLab(Protocol):
    """The stores, and a clock."""

    @property
    def sessions(self) -> SessionStore: ...

    @property
    def answers(self) -> AnswerStore: ...

    @property
    def trail(self) -> AuditStore: ...

    def pass_time(self, ms: int) -> None: ...


class MemoryKept:
    def __init__(self) -> None:
        self._now_s = 1_000.0
        self.sessions = MemorySessions(lambda: self._now_s)
        self.answers = MemoryAnswers(lambda: self._now_s)
        self.trail = MemoryTrail()

    def pass_time(self, ms: int) -> None:
        self._now_s += ms / 1000


class StateKept:
    def __init__(self, state: State) -> None:
        self.state = state
        self.sessions = state.sessions
        self.answers = state.answers
        self.trail = state.audit

    def pass_time(self, ms: int) -> None:
        """The clock is the database's own, so that what it is compared with moves instead."""
        with self.state.database.writing() as connection:
            connection.execute(
                sessions.update().values(began_ms=sessions.c.began_ms - ms, until_ms=sessions.c.until_ms - ms)
            )
            connection.execute(
                idempotency.update().values(at_ms=idempotency.c.at_ms - ms, until_ms=idempotency.c.until_ms - ms)
            )
