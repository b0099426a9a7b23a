"""What OpenTelemetry's SDK complains of, as log lines of ours: each kind at first and then once a minute.

A collector that is down is reported by the SDK at every export, with tracebacks at times; the migration's log must not
drown in that.
"""

import logging
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

SAY_EVERY_S = 60.0
LIMIT_KINDS = 50


class Complaints(logging.Handler):
    """A handler of the logger ``opentelemetry``. ``now_s`` is any clock that never goes back."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__(logging.WARNING)
        self._now_s = now_s
        self._said_s: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        # By its template: the text has times and counts in it.
        kind = str(record.msg) if len(self._said_s) < LIMIT_KINDS or record.msg in self._said_s else "others"
        now_s = self._now_s()
        if now_s - self._said_s.get(kind, now_s - SAY_EVERY_S) < SAY_EVERY_S:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        self._said_s[kind] = now_s
        log.warning("telemetry is in trouble", why=record.getMessage(), repeated=self._unsaid.pop(kind, 0))


def listen() -> None:
    """From now on, the SDK's complaints come here and nowhere else. May be called again."""
    logger = logging.getLogger("opentelemetry")
    if not any(isinstance(one, Complaints) for one in logger.handlers):
        logger.addHandler(Complaints())
        logger.propagate = False
