"""Who did what through this server: a line of the log for each, and the newest ones to look at."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

log = structlog.get_logger("instar.audit")

KEPT = 500


@dataclass(frozen=True, slots=True)
class Deed:
    at: datetime
    by: str
    role: str
    what: str
    about: Mapping[str, Any]


@dataclass(slots=True)
class Audit:
    """The log keeps everything; this process remembers the last ``KEPT`` until it ends."""

    _deeds: deque[Deed] = field(default_factory=lambda: deque(maxlen=KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, by: str, role: str, what: str, **about: Any) -> None:
        deed = Deed(datetime.now(UTC), by, role, what, about)
        with self._lock:
            self._deeds.append(deed)
        log.info("audit", by=by, role=role, what=what, **about)

    def newest(self) -> list[Deed]:
        with self._lock:
            return list(reversed(self._deeds))
