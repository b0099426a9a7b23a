"""Sessions of browsers: in the state store, so that they outlive this server and hold at its neighbours; in memory
where the store is away."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from instar.dashboard.store import Store
from instar.state.errors import StateTrouble
from instar.state.sessions import SESSION_MS, Session

MOST = 1_000  # in memory


class SessionStore(Protocol):
    """Where sessions are. Names are the SHA-256 of what browsers keep."""

    def begin(self, name: str, session: Session) -> None: ...

    def find(self, name: str) -> Session | None: ...

    def end(self, name: str) -> None: ...

    def prune(self, most: int) -> int: ...


class MemorySessions:
    """Those of one process; it forgets the oldest beyond ``MOST``."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._sessions: OrderedDict[str, tuple[Session, float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, name: str, session: Session) -> None:
        with self._lock:
            self._sessions[name] = session, self._now_s() + SESSION_MS / 1000
            while len(self._sessions) > MOST:
                self._sessions.popitem(last=False)

    def find(self, name: str) -> Session | None:
        found = self._sessions.get(name)
        return found[0] if found is not None and found[1] > self._now_s() else None

    def end(self, name: str) -> None:
        with self._lock:
            self._sessions.pop(name, None)

    def names(self) -> list[str]:
        with self._lock:
            return list(self._sessions)

    def prune(self, most: int) -> int:
        with self._lock:
            now_s = self._now_s()
            over = [name for name, (_, until_s) in self._sessions.items() if until_s <= now_s][:most]
            for name in over:
                del self._sessions[name]
            return len(over)


class KeptSessions:
    """In the store while it answers.

    Away, those that this server has seen go on and new ones begin in its memory, where they stay. One that was ended
    meanwhile does not come back with the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = MemorySessions()  # begun while the store was away
        self._seen = MemorySessions()  # copies of the store's
        self._ended = MemorySessions()  # which the store does not know yet

    def begin(self, name: str, session: Session) -> None:
        try:
            with self._store.asked() as state:
                state.sessions.begin(name, session)
        except StateTrouble:
            self._own.begin(name, session)

    def find(self, name: str) -> Session | None:
        if self._ended.find(name) is not None:
            return None
        own = self._own.find(name)
        if own is not None:
            return own
        try:
            with self._store.asked() as state:
                found = state.sessions.find(name)
        except StateTrouble:
            return self._seen.find(name)
        if found is None:
            self._seen.end(name)
        elif self._seen.find(name) is None:
            self._seen.begin(name, found)
        return found

    def end(self, name: str) -> None:
        found = self.find(name)
        self._own.end(name)
        self._seen.end(name)
        try:
            with self._store.asked() as state:
                state.sessions.end(name)
        except StateTrouble:
            if found is not None:
                self._ended.begin(name, found)

    def prune(self, most: int) -> int:
        """Also ends in the store what was ended while it was away. Raises ``StateTrouble``."""
        for each in (self._own, self._seen):
            each.prune(most)
        with self._store.asked() as state:
            for name in self._ended.names():
                state.sessions.end(name)
                self._ended.end(name)
            return state.sessions.prune(most)
