"""The state store as this server has it: opened once, and left alone when it does not answer.

No request waits for a database of which it is known that it is away. Whether it is back is looked for in the background
(``tending.py``).
"""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog

from instar.operations.stating import state_of
from instar.project.project import Project
from instar.state.errors import NotThere, Refused, StateTrouble
from instar.state.opening import State

log = structlog.get_logger(__name__)


class Away(StateTrouble):
    """It did not answer when it was last asked; why is the message."""

    exit_code = 5


class Store:
    """One environment's state. ``away`` is why it does not answer, with what to do; None while it does."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._opened: State | None = None
        self._open = ExitStack()
        self.away: StateTrouble | None = None

    @contextmanager
    def asked(self, *, again: bool = False) -> Iterator[State]:
        """The state. Raises ``StateTrouble``: at once where it is away, unless it is to be tried ``again``."""
        try:
            yield self._state(again=again)
        except (Away, NotThere, Refused):
            raise  # nothing new, or an answer
        except StateTrouble as trouble:
            self._lost(trouble)
            raise
        if self.away is not None:
            log.info("the state store answers again")
            self.away = None

    def close(self) -> None:
        with self._lock:
            self._open.close()
            self._opened = None

    def _state(self, *, again: bool) -> State:
        with self._lock:  # whoever waits here for one who finds it away need not find that as well
            if self.away is not None and not again:
                raise Away(str(self.away), self.away.remedy)
            if self._opened is None:
                self._opened = self._open.enter_context(state_of(self._project))
            return self._opened

    def _lost(self, trouble: StateTrouble) -> None:
        """Said once for each absence. What comes back is perhaps another database: it is opened anew then."""
        if self.away is None:
            log.warning("the state store is away", why=str(trouble), remedy=trouble.remedy)
        self.away = trouble
        self.close()
