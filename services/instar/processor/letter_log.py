"""Dead letters in the log: the first of each cause, and then a line at most every ten seconds with how many came since.

A bad release of a producer can make a million letters. Each of them says all there is to say; the log says that they
come, from where, and which trace to look at. What a record holds is not in it: no key, no value, and not the text of
an exception, which can quote the value.
"""

import time
from collections.abc import Callable
from typing import Any

from instar.core.record import Record
from instar.core.rejected import Rejected
from instar.core.trace_context import context_of

SAY_EVERY_S = 10.0


class LetterLog:
    """``log`` is the worker's. ``now_s`` is any clock that never goes back."""

    def __init__(self, log: Any, now_s: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now_s = now_s
        self._said_s: dict[tuple[str, str | None], float] = {}
        self._unsaid: dict[tuple[str, str | None], int] = {}

    def take(self, record: Record, rejected: Rejected) -> None:
        """A record that becomes a dead letter, once its transaction commits."""
        cause = (rejected.code, rejected.hop)
        unsaid = self._unsaid[cause] = self._unsaid.get(cause, 0) + 1
        now_s = self._now_s()
        if now_s - self._said_s.get(cause, now_s - SAY_EVERY_S) < SAY_EVERY_S:
            return
        self._said_s[cause], self._unsaid[cause] = now_s, 0
        context = context_of(record.headers)
        trace = {} if context is None else context.ids
        self._log.warning(
            "dead letter",
            code=rejected.code,
            hop=rejected.hop,
            subject=rejected.subject,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            since_last_line=unsaid,
            **trace,
        )
